"""Gives a call its ids: those the caller sent, else new ones; they go back with the answer and into every log line."""

from collections.abc import Awaitable
from typing import Any

from grpc.aio import ServicerContext

from servicekit.calls import LONGEST_ID, Call, current_call, short_id
from servicekit.interceptors import Handler
from servicekit.methods import Method


def request_context(_method: Method, handler: Handler) -> Handler:
    def with_context(request: Any, context: "ServicerContext[Any, Any]", call: Call) -> Awaitable[Any]:
        call.request_id = call.header("x-request-id")[:LONGEST_ID] or short_id()
        call.correlation_id = call.header("x-correlation-id")[:LONGEST_ID] or short_id()
        current_call.set(call)
        context.set_trailing_metadata((("x-request-id", call.request_id), ("x-correlation-id", call.correlation_id)))
        return handler(request, context, call)

    return with_context
