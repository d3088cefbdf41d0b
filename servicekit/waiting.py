"""What a call waits for, so that one whose deadline passes can be told what took the time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Names what is waited for in the block: `a connection to the database`. Of nested blocks the inner one counts."""
    try:
        yield
    except asyncio.CancelledError as error:
        # A note on the very exception that ends the wait: it gets to whoever set the limit, and to nobody else.
        if not getattr(error, "__notes__", None):
            error.add_note(what)
        raise


def waited_for(timeout: TimeoutError) -> str:
    """What was being waited for when the time of an `asyncio.timeout` was over; empty where nobody has said."""
    # Python 3.11 raises it in the course of the cancellation, 3.12 from it.
    cancellation = timeout.__cause__ or timeout.__context__
    notes: list[str] = getattr(cancellation, "__notes__", [])
    return notes[0] if notes else ""
