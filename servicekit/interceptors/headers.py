"""Refuses headers that are not printable ASCII, or that name one thing twice, before anything runs."""

import logging
import re
from collections.abc import Awaitable
from typing import Any

from grpc.aio import ServicerContext

from servicekit.errors import invalid_field
from servicekit.interceptors import Handler
from servicekit.methods import Method
from servicekit.request_context import MAX_ID_LENGTH, RequestContext

PRINTABLE = re.compile(r"[ -~]*")
# With the bound of each; that of credentials is gRPC's own. The edge refuses the same.
BOUNDS = {
    "x-request-id": MAX_ID_LENGTH,
    "x-correlation-id": MAX_ID_LENGTH,
    "idempotency-key": MAX_ID_LENGTH,
    "x-api-key": None,
    "authorization": None,
}


# Those that name one thing; of credentials the identity interceptor says it, as of all that is wrong with them.
ONCE = frozenset(BOUNDS) - {"x-api-key", "authorization"}


def sound(name: str, value: str | bytes) -> bool:
    """Whether a header that the product reads is printable ASCII, and no longer than it may be."""
    bound = BOUNDS[name]
    if not isinstance(value, str) or not PRINTABLE.fullmatch(value):
        return False
    return bound is None or len(value) <= bound


def sound_headers(_method: Method, handler: Handler) -> Handler:
    def with_sound_headers(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        for name, bound in BOUNDS.items():
            value = call.metadata.get(name)
            if value is not None and not sound(name, value):
                length = f", at most {bound} characters" if bound else ""
                # What was sent is not told: it may be a credential with one wrong character.
                raise invalid_field(name, f"must be printable ASCII{length}")
        for name in ONCE & call.repeated:
            raise invalid_field(name, "must be sent once; it came several times")
        return handler(request, context, call)

    return with_sound_headers


def keep_headers_from_the_log() -> None:
    """Headers that are not UTF-8 gRPC writes in full: a key that was pasted with one character too many."""
    logging.getLogger("grpc._cython.cygrpc").addFilter(_tells_no_header)


def _tells_no_header(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Invalid encoding on")
