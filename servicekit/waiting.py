"""What a call waits for, so that one whose deadline passes can be told what took the time."""

import asyncio
from types import TracebackType


class waiting_for:  # noqa: N801 - used as a word, as contextlib's own are
    """Names what is waited for in the block: `a connection to the database`. Of nested blocks the inner one counts.

    A class, since each commit of each call is within one: a generator costs three times as much.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A note on the very exception that ends the wait: it gets to whoever set the limit, and to nobody else.
        if isinstance(error, asyncio.CancelledError) and not getattr(error, "__notes__", None):
            error.add_note(self._what)


def waited_for(timeout: TimeoutError) -> str:
    """What was being waited for when the time of an `asyncio.timeout` was over; empty where nobody has said."""
    # Python 3.11 raises it in the course of the cancellation, 3.12 from it.
    cancellation = timeout.__cause__ or timeout.__context__
    notes: list[str] = getattr(cancellation, "__notes__", [])
    return notes[0] if notes else ""
