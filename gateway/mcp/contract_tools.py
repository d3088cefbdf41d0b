"""RPCs as tools: those that the contract marks for MCP, with schemas, hints and words that derive from it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import grpc
import grpc.aio
import jsonschema_rs
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations
from qmcp.options.v1 import options_pb2

from gateway import contract
from gateway.mcp import documents, failures
from gateway.mcp.callers import Caller
from gateway.mcp.channels import Channels
from gateway.mcp.failures import Failure
from gateway.openapi.contract import Contract
from gateway.openapi.schemas import Schema, Schemas

# The field that makes a retry return the first answer.
IDEMPOTENCY_FIELD = "idempotency_key"
DEFINITIONS = "#/$defs/"
# Of what is wrong with arguments so much is told.
MAX_FAULTS = 8
# Whose errors those are that no service has made.
DOMAIN = "edge.qmcp"


@dataclass(frozen=True)
class ContractTool:
    """One RPC as a tool."""

    method: MethodDescriptor
    name: str
    permission: str
    described: Tool
    # The request's fields by the names that agents have for them, where these are others.
    fields: Mapping[str, str]

    @cached_property
    def validator(self) -> Any:
        """Its input schema, compiled."""
        return jsonschema_rs.validator_for(self.described.input_schema)

    def unknown(self, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Arguments by names that are the request's own, and not the agents'."""
        hidden = {field: name for name, field in self.fields.items()}
        return [(f"/{each}", f"is called `{hidden[each]}` here") for each in arguments if each in hidden]

    def as_fields(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by the names of the request's fields."""
        return {self.fields.get(name, name): value for name, value in arguments.items()}

    def told(self, failure: Failure) -> Failure:
        """What a service refused, with its fields as agents know them."""
        names = {field: name for name, field in self.fields.items()}
        return replace(failure, fields=tuple((names.get(field, field), text) for field, text in failure.fields))


def tool_name(method: MethodDescriptor) -> str:
    """What the option says, else the RPC's name in small letters and underscores."""
    declared: str = contract.option(method, options_pb2.mcp).name
    return declared or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", method.name).lower()


def marked() -> Iterator[MethodDescriptor]:
    """The RPCs that agents see as tools."""
    for service in contract.services():
        for method in service.methods:
            if contract.option(method, options_pb2.mcp).title:
                yield method


def contract_tools() -> dict[str, ContractTool]:
    """All of them by name, in order of the names."""
    documented = Contract(contract.documented())
    found = [_tool(method, documented) for method in marked()]
    return {each.name: each for each in sorted(found, key=lambda each: each.name)}


def _tool(method: MethodDescriptor, documented: Contract) -> ContractTool:
    option = contract.option(method, options_pb2.mcp)
    level = contract.idempotency_level(method)
    name = tool_name(method)
    fields = dict(each.split("=") for each in option.argument)
    described = Tool(
        name=name,
        title=option.title,
        description=documented.comment(method.full_name),
        input_schema=_called(_closed(_schema(method.input_type, documented)), fields),
        output_schema=_schema(method.output_type, documented),
        annotations=ToolAnnotations(
            title=option.title,
            read_only_hint=level == MethodOptions.NO_SIDE_EFFECTS,
            destructive_hint=option.destructive,
            idempotent_hint=level != MethodOptions.IDEMPOTENCY_UNKNOWN,
            open_world_hint=False,
        ),
    )
    return ContractTool(method, name, contract.option(method, options_pb2.permission), described, fields)


def _called(schema: Schema, fields: Mapping[str, str]) -> Schema:
    """The schema of a request with the agents' names of its fields."""
    names = {field: name for name, field in fields.items()}
    properties = {names.get(each, each): described for each, described in schema.get("properties", {}).items()}
    called = schema | ({"properties": properties} if properties else {})
    return called | (
        {"required": [names.get(each, each) for each in schema["required"]]} if "required" in schema else {}
    )


def _schema(message: Descriptor, documented: Contract) -> Schema:
    """A schema that holds all that it refers to."""
    schemas = Schemas(documented, DEFINITIONS)
    schema = schemas.object(message, lambda _: True)
    return schema | ({"$defs": dict(sorted(schemas.components.items()))} if schemas.components else {})


def _closed(schema: Schema) -> Schema:
    """The schema of a request: what it does not know is refused, at any depth."""
    definitions = {name: _closed(each) for name, each in schema.get("$defs", {}).items()}
    closed = {"additionalProperties": False} | schema if "properties" in schema else dict(schema)
    return closed | ({"$defs": definitions} if definitions else {})


class ContractCalls:
    """Calls RPCs by what MCP was given."""

    def __init__(self, channels: Channels, seconds: Mapping[Any, float]) -> None:
        """`seconds`: how long a call of each kind may take."""
        self._channels = channels
        self._seconds = seconds

    async def call(
        self, tool: ContractTool, caller: Caller, arguments: dict[str, Any], idempotency_key: str
    ) -> CallToolResult:
        """The answer as structured content and as text; what the service refuses as a result that says so."""
        takes = tool.method.input_type
        if unknown := tool.unknown(arguments):
            return failures.result(_refused(tool, tuple(unknown)))
        if inexact := (*islice(documents.inexact(arguments), MAX_FAULTS),):
            return failures.result(_refused(tool, inexact))
        try:
            request = json_format.ParseDict(
                documents.to_message(tool.as_fields(arguments), takes), GetMessageClass(takes)()
            )
        except json_format.ParseError as error:
            return failures.result(_unfit(tool, arguments, error))
        if IDEMPOTENCY_FIELD in takes.fields_by_name and not getattr(request, IDEMPOTENCY_FIELD):
            setattr(request, IDEMPOTENCY_FIELD, idempotency_key)
        try:
            structured = await self.ask(tool.method, caller, request)
        except grpc.aio.AioRpcError as error:
            return failures.result(tool.told(failures.of(error)))
        return CallToolResult(content=[TextContent(text=text_of(structured))], structured_content=structured)

    async def ask(self, method: MethodDescriptor, caller: Caller, request: Message) -> dict[str, Any]:
        """The answer of an RPC as JSON.

        Raises:
            grpc.aio.AioRpcError: where the service refuses.
        """
        service, gives = method.containing_service, method.output_type
        call = self._channels.to(contract.short_name(service)).unary_unary(
            f"/{service.full_name}/{method.name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(gives).FromString,
        )
        answer = await call(request, metadata=caller.metadata, timeout=self._seconds[contract.call_kind(method)])
        told = json_format.MessageToDict(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return documents.from_message(told, gives)


def _unfit(tool: ContractTool, arguments: dict[str, Any], error: json_format.ParseError) -> Failure:
    """What is wrong with the arguments, in the words of the schema that the caller was shown."""
    faults = islice(tool.validator.iter_errors(arguments), MAX_FAULTS)
    fields = tuple((_pointer(each.instance_path), str(each.message)) for each in faults)
    return _refused(tool, fields, "" if fields else str(error))


def _refused(tool: ContractTool, fields: tuple[tuple[str, str], ...], why: str = "") -> Failure:
    message = f"The arguments do not fit {tool.name!r}{f': {why}' if why else '.'}"
    return Failure(grpc.StatusCode.INVALID_ARGUMENT, message, "INVALID_REQUEST", DOMAIN, fields=fields)


def _pointer(path: Iterable[Any]) -> str:
    return "/" + "/".join(map(str, path))


def text_of(value: Any) -> str:
    """A result as a model reads it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
