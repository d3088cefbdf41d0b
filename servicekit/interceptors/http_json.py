"""Reads the body of a call that came in as HTTP/JSON, and answers in JSON; other calls pass untouched."""

from collections.abc import Awaitable
from typing import Any

from grpc.aio import ServicerContext

from servicekit.http_json import calls
from servicekit.interceptors import Handler
from servicekit.methods import Method
from servicekit.request_context import RequestContext


def http_json(method: Method, handler: Handler) -> Handler:
    if not method.route or method.client_streaming:
        return handler

    async def with_json(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        read = await calls.request_of(method, request, call.metadata)
        if not method.server_streaming:
            return await calls.answer_of(method, await handler(read, context, call))
        written: Any = _Events(method, context)
        await handler(read, written, call)
        if end := calls.end_of(method):
            await context.write(end)
        return None

    def dispatch(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        # What could not be read at all is refused by the validation.
        if request is None or not calls.is_transcoded(call.metadata):
            return handler(request, context, call)
        return with_json(request, context, call)

    return dispatch


class _Events:
    """gRPC's context, but for what a stream writes."""

    def __init__(self, method: Method, context: "ServicerContext[Any, Any]") -> None:
        self._method = method
        self._context = context

    async def write(self, message: Any) -> None:
        await self._context.write(calls.event_of(self._method, message))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
