"""What is read together has a bound of bytes: lists and streams of long requests, with nothing left out or told twice."""

import asyncio

import pytest

from services.hitl.lifecycle.store import events, requests
from tests.hitl.service import Replica, Start, pb

LONG = {"context": {"text": "x" * 100_000, "more": [None] * 10_000}}


@pytest.fixture
async def replica(start: Start, monkeypatch: pytest.MonkeyPatch) -> Replica:
    monkeypatch.setattr(requests, "MAX_PAGE_BYTES", 400_000)
    monkeypatch.setattr(events, "MAX_PAGE_BYTES", 400_000)
    one = await start()
    for number in range(5):
        await one.ask(f"r{number}", **LONG)
    return one


async def test_a_page_of_long_requests_ends_early_and_nothing_is_skipped(replica: Replica) -> None:
    found: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await replica.stub.ListHumanRequests(pb.ListHumanRequestsRequest(page_token=token))
        assert page.count == len(page.requests) <= 2
        assert all(len(one.context["text"]) == 100_000 for one in page.requests)
        found += [one.id for one in page.requests]
        token, pages = page.next_page_token, pages + 1
    assert found == ["r4", "r3", "r2", "r1", "r0"]


async def test_a_stream_of_long_requests_has_each_event_once(replica: Replica) -> None:
    await replica.answer("r0", response_metadata={"why": "y" * 50_000}, comment="z" * 8_000)
    told = []
    async with asyncio.timeout(60):
        async for event in replica.stub.WatchHumanRequests(pb.WatchHumanRequestsRequest(after_sequence=0)):
            told.append((event.human_request_id, event.kind, len(event.request.context["text"])))
            if len(told) == 6:
                break
    assert told == [*((f"r{number}", "created", 100_000) for number in range(5)), ("r0", "decided", 100_000)]


async def test_long_answers_are_on_record_as_they_were_given(replica: Replica) -> None:
    metadata = {"why": "y" * 50_000}
    answered = await replica.answer("r1", response_metadata=metadata)
    assert dict(answered.response_metadata) == metadata
    again = await replica.ask("r2", **LONG)
    assert (again.id, again.context["text"]) == ("r2", "x" * 100_000)
    assert dict((await replica.get("r1")).response.response_metadata) == metadata
