"""The official SDK's own echo: a bare tool over stateless streamable HTTP with JSON answers, and no audit."""

import sys
from typing import Any

import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp_types import CallToolRequestParams, CallToolResult, TextContent


async def echo(_: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
    """Returns the message it was given."""
    return CallToolResult(content=[TextContent(text=(params.arguments or {})["message"])])


if __name__ == "__main__":
    server: Server[Any] = Server("echo", on_call_tool=echo, get_tool_input_schema=lambda _: None)
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
