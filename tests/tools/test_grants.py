"""Grants: what runs without a human being asked, so often and so long, and by whom that is said."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.client.receipts import PublicKeys, verify_export
from qmcp.hitl.v1 import request_pb2
from qmcp.tools.v1 import grant_pb2

from tests.hitl.fake_access import FakeAccess
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Start, pb, query, refusal, runs, tool, until
from tests.tools.test_visibility import ROLES, Caller

AGENT = "agent"


def a_grant(*tools: str, hours: float = 1, arguments: dict[str, Any] | None = None, **fields: Any) -> grant_pb2.Grant:
    fields.setdefault("principal", "ada")
    made = grant_pb2.Grant(tools=tools, expires_at=Timestamp(seconds=int(time.time() + hours * 3_600)), **fields)
    if arguments is not None:
        ParseDict(arguments, made.arguments)
    return made


def create(grant: grant_pb2.Grant, **fields: Any) -> Any:
    return pb.CreateGrantRequest(grant=grant, **fields)


@pytest.fixture
async def replicas(plugins: None, start: Start, hitl: FakeHitl, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Two replicas, and a caller of either: `replicas("ada", "agent", at=1)`."""
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        changes = {"auth": "on", "access_address": access.address, "access_key_file": tmp_path / "key"}
        changes |= {"tools_checkpoint_seconds": 0.2, "principal_max_long_calls": 500}
        both = [await start(hitl_address=hitl.address, **changes) for _ in range(2)]

        def with_roles(name: str, *roles: str, at: int = 0) -> Caller:
            permissions = sorted({permission for role in roles for permission in ROLES[role]})
            return Caller(both[at], access.key(name, *roles, permissions=permissions))

        yield with_roles


async def test_two_hundred_at_once_run_ten_times_by_a_grant_of_ten_uses_and_the_record_proves_it(
    replicas: Callable[..., Caller], database: str
) -> None:
    ada, there = replicas("ada", AGENT), replicas("ada", AGENT, at=1)
    root = replicas("root", "admin")
    request = create(a_grant("guar*", uses=10, reason="Trusted."), idempotency_key="k")
    made = await root.call("CreateGrant", request)
    assert await root.call("CreateGrant", request) == made
    assert (made.used, made.created_by, list(made.tool_etags)) == (0, "root", ["guarded"])

    calls = [
        (there if number % 2 else ada).invoke("guarded", {"key": "granted"}, idempotency_key=f"{number}")
        for number in range(200)
    ]
    ended = await asyncio.gather(*calls)
    assert Counter(each.status for each in ended) == {"success": 10, "awaiting_approval": 190}
    assert runs("granted") == 10
    by_grant = [each for each in ended if each.grant_id]
    assert {(each.status, each.grant_id, each.HasField("approval")) for each in by_grant} == {
        ("success", made.id, False)
    }
    number = next(number for number, each in enumerate(ended) if each.grant_id)
    again = await ada.invoke("guarded", {"key": "granted"}, idempotency_key=f"{number}")
    assert again.id == ended[number].id
    assert (await ada.call("GetGrant", pb.GetGrantRequest(id=made.id))).used == 10

    assert sorted(await ada.listed(grant_id=made.id)) == sorted(each.id for each in by_grant)
    assert sorted(await ada.listed(grant_id=made.id, status="success")) == sorted(each.id for each in by_grant)
    assert await ada.listed(grant_id=made.id, status="awaiting_approval") == []
    receipt = await ada.call("GetReceipt", pb.GetReceiptRequest(invocation_id=by_grant[0].id))
    content = json.loads(receipt.content)
    assert (content["kind"], content["grant_id"]) == ("invocation/4", made.id)

    async def signed() -> bool:
        return not (await root.call("VerifyReceipts", pb.VerifyReceiptsRequest())).receipts_unsigned

    await until(signed, 30)
    keys = PublicKeys((await ada.call("GetReceiptKey", pb.GetReceiptKeyRequest())).public_key_pem.encode())
    lines = await ada.receipts()
    assert verify_export(lines, keys, of="ada").valid
    forged = [line.replace(b'"grant_id":"', b'"grant_id":"0', 1) for line in lines]
    assert not verify_export(forged, keys, of="ada").valid
    await query(database, "UPDATE invocations SET grant_id = '' WHERE id = $1::uuid", by_grant[0].id)
    faults = (await root.call("VerifyReceipts", pb.VerifyReceiptsRequest())).faults
    assert {fault.invocation_id for fault in faults} == {by_grant[0].id}


async def test_a_grant_is_good_for_its_principal_tools_arguments_version_and_time_alone(
    replicas: Callable[..., Caller], database: str
) -> None:
    ada, bob, root = replicas("ada", AGENT), replicas("bob", AGENT), replicas("root", "admin")

    async def asked(caller: Caller, tool: str, arguments: dict[str, Any]) -> bool:
        return bool((await caller.invoke(tool, arguments)).status == "awaiting_approval")

    small = {"properties": {"amount": {"type": "number", "maximum": 1000}}, "required": ["amount"]}
    by_schema = await root.call("CreateGrant", create(a_grant("pay*", arguments=small)))
    assert sorted(by_schema.tool_etags) == ["pay", "pay_by_default"]
    assert not await asked(ada, "pay", {"amount": 500})
    assert (await ada.invoke("pay", {"amount": 50})).grant_id == "", "nobody would be asked"
    assert await asked(ada, "pay", {"amount": 1001})
    assert await asked(bob, "pay", {"amount": 500})
    assert await asked(ada, "guarded", {"key": "other tool"})
    # What it is written as obeys, and what it may be read as does not.
    assert not await asked(ada, "pay_by_default", {"amount": 900})
    assert await asked(ada, "pay_by_default", {"amount": 900, "Amount": "5,000"})
    loose = await root.call(
        "CreateGrant", create(a_grant("pay_by_default", arguments={"properties": small["properties"]}))
    )
    assert (await ada.invoke("pay_by_default", {})).grant_id == loose.id, "its default of 500 obeys"
    tight = {"properties": {"amount": {"type": "number", "maximum": 300}}}
    await root.call("RevokeGrant", pb.RevokeGrantRequest(id=loose.id))
    await root.call("CreateGrant", create(a_grant("pay_by_default", arguments=tight)))
    assert await asked(ada, "pay_by_default", {}), "its default of 500 does not"

    http = {"http": {"url": "http://127.0.0.1:9/x"}, "approval": {"mode": "always"}}

    async def defined(title: str) -> None:
        await root.call("UpdateTool", pb.UpdateToolRequest(tool=tool(name="made/by-us", title=title, **http)))

    await defined("one")
    of_this = await root.call("CreateGrant", create(a_grant("made/*")))
    ran = await ada.invoke("made/by-us", {})
    assert (ran.grant_id, ran.error_reason) == (of_this.id, "UPSTREAM_FAILED")
    await defined("two")
    assert await asked(ada, "made/by-us", {})
    of_any = await root.call("CreateGrant", create(a_grant("made/*", any_version=True)))
    assert (dict(of_any.tool_etags), of_any.uses, of_any.HasField("uses")) == ({}, 0, False)
    assert (await ada.invoke("made/by-us", {})).grant_id == of_any.id
    await root.call("PauseTool", pb.PauseToolRequest(name="made/by-us"))
    assert (await refusal(ada.invoke("made/by-us", {}))).reason == "TOOL_PAUSED"
    await root.call("ResumeTool", pb.ResumeToolRequest(name="made/by-us"))

    revoked = await root.call("RevokeGrant", pb.RevokeGrantRequest(id=of_any.id))
    assert revoked.revoked_by == "root"
    other = replicas("boss", "admin")
    assert await other.call("RevokeGrant", pb.RevokeGrantRequest(id=of_any.id)) == revoked
    assert await asked(ada, "made/by-us", {})
    assert not await asked(ada, "pay", {"amount": 500})
    await query(database, "UPDATE grants SET expires_at = now() WHERE revoked_at IS NULL")
    assert await asked(ada, "pay", {"amount": 500})
    usable = await root.call("ListGrants", pb.ListGrantsRequest(usable=True))
    assert not usable.grants


async def test_only_administrators_make_grants_and_nobody_for_oneself(replicas: Callable[..., Caller]) -> None:
    ada, bob = replicas("ada", AGENT), replicas("bob", AGENT)
    rita, root = replicas("rita", "reader"), replicas("root", "admin")
    made = await root.call("CreateGrant", create(a_grant("guarded")))
    for request in (("CreateGrant", create(a_grant("guarded"))), ("RevokeGrant", pb.RevokeGrantRequest(id=made.id))):
        refused = await refusal(ada.call(*request))
        assert (refused.code, refused.metadata["permission"]) == (grpc.StatusCode.PERMISSION_DENIED, "tools.admin")
    assert (
        await refusal(root.call("CreateGrant", create(a_grant("*", principal="root"))))
    ).reason == "GRANT_FOR_ONESELF"
    assert (await refusal(root.call("CreateGrant", create(a_grant("never/*"))))).reason == "TOOL_NOT_FOUND"
    invalid = [
        a_grant("guarded", hours=-1),
        a_grant("guarded", hours=9_000),
        grant_pb2.Grant(principal="ada", tools=["guarded"]),
        a_grant("guarded", uses=0),
        a_grant("guarded", uses=10_001),
        a_grant(),
        a_grant("guarded", principal=""),
    ]
    for each in invalid:
        assert (await refusal(root.call("CreateGrant", create(each)))).reason == "INVALID_REQUEST", each
    wrong = create(a_grant("guarded", arguments={"type": "nothing"}))
    assert (await refusal(root.call("CreateGrant", wrong))).reason == "SCHEMA_INVALID"
    for _ in range(99):
        await root.call("CreateGrant", create(a_grant("guarded")))
    assert (await refusal(root.call("CreateGrant", create(a_grant("guarded"))))).reason == "TOO_MANY_GRANTS"

    async def sees(caller: Caller) -> int:
        return len((await caller.call("ListGrants", pb.ListGrantsRequest(page_size=500))).grants)

    assert [await sees(each) for each in (ada, bob, rita, root)] == [100, 0, 100, 100]
    get = pb.GetGrantRequest(id=made.id)
    assert await ada.call("GetGrant", get) == await rita.call("GetGrant", get) == made
    assert (await refusal(bob.call("GetGrant", get))).reason == "GRANT_NOT_FOUND"


async def test_a_human_who_approves_lets_the_same_run_from_then_on_and_that_is_made_once_with_the_decision(
    replicas: Callable[..., Caller], hitl: FakeHitl, database: str
) -> None:
    ada, there, rita = replicas("ada", AGENT), replicas("ada", AGENT, at=1), replicas("rita", "reader")
    asked = await ada.invoke("guarded", {"key": "always"})
    offer = (await hitl.asked_about(asked.id)).grant_offer
    assert (offer.response, offer.permission) == ("approve", "tools.admin")
    terms = request_pb2.ResponseGrant(uses=2, reason="Always.", expires_at=Timestamp(seconds=int(time.time()) + 3_600))
    ParseDict({"properties": {"key": {"const": "always"}}, "required": ["key"]}, terms.arguments)
    await hitl.answer(asked.id, "approve", by="root", grant=terms)
    done = await ended_as(ada, asked.id, "success")
    # Both replicas heard of it, and one of them made it.
    [made] = (await rita.call("ListGrants", pb.ListGrantsRequest())).grants
    assert (made.principal, made.created_by, list(made.tools), made.uses) == ("ada", "root", ["guarded"], 2)
    assert (made.invocation_id, done.approval.grant_id, made.reason) == (asked.id, made.id, "Always.")
    assert list(made.tool_etags) == ["guarded"]
    # The receipt of the run that was decided on covers what the decision made.
    receipt = await ada.call("GetReceipt", pb.GetReceiptRequest(invocation_id=asked.id))
    assert json.loads(receipt.content)["approval"]["grant_id"] == made.id
    keys = PublicKeys((await ada.call("GetReceiptKey", pb.GetReceiptKeyRequest())).public_key_pem.encode())
    assert not verify_export(await ada.receipts(), keys, of="ada").faults
    for caller in (there, ada):
        assert (await caller.invoke("guarded", {"key": "always"})).grant_id == made.id
    again = await ada.invoke("guarded", {"key": "always"})
    assert (again.status, runs("always")) == ("awaiting_approval", 3)
    # What cannot be made leaves the decision as it is: nobody for oneself, and nothing that is over.
    for by, seconds in (("ada", 3_600), ("root", -1)):
        waiting = await ada.invoke("guarded", {"key": f"not by {by}"})
        late = request_pb2.ResponseGrant(expires_at=Timestamp(seconds=int(time.time()) + seconds))
        await hitl.answer(waiting.id, "approve", by=by, grant=late)
        assert (await ended_as(ada, waiting.id, "success")).approval.grant_id == ""
    rejected = await ada.invoke("guarded", {"key": "no"})
    await hitl.answer(rejected.id, "reject", by="root", grant=terms)
    await ended_as(ada, rejected.id, "rejected")
    assert len(await query(database, "SELECT FROM grants")) == 1
    voted = await ada.invoke("voted", {"key": "several"})
    assert not (await hitl.asked_about(voted.id)).HasField("grant_offer"), "where several must agree, none does alone"


async def approved(caller: Caller, hitl: FakeHitl, key: str, **said: Any) -> Any:
    """Asks for a run, has it approved, and returns what was proposed."""
    asked = await caller.invoke("guarded", {"key": key})
    assert asked.status == "awaiting_approval"
    offer = (await hitl.asked_about(asked.id)).grant_offer
    response = said.pop("response", "approve")
    await hitl.answer(asked.id, response, by="root", **said)
    await ended_as(caller, asked.id, "success" if response == "approve" else "rejected")
    return offer.proposed if offer.HasField("proposed") else None


async def test_after_three_equal_approvals_a_grant_for_exactly_that_call_is_proposed_and_not_before(
    replicas: Callable[..., Caller], hitl: FakeHitl
) -> None:
    ada, bob, root = replicas("ada", AGENT), replicas("bob", AGENT), replicas("root", "admin")
    assert [await approved(ada, hitl, "often") for _ in range(3)] == [None] * 3
    assert await approved(ada, hitl, "other") is None
    assert await approved(bob, hitl, "often") is None
    proposed = await approved(ada, hitl, "often")
    assert (list(proposed.tools), proposed.principal, proposed.approvals) == (["guarded"], "ada", 3)
    fixed = MessageToDict(proposed.arguments)
    assert {"key": "often"} in fixed.get("enum", [fixed.get("const")])
    # A rejection begins anew, and what was edited is no approval of what was asked.
    await approved(ada, hitl, "often", response="reject")
    assert [await approved(ada, hitl, "often") for _ in range(2)] == [None] * 2
    await approved(ada, hitl, "often", edited={"key": "edited"})
    assert await approved(ada, hitl, "often") is None
    until_then = Timestamp(seconds=int(time.time()) + proposed.duration_seconds)
    terms = request_pb2.ResponseGrant(tools=proposed.tools, uses=proposed.uses, expires_at=until_then)
    terms.arguments.CopyFrom(proposed.arguments)
    assert (await approved(ada, hitl, "often", grant=terms)).approvals == 3
    [made] = (await root.call("ListGrants", pb.ListGrantsRequest(principal="ada"))).grants
    assert (await ada.invoke("guarded", {"key": "often"})).grant_id == made.id
    assert (await ada.invoke("guarded", {"key": "oftener"})).status == "awaiting_approval"
    # Whoever revokes it is not told at once to make it again.
    await root.call("RevokeGrant", pb.RevokeGrantRequest(id=made.id))
    assert await approved(ada, hitl, "often") is None


async def ended_as(caller: Caller, invocation_id: str, status: str) -> Any:
    async def found() -> Any:
        one = await caller.get(invocation_id)
        return one if one.status == status else None

    return await until(found)
