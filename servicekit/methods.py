"""What a proto declares about an RPC, read from its descriptor once when the server is built."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from google.api import annotations_pb2
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

# Looked up by name: servicekit imports no generated code.
OPTIONS = "qmcp.options.v1"


class CallKind(IntEnum):
    """How long an RPC may take: `qmcp.options.v1.CallKind`, where each is described. Hashed often in each call."""

    UNSPECIFIED = 0
    QUICK = 1
    LONG = 2
    WAIT = 3
    STREAM = 4


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
    call_kind: CallKind
    # Whether sending it twice does what sending it once does.
    repeatable: bool
    # The HTTP status of every success, where there is one and it is not 200; else 0.
    success_status: int
    # `/v1/tools/{name}`: the route of its HTTP binding with bare placeholders; empty where it has none.
    route: str
    # The paths of all of its bindings, as the contract writes them: `/v1/tools/{name=**}`.
    routes: tuple[str, ...]
    # What the body of an HTTP call is: `*` the request, else the name of its field; empty where there is none.
    body: str
    # Whether the body, or the answer, goes over HTTP as it is (google.api.HttpBody), instead of as JSON.
    raw_body: bool
    raw_answer: bool
    # Whether its route is one that an original system had, whose clients look for what that answered.
    original: bool
    # `<package>.<Service>/<Rpc>` of a published standard: what it also answers to over gRPC; else empty.
    standard: str


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
        permission=str(_option(method, "permission")),
        call_kind=CallKind(_option(method, "call_kind")),
        repeatable=method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        success_status=_only(_option(method, "success_status")),
        route=_without_patterns(next(iter(routes := _routes(method)), "")),
        routes=routes,
        body=(body := method.GetOptions().Extensions[annotations_pb2.http].body),
        raw_body=body in method.input_type.fields_by_name
        and _is_raw(method.input_type.fields_by_name[body].message_type),
        raw_answer=_is_raw(method.output_type),
        original=bool(_option(method, "original_route")),
        standard=str(_option(method, "standard_rpc")),
    )


def _is_raw(message: Descriptor | None) -> bool:
    return message is not None and message.full_name == HttpBody.DESCRIPTOR.full_name


def _option(method: MethodDescriptor, name: str) -> Any:
    extension: Any = descriptor_pool.Default().FindExtensionByName(f"{OPTIONS}.{name}")
    return method.GetOptions().Extensions[extension]


def _only(statuses: Sequence[int]) -> int:
    return statuses[0] if len(statuses) == 1 else 0


def _routes(method: MethodDescriptor) -> tuple[str, ...]:
    first = method.GetOptions().Extensions[annotations_pb2.http]
    rules = [(rule, rule.WhichOneof("pattern")) for rule in (first, *first.additional_bindings)]
    return tuple(getattr(rule, pattern) for rule, pattern in rules if pattern is not None)


def _without_patterns(route: str) -> str:
    return re.sub(r"\{([^}=]+)=[^}]*\}", r"{\1}", route)
