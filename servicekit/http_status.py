"""What HTTP callers get besides the body: a status that is not 200, and headers; metadata, which the edge applies."""

from collections.abc import Mapping
from typing import Any

from grpc.aio import ServicerContext

from servicekit.request_context import current_context

HEADER = "x-http-status"
CREATED = 201
ACCEPTED = 202


async def answer_with(context: "ServicerContext[Any, Any]", status: int) -> None:
    """Says which, before the answer."""
    current_context.get().http_status = status
    await context.send_initial_metadata(((HEADER, str(status)),))


async def answer_with_headers(context: "ServicerContext[Any, Any]", headers: Mapping[str, str]) -> None:
    """Sends headers, by names in lower case, before the answer."""
    await context.send_initial_metadata(tuple(headers.items()))
