"""Every message of the protocol in the log and in the figures."""

import asyncio
from time import perf_counter
from typing import Any

import anyio.lowlevel
import structlog
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.methods import SPEC_CLIENT_METHODS
from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import ValidationError

from gateway.mcp.callers import SCOPE

CALL = "tools/call"
METHODS = SPEC_CLIENT_METHODS | {"tasks/get", "tasks/update", "tasks/cancel"}
logger = structlog.get_logger()


class Observed:
    """Implements `mcp.server.context.ServerMiddleware`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "qmcp_mcp_requests", "Requests of the protocol.", ("method", "outcome"), registry=registry
        )
        self._seconds = Histogram(
            "qmcp_mcp_request_duration_seconds", "Duration of requests of the protocol.", ("method",), registry=registry
        )

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Counts and logs a request; notifications pass."""
        if ctx.request_id is None:
            return await call_next(ctx)
        started, outcome = perf_counter(), "error"
        try:
            result = await call_next(ctx)
            outcome = "tool_error" if isinstance(result, dict) and result.get("isError") else "ok"
        except asyncio.CancelledError:
            outcome = "cancelled"
            # gRPC says it in an exception of its own, which would end the session: here the SDK's is raised instead.
            await anyio.lowlevel.checkpoint_if_cancelled()
            raise
        except (MCPError, ValidationError):
            outcome = "refused"
            raise
        else:
            return result
        finally:
            self._write(ctx, outcome, perf_counter() - started)

    def _write(self, ctx: ServerRequestContext[Any, Any], outcome: str, seconds: float) -> None:
        # What callers invent would make a series each.
        method = ctx.method if ctx.method in METHODS else "other"
        self._requests.labels(method, outcome).inc()
        self._seconds.labels(method).observe(seconds)
        caller = ctx.request.scope.get(SCOPE) if ctx.request is not None else None
        ids = dict(caller.metadata) if caller is not None else {}
        logger.info(
            "mcp_request_completed",
            logger="mcp",
            method=method,
            tool=(ctx.params or {}).get("name") if method == CALL else None,
            outcome=outcome,
            principal=caller.principal if caller is not None else "",
            protocol_version=ctx.protocol_version,
            duration_ms=round(seconds * 1000, 1),
            request_id=ids.get("x-request-id"),
            correlation_id=ids.get("x-correlation-id"),
        )
