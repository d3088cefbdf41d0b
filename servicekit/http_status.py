"""The HTTP status of an answer that is not 200: it travels as metadata, and the edge applies it."""

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
