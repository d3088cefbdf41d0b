"""Work that grows with a body: beside the loop where the body is large, so that others have their turns meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

from servicekit.turns import Turns

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# What is smaller is done sooner than handed over.
LARGE_BYTES = 16 * 1024
LARGE_VALUES = 1_000
# One thread for all of a process: each more would be one more that the loop waits for, since one at a time runs Python.
_BESIDE = ThreadPoolExecutor(1, "large bodies")
# Of each caller one piece of work waits for that thread at a time: a hundred of one would stand before those of all.
_TURNS = Turns(None)


async def beside(
    size: int, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Does the work at once where the body of `size` bytes is small, else in a thread, where callers take turns."""
    if size < LARGE_BYTES:
        return work(*args, **kwargs)
    context = copy_context()
    call = partial(work, *args, **kwargs)
    async with _TURNS.turn():
        return await asyncio.get_running_loop().run_in_executor(_BESIDE, lambda: context.run(call))


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
