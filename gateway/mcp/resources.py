"""What services can be asked for by an address, as resources: the reads of the contract, in JSON."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message_factory import GetMessageClass
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from qmcp.options.v1 import options_pb2

from gateway import contract
from gateway.mcp import failures
from gateway.mcp.callers import Caller, caller_of
from gateway.mcp.changes import RESOURCE_NOT_FOUND
from gateway.mcp.contract_tools import ContractCalls, text_of
from gateway.openapi.contract import Contract

SCHEME, ROOT = "qmcp://", "/v1/"
JSON = "application/json"
# Who may do what, and who is who, is no matter of agents.
HIDDEN = "access"
VARIABLE = re.compile(r"\{(\w+)(?:=\*\*)?\}")
Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True)
class Readable:
    """An RPC as a resource, or as a template of such: `qmcp://invocations/{id}`."""

    method: MethodDescriptor
    name: str
    description: str
    permission: str
    template: str
    # Of an address: what the RPC takes.
    pattern: re.Pattern[str]

    @property
    def is_template(self) -> bool:
        return bool(self.pattern.groups)


def readables() -> tuple[Readable, ...]:
    """All of them, in order of their addresses."""
    documented = Contract(contract.documented())
    return tuple(sorted(_found(documented), key=lambda each: each.template))


def _found(documented: Contract) -> Iterator[Readable]:
    for service in contract.services():
        for method in service.methods:
            if not _is_read(method):
                continue
            _, path = contract.verb_and_template(contract.bindings(method)[0])
            permission: str = contract.option(method, options_pb2.permission)
            if path.startswith(ROOT) and ":" not in path and permission.endswith(".read"):
                place = path.removeprefix(ROOT)
                yield Readable(
                    method,
                    re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", method.name).lower(),
                    documented.comment(method.full_name),
                    permission,
                    SCHEME + VARIABLE.sub(r"{\1}", place),
                    re.compile(SCHEME + VARIABLE.sub(r"(?P<\1>[^/?#]+)", place)),
                )


def _is_read(method: MethodDescriptor) -> bool:
    """Whether it is one quick GET that answers with a message, at an address that is no credential."""
    bindings = contract.bindings(method)
    return (
        bool(bindings)
        and bindings[0].WhichOneof("pattern") == "get"
        and contract.short_name(method.containing_service) != HIDDEN
        and not method.server_streaming
        and contract.idempotency_level(method) == MethodOptions.NO_SIDE_EFFECTS
        and contract.call_kind(method) == options_pb2.CALL_KIND_QUICK
        and not contract.option(method, options_pb2.path_credential)
        and method.output_type.full_name != HttpBody.DESCRIPTOR.full_name
    )


class Resources:
    """The handlers of resources."""

    def __init__(self, calls: ContractCalls) -> None:
        self._calls = calls
        self._readables = readables()

    def _shown(self, context: Context, *, templates: bool) -> list[Readable]:
        caller = caller_of(context)
        if caller.permissions is None:
            raise MCPError(INTERNAL_ERROR, "Nobody can say now what you may read. List again in a few seconds.")
        return [each for each in self._readables if each.is_template == templates and caller.may(each.permission)]

    async def list_resources(self, context: Context, _: PaginatedRequestParams | None) -> ListResourcesResult:
        """Those that need no more than their address; each is the first page of a list."""
        found = [
            Resource(uri=each.template, name=each.name, description=each.description, mime_type=JSON)
            for each in self._shown(context, templates=False)
        ]
        return ListResourcesResult(resources=found)

    async def list_templates(self, context: Context, _: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        """Those of one thing each, by its id."""
        found = [
            ResourceTemplate(uri_template=each.template, name=each.name, description=each.description, mime_type=JSON)
            for each in self._shown(context, templates=True)
        ]
        return ListResourceTemplatesResult(resource_templates=found)

    async def read(self, context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """What the RPC answers, as JSON. What there is not, and what is not the caller's to see, is not found."""
        told = await self._told(caller_of(context), params.uri)
        if told is None:
            code = INVALID_PARAMS if context.protocol_version in MODERN_PROTOCOL_VERSIONS else RESOURCE_NOT_FOUND
            raise MCPError(code, "Resource not found", {"uri": params.uri})
        return ReadResourceResult(
            contents=[TextResourceContents(uri=params.uri, mime_type=JSON, text=text_of(told))], ttl_ms=0
        )

    async def _told(self, caller: Caller, uri: str) -> dict[str, Any] | None:
        for each in self._readables:
            if match := each.pattern.fullmatch(uri):
                taken = {name: unquote(value) for name, value in match.groupdict().items()}
                try:
                    return await self._calls.ask(each.method, caller, GetMessageClass(each.method.input_type)(**taken))
                except grpc.aio.AioRpcError as error:
                    failure = failures.of(error)
                    if failure.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
                        return None
                    raise MCPError(INTERNAL_ERROR, failure.message, failure.as_json()) from error
        return None
