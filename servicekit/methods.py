"""What a proto declares about an RPC, read from its descriptor once when the server is built."""

import re
from dataclasses import dataclass
from typing import Any

from google.api import annotations_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

PERMISSION_OPTION = "qmcp.options.v1.permission"


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC, as its proto declares it."""

    # `/qmcp.tools.v1.ToolsService/InvokeTool`
    path: str
    service: str
    name: str
    # `<service>.qmcp`: the domain of its errors.
    domain: str
    request_class: type[Message]
    response_class: type[Message]
    client_streaming: bool
    server_streaming: bool
    # What the caller must be allowed to do; empty for RPCs that are not ours (health, reflection).
    permission: str
    # `/v1/tools/{name}`: the route of its HTTP binding with bare placeholders; empty where it has none.
    route: str


def methods_of(service: ServiceDescriptor) -> list[Method]:
    """Every RPC of a service."""
    return [_method(service, method) for method in service.methods]


def _method(service: ServiceDescriptor, method: MethodDescriptor) -> Method:
    return Method(
        path=f"/{service.full_name}/{method.name}",
        service=service.full_name,
        name=method.name,
        domain=f"{service.full_name.split('.')[1]}.qmcp",
        request_class=message_factory.GetMessageClass(method.input_type),
        response_class=message_factory.GetMessageClass(method.output_type),
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
        permission=_permission(method),
        route=_route(method),
    )


def _permission(method: MethodDescriptor) -> str:
    # Looked up by name: servicekit imports no generated code.
    extension: Any = descriptor_pool.Default().FindExtensionByName(PERMISSION_OPTION)
    return str(method.GetOptions().Extensions[extension])


def _route(method: MethodDescriptor) -> str:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    pattern = rule.WhichOneof("pattern")
    if pattern is None:
        return ""
    return re.sub(r"\{([^}=]+)=[^}]*\}", r"{\1}", getattr(rule, pattern))
