"""Batches of calls: what comes meanwhile shares the next, nobody is told of another's end, and nothing is tried twice."""

import asyncio
from collections.abc import Sequence

import pytest

from services.tasks.board.merging import MAX_BATCH, Merging


async def test_what_comes_while_a_batch_is_under_way_is_one_batch_of_its_key_and_each_hears_its_own_answer() -> None:
    batches: list[tuple[str, list[int]]] = []
    go_on = asyncio.Event()
    gone: list[int] = []

    async def run(key: str, numbers: Sequence[int]) -> list[int]:
        batches.append((key, list(numbers)))
        await go_on.wait()
        if 13 in numbers:
            raise ValueError(key)
        return [-number for number in numbers]

    async def abandoned(answer: int) -> None:
        gone.append(answer)

    merging = Merging(run, abandoned)

    def submitted(key: str, number: int) -> "asyncio.Task[int]":
        return asyncio.create_task(merging.submit(key, number))

    first = [submitted("a", 1), submitted("b", 2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [submitted("a", number) for number in range(3, 3 + MAX_BATCH + 2) if number != 13]
    await asyncio.sleep(0)
    # Whoever leaves before its turn is not in a batch; whoever leaves in the midst of one is told of.
    later.pop().cancel()
    first[0].cancel()
    go_on.set()
    assert await first[1] == -2
    assert [await each for each in later] == [-number for number in range(3, 3 + MAX_BATCH + 1) if number != 13]
    assert gone == [-1]
    assert [(key, len(numbers)) for key, numbers in batches] == [("a", 1), ("b", 1), ("a", MAX_BATCH)]
    # A batch that fails fails for all who are in it, once, and for nobody after them.
    failing = [submitted("a", number) for number in (12, 13)]
    assert {type(each) for each in await asyncio.gather(*failing, return_exceptions=True)} == {ValueError}
    assert await merging.submit("a", 14) == -14
    with pytest.raises(ValueError, match="c"):
        await merging.submit("c", 13)
