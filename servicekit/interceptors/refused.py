"""Tells a service of requests that are refused before it sees them, where it keeps a record of all that is tried."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import structlog
from google.protobuf.message import Message
from grpc.aio import ServicerContext

from servicekit.errors import ServiceError
from servicekit.interceptors import Handler, Interceptor
from servicekit.methods import Method
from servicekit.request_context import RequestContext
from servicekit.unreadable import Unreadable

logger = structlog.get_logger(__name__)

# Takes what is known of a request, the bytes that it came in where they are other than its own, and the refusal.
Refused: TypeAlias = Callable[[Any, bytes, ServiceError], Awaitable[None]]


def refused(records: Mapping[str, Refused]) -> Interceptor:
    """Records what is INVALID_REQUEST, by the names of the RPCs that have it recorded."""

    def interceptor(method: Method, handler: Handler) -> Handler:
        record = records.get(method.name)
        if record is None:
            return handler

        async def with_record(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
            try:
                return await handler(request, context, call)
            except ServiceError as error:
                if error.reason == "INVALID_REQUEST":
                    known = request.texts() if isinstance(request, Unreadable) else request
                    await _recorded(record, known, call.sent, error)
                raise

        return with_record

    return interceptor


async def _recorded(record: Refused, known: Message, sent: bytes, error: ServiceError) -> None:
    try:
        await record(known, sent, error)
    except Exception:
        # Whoever is refused learns why, even while nothing can be recorded.
        logger.exception("refusal_not_recorded")
