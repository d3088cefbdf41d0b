"""Sees every outcome: counts it, times it, writes the line `request_completed`."""

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import structlog
from grpc import StatusCode
from grpc.aio import ServicerContext

from servicekit.calls import Call
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.metrics import CallMetrics

logger = structlog.get_logger("servicekit.requests")

# How Envoy's transcoder maps codes to HTTP, measured; google.rpc.Code documents the same but for the last digits.
HTTP_STATUS: Mapping[StatusCode, int] = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}


def telemetry(metrics: CallMetrics) -> Interceptor:
    def interceptor(method: Method, handler: Handler) -> Handler:
        async def with_telemetry(request: Any, context: "ServicerContext[Any, Any]", call: Call) -> Any:
            started = perf_counter()
            metrics.begin()
            try:
                return await handler(request, context, call)
            except asyncio.CancelledError:
                call.code = StatusCode.CANCELLED
                raise
            finally:
                seconds = perf_counter() - started
                metrics.end(method.path, call.code, seconds)
                _report(metrics, method, call, seconds)

        return with_telemetry

    return interceptor


def _report(metrics: CallMetrics, method: Method, call: Call, seconds: float) -> None:
    # Envoy's transcoder tells what the client really asked for; without it the call came in as gRPC.
    http_method = call.header("x-envoy-original-method")
    duration_ms = round(seconds * 1000, 3)
    if not http_method:
        logger.info("request_completed", method=method.path, code=call.code.name, duration_ms=duration_ms)
        return
    status = call.http_status or HTTP_STATUS[call.code]
    metrics.end_http(http_method, method.route, status, seconds)
    logger.info(
        "request_completed",
        method=http_method,
        path=method.route,
        status_code=status,
        code=call.code.name,
        duration_ms=duration_ms,
    )
