"""A deadline ends the work and not only the waiting, and so does a caller that goes away."""

import asyncio

import grpc

from tests.contract.running import Refusal, Running
from tests.contract.subject import Subject

# No more than a guard against hanging: that it stops at all is what is tested.
NOTICED_WITHIN = 60.0
# Deadlines within which the work begins: on a busy machine the first may pass before.
LONGER_AND_LONGER = (0.5, 4.0, 30.0)


async def test_a_deadline_stops_the_work(running: Running, subject: Subject) -> None:
    for seconds in LONGER_AND_LONGER:
        async with subject.slow(running) as slow:
            answer = await running.call(slow.method, slow.request, seconds=seconds)
            assert isinstance(answer, Refusal)
            assert answer.code == grpc.StatusCode.DEADLINE_EXCEEDED
            if slow.started.is_set():
                assert await asyncio.wait_for(slow.stopped.wait(), NOTICED_WITHIN)
                return
    raise AssertionError("the work has not begun within any deadline")


async def test_a_caller_that_goes_away_stops_the_work(running: Running, subject: Subject) -> None:
    async with subject.slow(running) as slow:
        call = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        call.cancel()
        assert await asyncio.wait_for(slow.stopped.wait(), NOTICED_WITHIN)
