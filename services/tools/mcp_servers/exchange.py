"""The call of a tool that a request to an MCP server belongs to."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Exchange:
    """A call of a tool, as the connection below the SDK has to know of it."""

    headers: Mapping[str, str]
    # By the clock of the loop.
    ends_at: float
    # How often it was asked for the rest of an answer that broke off.
    resumed: int = 0


# The SDK sends a request within the context of who asked for it.
exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
