"""Ends streams whose reader does not read: whatever they hold, others wait for."""

import asyncio
from typing import Any

from grpc.aio import ServicerContext

from servicekit.errors import unread
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.request_context import RequestContext


def bounded_writes(seconds: float) -> Interceptor:
    """Bounds how long each message of a stream may wait for its reader, in gRPC's buffers or Envoy's."""

    def interceptor(method: Method, handler: Handler) -> Handler:
        if not method.server_streaming:
            return handler

        async def with_bounded_writes(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            bounded: Any = _Bounded(context, seconds)
            return await handler(request, bounded, call)

        return with_bounded_writes

    return interceptor


class _Bounded:
    """gRPC's context, but for what a stream writes."""

    def __init__(self, context: "ServicerContext[Any, Any]", seconds: float) -> None:
        self._context = context
        self._seconds = seconds

    async def write(self, message: Any) -> None:
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                await self._context.write(message)
        except TimeoutError:
            if limit.expired():
                raise unread(self._seconds) from None
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
