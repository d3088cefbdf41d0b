"""Gives a call its ids: those the caller sent, else new ones; they go back with the answer and into every log line."""

from collections.abc import Awaitable
from typing import Any

from grpc.aio import ServicerContext

from servicekit.interceptors import Handler
from servicekit.methods import Method
from servicekit.request_context import MAX_ID_LENGTH, RequestContext, current_context, new_id


def request_context(_method: Method, handler: Handler) -> Handler:
    def with_context(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        call.request_id = call.header("x-request-id")[:MAX_ID_LENGTH] or new_id()
        call.correlation_id = call.header("x-correlation-id")[:MAX_ID_LENGTH] or new_id()
        current_context.set(call)
        context.set_trailing_metadata((("x-request-id", call.request_id), ("x-correlation-id", call.correlation_id)))
        return handler(request, context, call)

    return with_context
