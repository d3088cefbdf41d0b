"""Turns whatever goes wrong inside into `google.rpc.Status` with a declared reason; nothing internal leaks."""

import asyncio
from typing import Any

import structlog
from grpc import StatusCode
from grpc.aio import AbortError, ServicerContext

from servicekit import errors, sqlstates
from servicekit.interceptors import Handler
from servicekit.methods import Method
from servicekit.request_context import RequestContext

logger = structlog.get_logger(__name__)

# How long to wait until the transport has taken an error.
TELL_SECONDS = 1.0


def declared_errors(method: Method, handler: Handler) -> Handler:
    async def with_errors(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        try:
            return await handler(request, context, call)
        except (AbortError, asyncio.CancelledError):
            # AbortError is an Exception, and the answer was given already; a cancelled call has nobody to answer.
            raise
        except errors.ServiceError as error:
            await _abort(context, call, method, error)
        except Exception as error:
            told = sqlstates.service_error(error)
            if told is None:
                logger.exception("request_failed", method=method.path)
                told = errors.internal()
            elif told.code is not StatusCode.INVALID_ARGUMENT:
                logger.warning(
                    "database_refused",
                    error=str(error),
                    error_type=type(error).__name__,
                    sqlstate=getattr(error, "sqlstate", None),
                )
            await _abort(context, call, method, told)

    return with_errors


async def _abort(
    context: "ServicerContext[Any, Any]", call: RequestContext, method: Method, error: errors.ServiceError
) -> None:
    call.code = error.code
    call.logged["reason"] = error.reason
    trailers: list[tuple[str, str | bytes]] = [
        ("x-request-id", call.request_id),
        ("x-correlation-id", call.correlation_id),
    ]
    if error.http_status is not None:
        call.http_status = error.http_status
        trailers.append(("x-http-status", str(error.http_status)))
    trailers += error.headers.items()
    status = errors.to_status(error, domain=method.domain, request_id=call.request_id)
    trailers.append(("grpc-status-details-bin", status.SerializeToString()))
    try:
        async with asyncio.timeout(TELL_SECONDS):
            await context.abort(error.code, status.message, tuple(trailers))
    except TimeoutError:
        # It is on its way behind messages that nobody reads.
        raise AbortError from None
