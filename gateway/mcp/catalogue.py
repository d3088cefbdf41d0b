"""The catalogue of the tools service as MCP tools, listed page by page."""

from typing import Any

from google.protobuf import json_format
from mcp_types import Tool, ToolAnnotations
from qmcp.tools.v1 import tool_pb2
from qmcp.tools.v1.tools_service_pb2 import ListToolsRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from gateway.mcp.callers import Caller
from gateway.mcp.channels import Channels
from gateway.mcp.documents import whole
from gateway.mcp.invocations import SERVICE

LIST, INVOKE = "tools.read", "tools.invoke"
PAGE_SIZE = 100


class Catalogue:
    """The tools service, asked in the name of a caller."""

    def __init__(self, channels: Channels, *, seconds: float) -> None:
        """`seconds`: how long a list may take."""
        self._channels = channels
        self._seconds = seconds

    async def page(self, caller: Caller, token: str) -> tuple[list[Tool], str]:
        """A page of tools, and the token of the next one; empty on the last.

        Raises:
            grpc.aio.AioRpcError: where the service refuses.
        """
        if not (caller.may(LIST) and caller.may(INVOKE)):
            return [], ""
        request = ListToolsRequest(page_size=PAGE_SIZE, page_token=token, invocable=True)
        stub: Any = self._channels.stub(SERVICE, ToolsServiceStub)
        answer = await stub.ListTools(request, metadata=caller.metadata, timeout=self._seconds)
        return [_described(each) for each in answer.tools], answer.next_page_token


def _described(tool: tool_pb2.Tool) -> Tool:
    hints = tool.annotations
    output = _document(tool.output_schema) if tool.HasField("output_schema") else None
    return Tool(
        name=tool.name,
        title=tool.title or None,
        description=tool.description or None,
        input_schema={"type": "object"} | _without_headers(_document(tool.input_schema)),
        # Older clients take objects alone.
        output_schema=output if output is not None and output.get("type") == "object" else None,
        annotations=ToolAnnotations(
            title=tool.title or None,
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.idempotent,
            open_world_hint=hints.open_world,
        ),
    )


def _document(struct: Any) -> dict[str, Any]:
    return dict(whole(json_format.MessageToDict(struct)))


def _without_headers(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the mark by which clients would repeat an argument in a header: nothing here reads those."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    plain = {
        name: {key: value for key, value in each.items() if key != "x-mcp-header"} if isinstance(each, dict) else each
        for name, each in properties.items()
    }
    return schema | {"properties": plain}
