"""What time and room a call has: a default deadline, and a bound on the calls in flight."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from grpc.aio import ServicerContext

from servicekit.errors import deadline_exceeded, overloaded
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.request_context import RequestContext


def deadline(
    default_seconds: float, own: Mapping[str, float | None], waits: Collection[str], max_in_flight: int
) -> Interceptor:
    """Bounds unary calls; streams have limits of their own kind.

    A caller's own deadline needs nothing here: gRPC cancels the handler when it passes.

    Args:
        default_seconds: the deadline of a call whose caller gave none.
        own: RPCs with another default, by name; None for those that bound themselves.
        waits: RPCs that only wait, as long as their callers say: they bound themselves, in time and in number.
        max_in_flight: unary calls of one process at most. Without a bound, goodput at twice the capacity fell to 17 %.
    """
    in_flight = 0

    def interceptor(method: Method, handler: Handler) -> Handler:
        if method.server_streaming or method.client_streaming or method.name in waits:
            return handler
        seconds = own.get(method.name, default_seconds)

        async def with_deadline(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            nonlocal in_flight
            if in_flight >= max_in_flight:
                raise overloaded()
            in_flight += 1
            try:
                if seconds is None or context.time_remaining() is not None:
                    return await handler(request, context, call)
                limit = asyncio.timeout(seconds)
                try:
                    async with limit:
                        return await handler(request, context, call)
                except TimeoutError:
                    if limit.expired():
                        raise deadline_exceeded() from None
                    raise
            finally:
                in_flight -= 1

        return with_deadline

    return interceptor
