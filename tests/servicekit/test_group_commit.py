"""Group commit: batches without a timer, one bad row, callers that go away, a database that is away."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from servicekit import group_commit
from servicekit.errors import ServiceError
from servicekit.group_commit import CommitMetrics, GroupCommit


class Written:
    """A flush that remembers its batches, and fails where it is told to."""

    def __init__(self):
        self.batches = []
        self.late = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def flush(self, batch):
        await self.gate.wait()
        if self.away:
            raise ConnectionRefusedError("the database is away")
        if "late" in batch:
            self.late += 1
            if self.late < 4:
                raise TimeoutError("it took too long")
        if "bad" in batch:
            raise LookupError("a bad row")
        self.batches.append(list(batch))
        return [f"{item} written" for item in batch]


@pytest.fixture
def written():
    return Written()


def committer(written, **options):
    return GroupCommit("test", written.flush, CommitMetrics(CollectorRegistry()), **options)


async def test_what_queues_while_a_batch_is_written_goes_into_the_next_one(written):
    written.gate.clear()
    async with committer(written) as commits:
        first = commits.submit("a")
        await asyncio.sleep(0.01)
        rest = [commits.submit(str(number)) for number in range(100)]
        written.gate.set()
        assert await first == "a written"
        assert await asyncio.gather(*rest) == [f"{number} written" for number in range(100)]
    assert [len(batch) for batch in written.batches] == [1, 100]


async def test_a_lone_caller_waits_for_no_timer(written):
    async with committer(written) as commits:
        await commits.submit("warm")
        for number in range(100):
            done = commits.submit(str(number))
            # Turns of the loop, not seconds: a timer would let thousands of them pass.
            for _ in range(20):
                await asyncio.sleep(0)
            assert done.done()


async def test_one_bad_row_fails_alone(written):
    written.gate.clear()
    async with committer(written) as commits:
        commits.submit("first")
        await asyncio.sleep(0.01)
        futures = [commits.submit(item) for item in ("a", "b", "bad", "c", "d")]
        written.gate.set()
        answers = await asyncio.gather(*futures, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, str)] == [f"{i} written" for i in "abcd"]
    assert isinstance(answers[2], LookupError)


async def test_a_caller_that_goes_away_in_the_middle_of_a_flush_stops_nobody_and_is_told_on(written):
    abandoned = []
    written.gate.clear()
    async with committer(written, abandoned=lambda item, answer: abandoned.append((item, answer))) as commits:
        gone = commits.submit("gone")
        await asyncio.sleep(0.01)
        gone.cancel()
        stays = commits.submit("stays")
        written.gate.set()
        assert await stays == "stays written"
    assert abandoned == [("gone", "gone written")]


async def test_a_full_queue_refuses_instead_of_growing(written):
    written.gate.clear()
    async with committer(written, max_queued=3) as commits:
        commits.submit("being written")
        await asyncio.sleep(0.01)
        waiting = [commits.submit(str(number)) for number in range(3)]
        with pytest.raises(ServiceError, match="OVERLOADED"):
            commits.submit("one too many")
        written.gate.set()
        await asyncio.gather(*waiting)


async def test_callers_wait_while_the_database_comes_back(written):
    written.away = True
    async with committer(written) as commits:
        waiting = commits.submit("a")
        await asyncio.sleep(0.2)
        written.away = False
        assert await waiting == "a written"


async def test_a_caller_is_told_after_a_while_and_the_row_is_written_all_the_same(written, monkeypatch):
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0.1)
    abandoned = []
    written.away = True
    async with committer(written, abandoned=lambda item, answer: abandoned.append(item)) as commits:
        with pytest.raises(ServiceError, match="UNAVAILABLE") as told:
            await commits.commit("a")
        assert told.value.retry_after
        written.away = False
        async with asyncio.timeout(30):
            while not abandoned:
                await asyncio.sleep(0.01)
    assert written.batches == [["a"]]
    assert abandoned == ["a"]


@pytest.mark.parametrize("trouble", ["away", "silent"])
async def test_nobody_waits_for_a_batch_that_does_not_end(written, monkeypatch, trouble):
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0.1)
    written.away = trouble == "away"
    written.gate = asyncio.Event()
    if written.away:
        written.gate.set()
    async with committer(written, max_batch=2) as commits:
        in_hand = commits.submit("in hand")
        await asyncio.sleep(0.01)
        queued = [commits.submit(f"{number}") for number in range(5)]
        kept = commits.submit("kept", kept=True)
        async with asyncio.timeout(30):
            told = await asyncio.gather(in_hand, *queued, kept, return_exceptions=True)
        assert {error.reason for error in told} == {"UNAVAILABLE"}
        # By now it is known.
        with pytest.raises(ServiceError, match="UNAVAILABLE"):
            commits.submit("one more")
        written.away = False
        written.gate.set()
    assert written.batches == [["in hand"], ["kept"]]


async def test_a_committer_whose_batch_does_not_end_is_not_ready_until_it_has(written, monkeypatch):
    monkeypatch.setattr(group_commit, "STALLED_SECONDS", 0.05)
    written.gate.clear()
    async with committer(written) as commits:
        assert await commits.ready()
        waiting = commits.submit("a")
        async with asyncio.timeout(30):
            while await commits.ready():
                await asyncio.sleep(0.01)
        written.gate.set()
        await waiting
        assert await commits.ready()


async def test_what_takes_for_ever_holds_nobody_up(written):
    written.gate.clear()
    async with committer(written) as commits:
        commits.submit("first")
        await asyncio.sleep(0.01)
        a, late, b = [commits.submit(item) for item in ("a", "late", "b")]
        written.gate.set()
        assert await asyncio.gather(a, b) == ["a written", "b written"]
        with pytest.raises(ServiceError, match="UNAVAILABLE"):
            await late
    assert written.batches == [["first"], ["a"], ["b"], ["late"]]


async def test_what_is_queued_is_written_when_the_committer_is_closed(written):
    async with committer(written) as commits:
        futures = [commits.submit(str(number)) for number in range(10)]
    assert all(future.done() for future in futures)
    with pytest.raises(ServiceError, match="UNAVAILABLE"):
        commits.submit("late")


async def test_a_batch_holds_no_more_bytes_than_it_may(written, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_BATCH_BYTES", 5)
    written.gate.clear()
    async with committer(written, size=len) as commits:
        commits.submit("first")
        await asyncio.sleep(0.01)
        futures = [commits.submit(item) for item in ("aaa", "bbb", "cccccc", "d", "e")]
        written.gate.set()
        await asyncio.gather(*futures)
    assert written.batches == [["first"], ["aaa", "bbb"], ["cccccc"], ["d", "e"]]
