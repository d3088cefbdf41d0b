"""Counts the requests for pages, under the names and labels that services have for theirs."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LABELS = ("method", "path", "status")
METHODS = {"GET", "HEAD", "POST"}


class Counted:
    """The application, each of its answers counted."""

    def __init__(self, application: ASGIApp, registry: CollectorRegistry) -> None:
        self._application = application
        self._requests = Counter("qmcp_http_requests", "Requests for pages.", LABELS, registry=registry)
        self._seconds = Histogram(
            "qmcp_http_request_duration_seconds", "Duration of requests for pages.", LABELS, registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Implements ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        status = 500
        started = perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope, receive, sent)
        finally:
            # Routes alone, which are few: a path that callers choose would make a series each.
            path = scope["path"] if "endpoint" in scope else "-"
            method = scope["method"] if scope["method"] in METHODS else "other"
            labels = (method, path, str(status))
            self._requests.labels(*labels).inc()
            self._seconds.labels(*labels).observe(perf_counter() - started)
