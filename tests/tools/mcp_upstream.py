"""A server of the official SDK behind MCP tools: over HTTP in this process, or as a program over its pipes."""

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPDeprecationWarning
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LONG_NAME = "does_what_nobody_can_say_in_fewer_than_a_hundred_letters_" + "x" * 60
PICTURE = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
LINK = {"type": "resource_link", "uri": "file:///a", "name": "a", "title": "A"}
Blocks = list[types.ContentBlock]


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


async def slow(key: str, context: Context[Any, Any]) -> str:
    """Says how far it has come, and waits."""
    await context.report_progress(1, 2, "half")
    await asyncio.sleep(3600)
    return key


async def ask(how: str, context: Context[Any, Any]) -> str:
    """Asks its client's user, or its client's model."""
    if how == "user":
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        return str(await context.session.elicit_form("Who are you?", schema, context.request_id))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        message = types.SamplingMessage(role="user", content=types.TextContent(text="Who are you?"))
        return str(await context.session.create_message([message], max_tokens=10))


def fail(why: str) -> str:
    """Fails."""
    raise ToolError(why)


def say(kind: str, size: int = 0) -> types.CallToolResult:
    """Answers in the way it is asked for."""
    text = types.TextContent(text="hello")
    both: Blocks = [text, types.ImageContent(data=PIXEL, mime_type="image/png")]
    linked: Blocks = [types.ResourceLink(uri="file:///a", name="a", title="A")]
    large: Blocks = [types.TextContent(text="x" * size)]
    secret = types.TextContent(text=os.environ.get("TOKEN", "none"))
    answers: dict[str, Blocks] = {
        "text": [text],
        "image": both[1:],
        "several": both,
        "link": linked,
        "nothing": [],
        "structured": both,
        "large": large,
        "secret": [secret],
    }
    if kind == "structured":
        return types.CallToolResult(content=both, structured_content={"id": 2**60 + 1, "share": 0.5})
    return types.CallToolResult(content=answers[kind])


def long_named() -> str:
    """Has a long name."""
    return "long"


def run(what: str) -> str:
    """What only a process of its own can do."""
    match what:
        case "children":
            # One of them leaves the process group, and its parent ends at once.
            code = "import subprocess; subprocess.Popen(['sleep', '3600'], start_new_session=True)"
            subprocess.run(
                [sys.executable, "-c", code], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        case "memory":
            return str(len([bytearray(16 * 1024 * 1024) for _ in range(64)]))
        case "line":
            os.write(1, b"x" * (8 * 1024 * 1024) + b"\n")
        case "exit":
            os.write(2, b"I give up\n")
            os._exit(3)
    return str(os.getpid())


def made(calls: list[str]) -> MCPServer:
    """A server with tools of every kind; it notes the names of those that are called."""
    server = MCPServer("acme")

    async def another(name: str, context: Context[Any, Any]) -> str:
        """Adds a tool, or removes it, and tells that."""
        if name in {tool.name for tool in await server.list_tools()}:
            server.remove_tool(name)
        else:
            server.add_tool(fail, name=name, structured_output=False)
        await context.notify_tools_changed()
        await context.session.send_tool_list_changed()
        return name

    server.add_tool(_noted(add, calls), annotations=types.ToolAnnotations(title="Add", read_only_hint=True))
    for function in (slow, ask, fail, say, run, another):
        server.add_tool(_noted(function, calls), structured_output=False)
    server.add_tool(long_named, name=LONG_NAME, structured_output=False)
    return server


def _noted(function: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    @wraps(function)
    async def noted(*args: Any, **kwargs: Any) -> Any:
        calls.append(function.__name__)
        found = function(*args, **kwargs)
        return await found if inspect.isawaitable(found) else found

    return noted


@dataclass
class HttpServer:
    """Where it is, and what it was sent."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    # Of each request: the method of its message, and its headers.
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    # What it does with a call of a tool instead of answering: `close`, `redirect`, `500`.
    answers_calls_with: str = ""


@asynccontextmanager
async def http_server(port: int = 0, *, revision: str = "2026-07-28") -> AsyncIterator[HttpServer]:
    """Serves on a port of its own, or on this one; in one revision of the protocol only."""
    found = HttpServer()
    app = _Watched(made(found.calls).streamable_http_app(), found, revision)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="on", timeout_graceful_shutdown=0
    )
    server = uvicorn.Server(config)
    # Not `serve`: the signals are the test run's.
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    found.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    try:
        yield found
    finally:
        await _ended(server, serving)


async def _ended(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """Ends it as one that dies under its calls, and leaves nothing of it behind.

    uvicorn by itself would wait for the calls, or, told not to, leave them and the application running: what they hold
    would be found open by whichever test comes next.
    """
    server.should_exit = server.force_exit = True
    await serving
    # Those that wait for another request would be answered on.
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    # They hear of it, and those that would go on all the same are cancelled.
    left = set(server.server_state.tasks)
    if left:
        await asyncio.wait(left, timeout=0.1)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await server.lifespan.shutdown()
    with warnings.catch_warnings():
        # The SDK's server leaves the streams open of which it was cut off.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class _Watched:
    """Notes requests, and does with calls what it is told."""

    def __init__(self, app: ASGIApp, found: HttpServer, revision: str) -> None:
        self._app = app
        self._found = found
        self._revision = revision

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        message = await receive()
        body = message.get("body", b"")
        method = next((name for name in ("server/discover", "tools/call", "tools/list") if name.encode() in body), "")
        self._found.requests.append((method, headers))
        how = self._found.answers_calls_with if method == "tools/call" else ""
        if method == "server/discover" and self._revision != "2026-07-28":
            how = "404"
        if how == "close":
            # It has promised more than it says, so the connection is closed.
            more = [(b"content-type", b"application/json"), (b"content-length", b"100")]
            await send({"type": "http.response.start", "status": 200, "headers": more})
            return
        if how:
            status, more = (int(how), []) if how.isdigit() else (307, [(b"location", scope["path"].encode())])
            await send({"type": "http.response.start", "status": status, "headers": more})
            await send({"type": "http.response.body", "body": b"no s3cret-token here"})
            return
        whole = [message]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)


if __name__ == "__main__":
    made([]).run("stdio")
