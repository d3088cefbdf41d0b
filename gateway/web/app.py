"""The pages as one ASGI application."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from importlib import metadata
from pathlib import Path

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import contract
from gateway.certificates import towards_services
from gateway.openapi import document
from gateway.settings import WebSettings
from gateway.web.counting import Counted
from gateway.web.health import unhealthy
from gateway.web.metrics import Families, as_json, as_text, collect

PAGES = Path(__file__).with_name("docs")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
# What a moment says is not what the next one says.
FRESH = {"Cache-Control": "no-store"}
# The page runs its own script and asks its own origin, nothing else.
GUARDED = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}

Endpoint = Callable[[Request], Awaitable[Response]]


def application(settings: WebSettings) -> Starlette:
    """Builds the pages; the OpenAPI document is made once, here."""
    version = metadata.version("qmcp")
    registry = CollectorRegistry()

    # The MCP endpoint is no service, and may be left out.
    mcp = {"mcp": settings.mcp_address} if settings.mcp_address else {}
    counted = settings.metrics_addresses | (
        {"mcp": settings.mcp_metrics_address} if settings.mcp_metrics_address else {}
    )

    async def figures() -> Families:
        return await collect(counted, settings.edge_metrics_address, registry, settings.web_probe_seconds)

    async def health(_: Request) -> Response:
        missing = await unhealthy(
            settings.service_addresses, mcp, settings.web_probe_seconds, towards_services(settings)
        )
        if missing:
            answer = {"status": "unhealthy", "version": version, "services": missing}
            return JSONResponse(answer, status_code=503, headers=FRESH)
        return JSONResponse({"status": "healthy", "version": version}, headers=FRESH)

    async def metrics(_: Request) -> Response:
        return Response(as_text(await figures()), media_type=PROMETHEUS_TEXT, headers=FRESH)

    async def metrics_json(_: Request) -> Response:
        return JSONResponse(as_json(await figures()), headers=FRESH)

    openapi = json.dumps(document(contract.documented(), version), indent=2).encode()
    return Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/metrics/json", metrics_json),
            Route("/openapi.json", _file(openapi, "application/json")),
            Route("/docs", _file((PAGES / "index.html").read_bytes(), TYPES[".html"])),
            *(
                Route(f"/docs/{page.name}", _file(page.read_bytes(), TYPES[page.suffix]))
                for page in sorted(PAGES.iterdir())
                if page.suffix != ".html"
            ),
        ],
        middleware=[Middleware(Counted, registry=registry)],
    )


def _file(content: bytes, media_type: str) -> Endpoint:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300", **GUARDED}

    async def answer(request: Request) -> Response:
        # Envoy weakens the tag when it compresses.
        if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    return answer
