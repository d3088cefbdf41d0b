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
    await answer_with_headers(context, {HEADER: str(status)})


async def answer_with_headers(context: "ServicerContext[Any, Any]", headers: Mapping[str, str]) -> None:
    """Sends headers, by names in lower case, before the answer; with what the edge is to hear, for they go but once."""
    call = current_context.get()
    news = call.for_edge() if call.for_edge else ()
    call.for_edge = None
    await context.send_initial_metadata((*headers.items(), *call.answer_headers.items(), *news))
