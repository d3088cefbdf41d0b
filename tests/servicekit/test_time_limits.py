"""Limits of time that share one timer: each ends its own task, and only that."""

import asyncio

import pytest
import uvloop

from servicekit.time_limits import SWEEP_AFTER, TimeLimits
from servicekit.waiting import waited_for, waiting_for


async def test_what_takes_too_long_ends_and_says_what_it_waited_for() -> None:
    limits = TimeLimits()
    with pytest.raises(TimeoutError) as ended, limits.until(asyncio.get_running_loop().time()), waiting_for("a cat"):
        await asyncio.Event().wait()
    assert waited_for(ended.value) == "a cat"
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_limit_ends_at_its_time_although_a_later_one_was_there_before() -> None:
    limits, now = TimeLimits(), asyncio.get_running_loop().time()
    late = asyncio.create_task(_waits(limits, now + 3600))
    none = asyncio.create_task(_waits(limits, None))
    await asyncio.sleep(0)
    soon = [asyncio.create_task(_waits(limits, now + seconds)) for seconds in (0.02, 0.01, 0.0)]
    assert await asyncio.gather(*soon) == ["expired"] * 3
    assert not late.done()
    assert not none.done()
    late.cancel()
    none.cancel()
    assert await asyncio.gather(late, none) == ["cancelled"] * 2


async def test_who_cancels_a_task_whose_time_is_over_too_is_heard() -> None:
    limits = TimeLimits()
    task = asyncio.create_task(_waits(limits, asyncio.get_running_loop().time() + 0.01))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "cancelled"


async def test_limits_that_ended_before_their_time_are_not_kept() -> None:
    limits, later = TimeLimits(), asyncio.get_running_loop().time() + 3600
    for _ in range(10 * SWEEP_AFTER):
        with limits.until(later):
            pass
    assert len(limits._heap) <= SWEEP_AFTER


async def _waits(limits: TimeLimits, at: float | None) -> str:
    limit = limits.until(at)
    try:
        with limit:
            await asyncio.Event().wait()
    except TimeoutError:
        return "expired"
    except asyncio.CancelledError:
        return "cancelled" if not limit.expired else "both"
    return "ended"


def test_a_limit_that_is_over_already_ends_what_begins_by_uvloop_as_well() -> None:
    async def begun_late() -> list[str]:
        limits, now = TimeLimits(), asyncio.get_running_loop().time()
        return await asyncio.gather(*(_waits(limits, now - seconds) for seconds in (0, 1, 2)))

    assert uvloop.run(begun_late()) == ["expired"] * 3
