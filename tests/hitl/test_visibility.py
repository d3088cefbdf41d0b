"""Who sees which human request: who asks, who is asked, who has answered; and the same ones by id, in lists and streams."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from services.access.roles import BUILT_IN
from tests.hitl.fake_access import FakeAccess
from tests.hitl.service import Replica, Start, answer, pb, question
from tests.wire import query, until

ROLES = {role.name: role.permissions for role in BUILT_IN}
# Requests by their names, each with those who see it besides whoever sees all.
SEEN = {
    # Of nobody in particular: of everybody who may answer, and so of no other agent.
    "open": {"ada", "ann", "ben", "cleo"},
    "named": {"ada", "ann"},
    "grouped": {"ada", "ann", "cleo"},
    "of-an-agent": {"ada", "bob"},
    # Ann was to answer, ben is; who is bound to it may still be asked.
    "handed-on": {"ada", "ben"},
    "bound": {"ada", "ann", "cleo"},
    # Ann has voted, and ben is asked now.
    "voted": {"ada", "ann", "ben"},
    "of-bob": {"bob"},
}
SEES_ALL = {"rita", "root", "tools"}


@dataclass
class Caller:
    """Somebody with a key."""

    replica: Replica
    key: str

    async def call(self, method: str, request: Any) -> Any:
        return await getattr(self.replica.stub, method)(request, metadata=[("x-api-key", self.key)])

    async def ask(self, human_request_id: str, **fields: Any) -> Any:
        return await self.call("CreateHumanRequest", question(human_request_id, **fields))

    async def sees(self, human_request_id: str) -> bool:
        try:
            await self.call("GetHumanRequest", pb.GetHumanRequestRequest(id=human_request_id))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def listed(self) -> set[str]:
        page = await self.call("ListHumanRequests", pb.ListHumanRequestsRequest(page_size=500))
        return {request.id for request in page.requests}

    async def streamed(self, last: int) -> set[str]:
        """Of which requests it is told from the beginning up to an event."""
        found = set()
        request = pb.WatchHumanRequestsRequest(after_sequence=0)
        call = self.replica.stub.WatchHumanRequests(request, metadata=[("x-api-key", self.key)])
        async for event in call:
            if event.sequence >= last:
                call.cancel()
                return found
            found.add(event.human_request_id)
        raise AssertionError("it ended")

    async def similar(self, human_request_id: str, replica: Replica) -> set[str]:
        request = pb.FindSimilarHumanRequestsRequest(id=human_request_id, limit=20)
        found = await replica.stub.FindSimilarHumanRequests(request, metadata=[("x-api-key", self.key)])
        return {each.id for each in found.requests}


@pytest.fixture
async def people(start: Start, tmp_path: Path) -> AsyncIterator[dict[str, Caller]]:
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(
            auth="on",
            access_address=access.address,
            access_key_file=tmp_path / "key",
            hitl_similar_requests=True,
            qdrant_folder=tmp_path / "qdrant",
        )

        def caller(name: str, *roles: str) -> Caller:
            permissions = sorted({permission for role in roles for permission in ROLES.get(role, ())})
            return Caller(replica, access.key(name, *roles, permissions=permissions))

        yield {
            "ada": caller("ada", "agent"),
            "bob": caller("bob", "agent"),
            "ann": caller("ann", "human", "finance"),
            "ben": caller("ben", "human"),
            "cleo": caller("cleo", "human", "finance"),
            "rita": caller("rita", "reader"),
            "root": caller("root", "admin"),
            "tools": caller("tools", "service", "delegate"),
        }


async def test_everybody_sees_what_they_ask_are_asked_or_have_answered_and_nothing_else(
    people: dict[str, Caller], start: Start
) -> None:
    ada, ann, root = people["ada"], people["ann"], people["root"]
    await ada.ask("open")
    await ada.ask("named", assignees=["ann"])
    await ada.ask("grouped", groups=["finance"])
    await ada.ask("of-an-agent", assignees=["bob"])
    await ada.ask("handed-on", assignees=["ann"])
    await ada.ask("bound", groups=["finance"], binding=True)
    await ada.ask("voted", assignees=["ann"], quorum={"required": 2})
    await people["tools"].ask("of-bob", assignees=["nobody"], on_behalf_of="bob")
    await ann.call("CreateHumanResponse", answer("voted"))
    for name, assignee in (("handed-on", "ben"), ("bound", "ann"), ("voted", "ben")):
        await root.call("AssignHumanRequest", pb.AssignHumanRequestRequest(id=name, assignees=[assignee]))
    # Something that everybody sees, so that a stream that shows nothing else is known to have shown all.
    last = await root.ask("last", assignees=list(people))
    events = await root.call("ListHumanRequestEvents", pb.ListHumanRequestEventsRequest(id=last.id))
    for name, caller in people.items():
        wanted = {request for request, who in SEEN.items() if name in who or name in SEES_ALL}
        assert {request for request in SEEN if await caller.sees(request)} == wanted, name
        assert await caller.listed() - {"last"} == wanted, name
        assert await caller.streamed(events.events[0].sequence) == wanted, name
    # All ask in the same words; ended ones are found, by their meaning, and by their words where no memory is.
    for request in SEEN:
        await root.replica.let_time_pass(request)
    await root.listed()
    kept = ("auth", "access_address", "access_key_file", "hitl_similar_requests")
    plain = await start(**{name: getattr(root.replica.settings, name) for name in kept})

    async def indexed() -> bool:
        # By words before the index is there, so it must have been searched.
        found = await root.similar("last", root.replica)
        searched = (await root.replica.metrics())["qmcp_vector_search_seconds_count{}"]
        waiting = await query(root.replica.settings.database_url, "SELECT FROM index_outbox")
        return found == set(SEEN) and searched > 0 and not waiting

    assert await until(indexed)
    searches = (await root.replica.metrics())["qmcp_vector_search_seconds_count{}"]
    for name, caller in people.items():
        wanted = {request for request, who in SEEN.items() if name in who or name in SEES_ALL}
        assert await caller.similar("last", root.replica) == wanted, name
        assert await caller.similar("last", plain) == wanted, name
    searched = (await root.replica.metrics())["qmcp_vector_search_seconds_count{}"]
    assert searched - searches == len(people)


async def test_whoever_is_no_longer_asked_is_not_told_the_answer_they_waited_for(people: dict[str, Caller]) -> None:
    await people["ada"].ask("r", assignees=["ann"])
    request = pb.WaitForResponseRequest(id="r", timeout_seconds=60)
    wait = asyncio.create_task(people["ann"].call("WaitForResponse", request))
    root = people["root"]

    async def waits() -> bool:
        return (await root.replica.metrics())["qmcp_hitl_waiters{}"] == 1

    await until(waits, 30)
    await root.call("AssignHumanRequest", pb.AssignHumanRequestRequest(id="r", assignees=["ben"]))
    await people["ben"].call("CreateHumanResponse", answer("r"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await wait
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
