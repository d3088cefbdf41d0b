"""MCP servers as tests register them."""

from typing import Any

from google.protobuf import json_format
from qmcp.tools.v1 import mcp_server_pb2

from tests.tools.service import Replica, pb


def server(**fields: Any) -> mcp_server_pb2.McpServer:
    return json_format.ParseDict(fields, mcp_server_pb2.McpServer())


async def registered(replica: Replica, **fields: Any) -> mcp_server_pb2.McpServer:
    """A server that was registered and listed."""
    await replica.stub.CreateMcpServer(pb.CreateMcpServerRequest(server=server(**fields)))
    return await refreshed(replica, fields["name"])


async def refreshed(replica: Replica, name: str) -> mcp_server_pb2.McpServer:
    return await replica.stub.RefreshMcpServer(pb.RefreshMcpServerRequest(name=name))


async def tools_of(replica: Replica, name: str) -> dict[str, Any]:
    listed = await replica.stub.ListTools(pb.ListToolsRequest(kind="mcp", page_size=500))
    return {tool.name: tool for tool in listed.tools if tool.mcp.server == name}
