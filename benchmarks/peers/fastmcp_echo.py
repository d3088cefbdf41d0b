"""FastMCP's own echo: a bare tool over stateless streamable HTTP with JSON answers, and no audit."""

import sys

import uvicorn
from fastmcp import FastMCP

mcp: FastMCP[None] = FastMCP("echo")


@mcp.tool
async def echo(message: str) -> str:
    """Returns the message it was given."""
    return message


if __name__ == "__main__":
    app = mcp.http_app(stateless_http=True, json_response=True)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
