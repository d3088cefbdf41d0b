"""A real HTTP server on loopback, as the thing behind HTTP tools; it keeps what it was sent."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web


@dataclass
class Upstream:
    port: int = 0
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    # By path: what it answers there instead of what stands below.
    replies: dict[str, Callable[[web.Request], web.Response]] = field(default_factory=dict)
    # What `/exactly` answers.
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:  # noqa: C901, PLR0911, PLR0912 - one case a path
        self.requests.append(request)
        self.bodies.append(await request.read())
        if request.path in self.replies:
            return self.replies[request.path](request)
        match request.path.split("/")[1]:
            case "moved":
                _, _, status, location = request.path_qs.split("/", 3)
                return web.Response(status=int(status), headers={"Location": unquote(location)})
            case "redirect":
                raise web.HTTPFound("/secret")
            case "status":
                return web.Response(status=int(request.path.split("/")[2]), text="upstream says no")
            case "slow":
                await asyncio.sleep(30)
            case "large":
                return web.Response(text="x" * int(request.query["n"]))
            case "bomb":
                bomb = gzip.compress(b"0" * 30_000_000)
                return web.Response(body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})
            case "text":
                return web.Response(text="grüß dich")
            case "latin":
                return web.Response(body=b"\xff\xfe", content_type="text/plain")
            case "json":
                return web.Response(text=request.query["text"], content_type="application/json")
            case "nested":
                levels = int(request.path.split("/")[2])
                return web.Response(text="[" * levels + "]" * levels, content_type="application/json")
            case "problem":
                return web.Response(text='{"a": [1, 2.5, null]}', content_type="application/vnd.api+json")
            case "empty":
                return web.Response(status=204, content_type="application/json")
            case "exactly":
                return web.Response(status=self.status, body=self.body, headers=self.headers)
            case "stalled":
                response = web.StreamResponse(headers={"Content-Type": "application/json"})
                await response.prepare(request)
                await response.write(b'{"half":')
                await asyncio.sleep(30)
                return response
            case "cut":
                response = web.StreamResponse(headers={"Content-Length": "100"})
                await response.prepare(request)
                await response.write(b"half")
                assert request.transport is not None
                request.transport.abort()
                return response
        return web.json_response({"path": request.raw_path, "method": request.method})


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    running = Upstream()
    application = web.Application()
    application.router.add_route("*", r"/{path:[\s\S]*}", running.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()
