"""A binding request is answered by those it was addressed to, whatever is assigned, claimed, linked or escalated since."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.hitl.fake_access import FakeAccess
from tests.hitl.service import Replica, Start, answer, pb, question
from tests.wire import python, refusal

PERSON = ("hitl.read", "hitl.respond")


class Caller:
    """Calls the service with one person's key."""

    def __init__(self, replica: Replica, key: str) -> None:
        self.replica = replica
        self.metadata = (("x-api-key", key),)

    async def call(self, method: str, request: Any = None, **fields: Any) -> Any:
        request = request or getattr(pb, f"{method}Request")(**fields)
        return await getattr(self.replica.stub, method)(request, metadata=self.metadata)

    async def answer(self, human_request_id: str, response: str = "approve") -> Any:
        return await self.call("CreateHumanResponse", answer(human_request_id, response))

    async def assign(self, human_request_id: str, **to: list[str]) -> Any:
        return await self.call("AssignHumanRequest", id=human_request_id, **to)


@dataclass
class Office:
    """Finance, some outsiders, and the service that asks."""

    replica: Replica
    person: Callable[..., Caller]
    tools: Caller
    ann: Caller
    ben: Caller
    outsider: Caller
    other: Caller
    admin: Caller

    async def ask(self, human_request_id: str, **fields: Any) -> Any:
        asked = {"groups": ["finance"], "quorum": {"required": 2, "veto": "reject"}, "binding": True, **fields}
        asked = {"on_behalf_of": "agent", "four_eyes": True, **asked}
        return await self.tools.call("CreateHumanRequest", question(human_request_id, **asked))

    async def events(self, human_request_id: str, kind: str) -> list[dict[str, Any]]:
        page = await self.ann.call("ListHumanRequestEvents", id=human_request_id, page_size=100)
        return [python(event.detail) for event in page.events if event.kind == kind]


@pytest.fixture
async def office(start: Start, tmp_path: Path) -> AsyncIterator[Office]:
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(auth="on", access_address=access.address, access_key_file=tmp_path / "key")

        def person(name: str, *roles: str, permissions: tuple[str, ...] = PERSON) -> Caller:
            return Caller(replica, access.key(name, *roles, permissions=permissions))

        yield Office(
            replica,
            person,
            person("tools", permissions=("hitl.read", "hitl.ask", "hitl.delegate")),
            person("ann", "finance"),
            person("ben", "finance"),
            person("olga", "human"),
            person("otto", "human"),
            person("root", "admin", permissions=("*",)),
        )


async def reason(call: Any) -> str:
    refused = await refusal(call)
    assert refused.code is grpc.StatusCode.PERMISSION_DENIED
    return refused.reason


async def unseen(call: Any) -> bool:
    """Whether somebody is answered as if there were no such request."""
    refused = await refusal(call)
    return (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "HUMAN_REQUEST_NOT_FOUND")


@pytest.mark.parametrize("to", [{"assignees": ["olga", "otto"]}, {}, {"assignees": ["olga"], "groups": ["finance"]}])
async def test_an_assignment_lets_nobody_else_answer(office: Office, to: dict[str, list[str]]) -> None:
    assert (await office.ask("r")).binding
    await office.ann.assign("r", **to)
    for name, outsider in (("olga", office.outsider), ("otto", office.other)):
        for method, fields in (
            ("AssignHumanRequest", {"assignees": ["olga"]}),
            ("ClaimHumanRequest", {}),
            ("ClaimHumanRequest", {"take_over": True}),
        ):
            if name in to.get("assignees", ()):
                assert await reason(outsider.call(method, id="r", **fields)) == "NOT_ASSIGNED"
                assert await reason(outsider.answer("r")) == "NOT_ASSIGNED"
            else:
                assert await unseen(outsider.call(method, id="r", **fields))
                assert await unseen(outsider.answer("r"))
    await office.ann.assign("r", groups=["finance"])
    for member, decides in ((office.ann, False), (office.ben, True)):
        assert (await member.answer("r")).decides is decides


async def test_a_group_that_was_not_asked_cannot_be_assigned(office: Office) -> None:
    await office.ask("groups")
    assert await reason(office.ann.assign("groups", groups=["human"])) == "NOT_ASSIGNED"
    await office.ask("named", groups=[], assignees=["ann", "ben"])
    assert await reason(office.ann.assign("named", assignees=["olga"])) == "NOT_ASSIGNED"
    assert list((await office.ann.assign("named", assignees=["ben"])).assignees) == ["ben"]
    assert await reason(office.ann.answer("named")) == "NOT_ASSIGNED"


async def test_an_administrator_lets_others_in_and_the_history_says_whom(office: Office) -> None:
    await office.ask("r")
    assert await reason(office.admin.answer("r")) == "NOT_ASSIGNED"
    await office.admin.assign("r", assignees=["olga"], groups=["finance"])
    assert (await office.events("r", "assigned"))[0]["admitted"] == {"assignees": ["olga"], "groups": []}
    assert not (await office.outsider.answer("r")).decides
    assert await unseen(office.other.answer("r"))
    assert (await office.ann.answer("r")).decides


async def test_who_asked_neither_answers_nor_hands_on_where_four_eyes_are_wanted(office: Office) -> None:
    await office.ask("r")
    agent = office.person("Agent", "finance")
    for call in (agent.answer("r"), agent.assign("r"), agent.call("ClaimHumanRequest", id="r")):
        assert await reason(call) == "FOUR_EYES"


async def test_a_link_is_made_for_nobody_whom_the_request_did_not_name(office: Office) -> None:
    await office.ask("r")
    await office.ann.assign("r", assignees=["olga"])
    assert await reason(office.admin.call("CreateActionLink", id="r", person="olga")) == "NOT_ASSIGNED"
    await office.ann.assign("r")
    assert await reason(office.admin.call("CreateActionLink", id="r", person="olga")) == "NOT_ASSIGNED"


@pytest.mark.parametrize(
    ("on_expiry", "field"),
    [
        ({"action": "answer", "default_response": "approve"}, "on_expiry.action"),
        ({"action": "escalate", "escalate_to": ["finance", "human"]}, "on_expiry.escalate_to"),
    ],
)
async def test_time_gives_it_to_nobody_else(office: Office, on_expiry: dict[str, Any], field: str) -> None:
    assert (await refusal(office.ask("r", on_expiry=on_expiry))).fields == [field]


async def test_an_escalation_within_the_groups_holds_them(office: Office) -> None:
    await office.ask("r", groups=["finance", "board"], on_expiry={"action": "escalate", "escalate_to": ["board"]})
    await office.replica.let_time_pass("r")
    assert await reason(office.ann.answer("r")) == "NOT_ASSIGNED"
    assert not (await office.person("bea", "board").answer("r")).decides
    assert await unseen(office.outsider.answer("r"))


async def test_one_person_is_one_whatever_the_spelling(office: Office) -> None:
    await office.ask("r")
    await office.ann.answer("r")
    again = await refusal(office.person("Ann", "finance").answer("r"))
    assert (again.code, again.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_RESPONDED")


@pytest.mark.parametrize("spelling", ["JOSÉ", "Jose\u0301", " josé ", "jo\u200bsé", "josé\u00a0", "ＪＯＳÉ"])
async def test_without_verified_callers_a_spelling_is_no_second_person(start: Start, spelling: str) -> None:
    replica = await start()
    await replica.ask("r", quorum={"required": 2})
    await replica.answer("r", responded_by="José")
    assert (await refusal(replica.answer("r", responded_by=spelling))).reason == "ALREADY_RESPONDED"
    await replica.ask("asked", four_eyes=True, on_behalf_of="José")
    assert (await refusal(replica.answer("asked", responded_by=spelling))).reason == "FOUR_EYES"


async def test_without_binding_an_assignment_replaces_who_is_asked(office: Office) -> None:
    await office.ask("r", binding=False)
    await office.ann.assign("r", assignees=["olga"])
    assert (await office.outsider.answer("r")).response.string_value == "approve"
