"""Answers that let the requester do the same again: who may give them, to what, and how they are on record."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.access.roles import BUILT_IN
from tests.hitl.fake_access import FakeAccess
from tests.hitl.service import Replica, Start, answer, pb
from tests.hitl.test_visibility import Caller
from tests.wire import refusal

ROLES = {role.name: role.permissions for role in BUILT_IN}
OFFER = {"response": "approve", "permission": "tools.admin"}


def in_seconds(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@pytest.fixture
async def people(start: Start, tmp_path: Path) -> AsyncIterator[dict[str, Caller]]:
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(auth="on", access_address=access.address, access_key_file=tmp_path / "key")

        def caller(name: str, *roles: str) -> Caller:
            permissions = sorted({permission for role in roles for permission in ROLES[role]})
            return Caller(replica, access.key(name, *roles, permissions=permissions))

        yield {
            "ada": caller("ada", "agent", "admin"),
            "ann": caller("ann", "human"),
            "root": caller("root", "human", "admin"),
            "tools": caller("tools", "delegate"),
            "bot": caller("bot", "agent"),
        }


async def answered(caller: Caller, human_request_id: str, response: str = "approve", **grant: Any) -> Any:
    said = answer(human_request_id, response, grant={"expires_at": in_seconds(3_600), **grant})
    return await caller.call("CreateHumanResponse", said)


async def test_only_who_may_make_grants_answers_with_one_where_that_is_offered(people: dict[str, Caller]) -> None:
    tools, root = people["tools"], people["root"]
    await tools.ask("offered", on_behalf_of="ada", grant_offer=OFFER)
    await tools.ask("not-offered", on_behalf_of="ada")
    refused = await refusal(answered(people["ann"], "offered"))
    assert (refused.reason, refused.metadata["permission"]) == ("PERMISSION_DENIED", "tools.admin")
    assert (await refusal(answered(people["ada"], "offered"))).reason == "FOUR_EYES"
    assert (await refusal(answered(root, "not-offered"))).reason == "GRANT_NOT_OFFERED"
    assert (await refusal(answered(root, "offered", "reject"))).reason == "GRANT_NOT_OFFERED"
    for grant in ({"expires_at": in_seconds(-1)}, {"expires_at": in_seconds(9_000 * 3_600)}, {"uses": 0}):
        assert (await refusal(answered(root, "offered", **grant))).reason == "INVALID_REQUEST", grant
    assert (await refusal(answered(root, "offered", arguments={"type": "nothing"}))).reason == "SCHEMA_INVALID"
    given = await answered(root, "offered", tools=["billing/*"], uses=3, arguments={"maxProperties": 2}, reason="Yes.")
    assert given.decides
    shown = (await people["ada"].call("GetHumanRequest", pb.GetHumanRequestRequest(id="offered"))).request
    assert shown.response.grant == given.grant
    assert (list(given.grant.tools), given.grant.uses, given.grant.reason) == (["billing/*"], 3, "Yes.")
    assert dict(given.grant.arguments) == {"maxProperties": 2}
    assert (shown.grant_offer.response, shown.grant_offer.permission) == ("approve", "tools.admin")
    assert (await people["ann"].call("CreateHumanResponse", answer("not-offered"))).decides


async def test_what_is_proposed_is_shown_to_those_who_may_grant_it_and_proposed_by_services_alone(
    people: dict[str, Caller],
) -> None:
    proposed = {"tools": ["pay"], "arguments": {"const": {"amount": 1}}, "principal": "ada"}
    proposed |= {"uses": 5, "duration_seconds": 60, "approvals": 3}
    offer = {**OFFER, "proposed": proposed}
    await people["tools"].ask("proposed", on_behalf_of="ada", grant_offer=offer)
    # A retry counts anew, and is the same request.
    again = {**OFFER, "proposed": proposed | {"approvals": 4}}
    await people["tools"].ask("proposed", on_behalf_of="ada", grant_offer=again)

    async def shown(name: str) -> Any:
        get = pb.GetHumanRequestRequest(id="proposed")
        [listed] = (await people[name].call("ListHumanRequests", pb.ListHumanRequestsRequest())).requests
        got = (await people[name].call("GetHumanRequest", get)).request.grant_offer
        assert listed.grant_offer == got
        return got

    seen = (await shown("root")).proposed
    assert (list(seen.tools), seen.principal, seen.approvals, seen.uses) == (["pay"], "ada", 3, 5)
    assert dict(seen.arguments["const"]) == {"amount": 1}
    # Neither who asked, an administrator though she is, nor who may not make grants.
    for name in ("ada", "ann"):
        assert not (await shown(name)).HasField("proposed"), name
    refused = await refusal(people["bot"].ask("mine", grant_offer=offer))
    assert (refused.reason, refused.metadata["permission"]) == ("PERMISSION_DENIED", "hitl.delegate")
    wrong = people["tools"].ask("wrong", on_behalf_of="ann", grant_offer=offer)
    assert (await refusal(wrong)).reason == "INVALID_REQUEST"


async def test_where_nobody_is_verified_nobody_gives_a_grant(start: Start) -> None:
    replica: Replica = await start()
    await replica.ask("offered", grant_offer=OFFER)
    refused = await refusal(replica.answer("offered", grant={"expires_at": in_seconds(60)}))
    assert refused.reason == "PERMISSION_DENIED"
    assert (await replica.answer("offered")).decides
