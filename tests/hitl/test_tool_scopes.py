"""Roles and keys that are for some tools alone: they see the human requests about those."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from qmcp.access.v1 import scope_pb2

from services.access.roles import BUILT_IN
from tests.hitl.fake_access import FakeAccess
from tests.hitl.service import Start, answer, pb
from tests.hitl.test_visibility import Caller
from tests.wire import refusal

ROLES = {role.name: role.permissions for role in BUILT_IN}
# Requests by their names, each with the tool it is about.
ABOUT: dict[str, dict[str, Any]] = {
    "pays": {"name": "billing/pay", "tags": ["money"]},
    "refunds": {"name": "shop/refund", "tags": ["money"], "labels": {"team": "b"}},
    "sends": {"name": "mail/send", "labels": {"team": "a"}},
}


@pytest.fixture
async def people(start: Start, tmp_path: Path) -> AsyncIterator[dict[str, Caller]]:
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(auth="on", access_address=access.address, access_key_file=tmp_path / "key")

        def caller(name: str, role: str, *, by_key: bool = False, also: str = "", **scope: Any) -> Caller:
            granted = {*ROLES[role], *filter(None, [also])}
            if not scope:
                return Caller(replica, access.key(name, role, permissions=sorted(granted)))
            to = [scope_pb2.ToolScope(**scope)]
            narrowed = [
                scope_pb2.NarrowedPermission(permission=each, **{"key_scopes" if by_key else "scopes": to})
                for each in ("tools.read", "tools.invoke")
            ]
            kept = sorted(each for each in granted if not each.startswith("tools."))
            return Caller(replica, access.key(name, role, permissions=kept, narrowed=narrowed))

        yield {
            "ada": caller("ada", "agent"),
            "ada for billing": caller("ada", "agent", by_key=True, names=["billing/*"]),
            "ada for money": caller("ada", "agent", by_key=True, tags=["money"]),
            "ada for team a": caller("ada", "agent", by_key=True, labels={"team": "a"}),
            "ann for billing": caller("ann", "human", names=["billing/*"]),
            "auditor for billing": caller("root", "human", by_key=True, also="hitl.audit", names=["billing/*"]),
            "root": caller("root", "admin"),
            "tools": caller("tools", "delegate"),
        }


async def test_what_is_narrowed_to_some_tools_sees_requests_about_those_and_what_it_asked_itself(
    people: dict[str, Caller],
) -> None:
    ada = people["ada"]
    for name, tool in ABOUT.items():
        await people["tools"].ask(name, on_behalf_of="ada", tool=tool)
    await ada.ask("plain")
    await people["ada for billing"].ask("of-the-key")
    last = await people["root"].ask("last", assignees=["ada", "ann"])
    events = await people["root"].call("ListHumanRequestEvents", pb.ListHumanRequestEventsRequest(id=last.id))
    seen = {
        "ada": {*ABOUT, "plain", "of-the-key"},
        "ada for billing": {"pays", "of-the-key"},
        "ada for money": {"pays", "refunds"},
        "ada for team a": {"sends"},
        # Of what is about no tool, a person sees what is addressed to her: it is not her key that is narrowed.
        "ann for billing": {"pays", "plain", "of-the-key"},
        "auditor for billing": {"pays"},
        "root": {*ABOUT, "plain", "of-the-key"},
    }
    everything = seen["root"]
    for who, wanted in seen.items():
        caller = people[who]
        assert {each for each in everything if await caller.sees(each)} == wanted, who
        assert await caller.listed() - {"last"} == wanted, who
    for who in ("ada", "root", "ann for billing"):
        assert await people[who].streamed(events.events[0].sequence) == seen[who], who
    shown = (await ada.call("GetHumanRequest", pb.GetHumanRequestRequest(id="refunds"))).request
    assert (shown.tool.name, list(shown.tool.tags), dict(shown.tool.labels)) == (
        "shop/refund",
        ["money"],
        {"team": "b"},
    )


async def test_what_is_not_shown_is_not_waited_for_answered_or_changed(people: dict[str, Caller]) -> None:
    await people["tools"].ask("sends", on_behalf_of="ada", tool=ABOUT["sends"])
    ann, ada = people["ann for billing"], people["ada for billing"]
    for caller, method, request in (
        (ada, "WaitForResponse", pb.WaitForResponseRequest(id="sends", timeout_seconds=1)),
        (ada, "ListHumanRequestEvents", pb.ListHumanRequestEventsRequest(id="sends")),
        (ann, "CreateHumanResponse", answer("sends")),
        (ann, "ClaimHumanRequest", pb.ClaimHumanRequestRequest(id="sends")),
    ):
        assert (await refusal(caller.call(method, request))).reason == "HUMAN_REQUEST_NOT_FOUND", method
    assert (await people["root"].call("CreateHumanResponse", answer("sends"))).decides
