"""Work that grows with a body: beside the loop where the body is large, so that others have their turns meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from servicekit.request_context import current_context

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# What is smaller is done sooner than handed over.
LARGE_BYTES = 16 * 1024
LARGE_VALUES = 1_000
# One thread for all of a process: each more would be one more that the loop waits for, since one at a time runs Python.
_BESIDE = ThreadPoolExecutor(1, "large bodies")
# Of each caller one piece of work waits for that thread at a time: a hundred of one would stand before those of all. By
# loop as well, since a lock belongs to one: a service has one, tests have many.
_turns: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], asyncio.Lock] = WeakValueDictionary()


async def beside(
    size: int, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Does the work at once where the body of `size` bytes is small, else in a thread, where callers take turns."""
    if size < LARGE_BYTES:
        return work(*args, **kwargs)
    context = copy_context()
    call = partial(work, *args, **kwargs)
    loop = asyncio.get_running_loop()
    turn = _turns.setdefault((loop, _caller()), asyncio.Lock())
    async with turn:
        return await loop.run_in_executor(_BESIDE, lambda: context.run(call))


def _caller() -> str:
    """Who is told apart: by name, or, who has none, by the address."""
    call = current_context.get(None)
    return (call.principal.name or f"@{call.address}") if call is not None else ""


def about(value: Any) -> int:
    """How many bytes a JSON value has, about; not counted beyond what is large."""
    size = count = 0
    waiting = [value]
    while waiting and size < LARGE_BYTES and count < LARGE_VALUES:
        one = waiting.pop()
        if isinstance(one, str | bytes):
            size += len(one)
        elif isinstance(one, dict | list | tuple):
            count += len(one)
            if count < LARGE_VALUES:
                waiting.extend(one.values() if isinstance(one, dict) else one)
    return LARGE_BYTES if waiting or count >= LARGE_VALUES else size
