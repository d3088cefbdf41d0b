"""Serves MCP until a signal asks for the end."""

import asyncio
import gc
from socket import socket

import uvicorn
from prometheus_client import CollectorRegistry, start_http_server

from gateway.certificates import fault_towards_services
from gateway.mcp import logs
from gateway.mcp.app import application
from gateway.settings import McpSettings


class Server(uvicorn.Server):
    """Ends the streams that clients hold open, before it waits for calls in flight."""

    def __init__(self, config: uvicorn.Config, draining: asyncio.Event) -> None:
        """`draining`: what the streams look at."""
        super().__init__(config)
        self._draining = draining

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Is called once a signal has asked for the end."""
        self._draining.set()
        await super().shutdown(sockets)


def launch() -> None:
    """Raises SystemExit where the certificates for the services cannot be used."""
    settings = McpSettings()
    if fault := fault_towards_services(settings):
        raise SystemExit(fault)
    logs.configure(
        "DEBUG" if settings.debug else settings.log_level,
        settings.log_format or ("console" if settings.debug else "json"),
    )
    registry = CollectorRegistry()
    page, _ = start_http_server(settings.mcp_metrics_port, settings.mcp_metrics_host, registry)
    app = application(settings, registry)
    config = uvicorn.Config(
        app,
        host=settings.mcp_host,
        port=settings.mcp_port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.mcp_shutdown_grace_seconds,
    )
    # What was made until now stays to the end, so nobody need look through it again. And what a call makes has no
    # circles: by Python's own thresholds the search for them took a third of the time of a call.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    Server(config, app.state.draining).run()
    page.shutdown()
