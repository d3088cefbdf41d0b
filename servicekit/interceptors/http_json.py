"""Reads the body of a call that came in as HTTP/JSON, and answers in JSON; other calls pass untouched."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import Any

from grpc.aio import BaseError, ServicerContext

from servicekit.errors import ServiceError, to_status
from servicekit.http_json import calls, query
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.request_context import TRANSCODED, RequestContext
from servicekit.unreadable import Unreadable

LAST_WORD_SECONDS = 0.5


def http_json(max_body_bytes: int) -> Interceptor:
    """Reads bodies of so many bytes at most, also of those that came packed."""
    return partial(_http_json, max_body_bytes)


def _http_json(max_body_bytes: int, method: Method, handler: Handler) -> Handler:
    if not method.route or method.client_streaming:
        return _answered_in_json(method, handler)
    check_address = query.check_of(method)

    async def with_json(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        check_address(call.header(query.ORIGINAL_PATH))
        read = await calls.request_of(method, request, call, max_body_bytes)
        if not method.server_streaming:
            return await calls.answer_of(method, await handler(read, context, call))
        written: Any = _Events(method, context)
        try:
            # Whoever wants the head alone would wait for the end of the stream with every call that follows.
            if call.metadata[TRANSCODED] != "HEAD":
                await handler(read, written, call)
        except (ServiceError, asyncio.CancelledError) as error:
            told = error if isinstance(error, ServiceError) else call.ended
            if told is not None:
                await written.fail(told, call)
            raise
        if end := calls.end_of(method):
            await context.write(end)
        return None

    def dispatch(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        # What could not be read at all is refused by the validation.
        if isinstance(request, Unreadable) or not calls.is_transcoded(call.metadata):
            return handler(request, context, call)
        return with_json(request, context, call)

    return dispatch


def _answered_in_json(method: Method, handler: Handler) -> Handler:
    """Where what is asked comes in parts, which are passed on as they come; where the answer does, these are too."""
    if not method.route or method.server_streaming:
        return handler

    async def with_json(requests: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        answer = await handler(requests, context, call)
        return await calls.answer_of(method, answer) if calls.is_transcoded(call.metadata) else answer

    return with_json


class _Events:
    """gRPC's context, but for what a stream writes."""

    def __init__(self, method: Method, context: "ServicerContext[Any, Any]") -> None:
        self._method = method
        self._context = context
        self._begun = False

    async def write(self, message: Any) -> None:
        self._begun = True
        await self._context.write(await calls.event_of(self._method, message))

    async def fail(self, error: ServiceError, call: RequestContext) -> None:
        """Says why, where the answer has begun; before that, it is the answer."""
        status = to_status(error, domain=self._method.domain, request_id=call.request_id)
        said = calls.failure_of(self._method, status)
        if self._begun and said is not None:
            # Whoever does not read keeps nothing open by that; an event may be stuck on its way before this one.
            with suppress(TimeoutError, BaseError):
                async with asyncio.timeout(LAST_WORD_SECONDS):
                    await self._context.write(said)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
