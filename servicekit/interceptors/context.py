"""Gives a call its ids: those the caller sent, else new ones; they go back with the answer and into every log line."""

from collections.abc import Awaitable
from typing import Any

from grpc.aio import ServicerContext

from servicekit.interceptors import Handler
from servicekit.interceptors.headers import sound
from servicekit.methods import Method
from servicekit.request_context import RequestContext, current_context, new_id

# The id that the edge has for callers who give none.
MADE = "x-qmcp-made-id"


def request_context(_method: Method, handler: Handler) -> Handler:
    def with_context(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        call.request_id = _sound_id(call, "x-request-id") or new_id()
        correlation_id = _sound_id(call, "x-correlation-id")
        call.correlation_id = correlation_id or new_id()
        call.correlation_id_given = bool(correlation_id) and correlation_id != call.header(MADE)
        current_context.set(call)
        context.set_trailing_metadata((("x-request-id", call.request_id), ("x-correlation-id", call.correlation_id)))
        return handler(request, context, call)

    return with_context


def _sound_id(call: RequestContext, name: str) -> str:
    """The caller's id; one that no answer can carry is refused further in, and the refusal has one of ours."""
    value = call.header(name)
    return value if sound(name, value) else ""
