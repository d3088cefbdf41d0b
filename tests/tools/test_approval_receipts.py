"""Receipts of what humans were asked about: what they said cannot be changed unnoticed, and what is erased stays proven."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import asyncpg
import orjson
import pytest
import pytest_asyncio
from qmcp.client.receipts import PublicKeys, verify_export
from qmcp.client.tools.verification import ReceiptVerification

from tests.stack import Server
from tests.tools.conftest import INSTALLED
from tests.tools.fake_hitl import FakeHitl
from tests.tools.forgeries import APPROVALS, DECISIONS
from tests.tools.service import Replica, ended, pb, python, query, replica, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES = ("invocations", "outcomes", "redactions", "approvals", "decisions")
NINETEEN = 19


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Replica, str]]:
    """A replica with ended invocations: one without an approval, one edited, one rejected, one whose tool never ran."""
    folder: Path = tmp_path_factory.mktemp("approved")
    hitl = FakeHitl()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(INSTALLED))
        async with postgres.database("tools") as url:
            settings = settings_for(url, folder, tools_checkpoint_seconds=0.02, hitl_address=hitl.address)
            async with hitl.open(), replica(settings) as writer:
                await writer.invoke("echo", {"message": "nobody was asked"})
                for response, edited in (("approve", {"key": "edited"}), ("reject", None), ("approve", {"key": 1})):
                    begun = await writer.start("guarded", {"key": "proposed"}, correlation_id=f"{response} {edited}")
                    await hitl.answer(begun.id, response, comment="Well …", edited=edited)
                    await ended(writer, begun.id)
                await until(partial(covered, writer))
            async with replica(settings_for(url, folder)) as reader:
                for table in TABLES:
                    await query(url, f"CREATE TABLE kept_{table} AS TABLE {table}")
                yield reader, url


async def covered(one: Replica) -> bool:
    found = await one.verify()
    return found.receipts_verified == 4 and found.receipts_unsigned == 0


@pytest_asyncio.fixture(loop_scope="module")
async def signed(kept: tuple[Replica, str]) -> AsyncIterator[Replica]:
    """That replica; its tables are put back after the test."""
    one, url = kept
    yield one
    for table in TABLES:
        await query(url, f"TRUNCATE {table}")
        await query(url, f"INSERT INTO {table} TABLE kept_{table}")


@pytest_asyncio.fixture(loop_scope="module")
async def chain(kept: tuple[Replica, str]) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(kept[1])
    try:
        yield connection
    finally:
        await connection.close()


async def edited(chain: asyncpg.Connection) -> str:
    """The one that ran with edited arguments."""
    return str(await chain.fetchval("SELECT id FROM invocations WHERE correlation_id LIKE '%edited%'"))


async def offline(one: Replica) -> ReceiptVerification:
    """What the verifier finds that trusts nothing of the service."""
    call = one.stub.ExportReceipts(pb.ExportReceiptsRequest())
    exported = b"".join([chunk.data async for chunk in call])
    pem = (await one.stub.GetReceiptKey(pb.GetReceiptKeyRequest())).public_key_pem
    return verify_export(exported.splitlines(), PublicKeys(pem))


async def test_untouched_tables_verify_twice(signed: Replica) -> None:
    """The negative control of all the tests below."""
    assert (await signed.verify()).valid
    found = await offline(signed)
    assert (found.valid, found.receipts_verified) == (True, 4), found.faults


async def test_every_column_of_the_tables_is_tried(chain: asyncpg.Connection) -> None:
    for table, tried in (("approvals", APPROVALS), ("decisions", DECISIONS)):
        columns = await chain.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
        assert {row["column_name"] for row in columns} == set(tried)


@pytest.mark.parametrize(
    ("table", "column"), [*(("approvals", name) for name in APPROVALS), *(("decisions", name) for name in DECISIONS)]
)
async def test_a_changed_column_is_named_by_both_verifiers(
    signed: Replica, chain: asyncpg.Connection, table: str, column: str
) -> None:
    victim = await edited(chain)
    change = {"approvals": APPROVALS, "decisions": DECISIONS}[table][column]
    assert await chain.execute(f"UPDATE {table} SET {column} = {change} WHERE invocation_id = $1", victim) == "UPDATE 1"
    for found in (await signed.verify(), await offline(signed)):
        assert not found.valid
        assert {fault.invocation_id for fault in found.faults} == {victim}
        assert {fault.kind for fault in found.faults} <= {"CONTENT_CHANGED", "DIGEST_WRONG"}


@pytest.mark.parametrize("table", ["approvals", "decisions"])
async def test_a_removed_approval_is_missed_by_both(signed: Replica, chain: asyncpg.Connection, table: str) -> None:
    victim = await edited(chain)
    await chain.execute(f"DELETE FROM {table} WHERE invocation_id = $1", victim)
    for found in (await signed.verify(), await offline(signed)):
        assert {fault.invocation_id for fault in found.faults} == {victim}


async def test_an_approval_that_is_planted_beside_an_invocation_shows_nowhere(
    signed: Replica, chain: asyncpg.Connection
) -> None:
    plain = str(await chain.fetchval("SELECT id FROM invocations WHERE tool_name = 'echo'"))
    await chain.execute("INSERT INTO approvals VALUES ($1, 'planted')", plain)
    assert not (await signed.get(plain)).HasField("approval")
    assert (await signed.verify()).valid
    assert (await offline(signed)).valid


async def test_one_flipped_byte_of_an_export_is_named(signed: Replica, chain: asyncpg.Connection) -> None:
    victim = await edited(chain)
    call = signed.stub.ExportReceipts(pb.ExportReceiptsRequest())
    lines = b"".join([chunk.data async for chunk in call]).splitlines()
    pem = (await signed.stub.GetReceiptKey(pb.GetReceiptKeyRequest())).public_key_pem
    number = next(n for n, line in enumerate(lines) if json.loads(line).get("invocation", {}).get("id") == victim)
    begin = lines[number].index(b'"approval"')
    tried = 0
    for place in range(begin, lines[number].index(b'"receipt"')):
        changed = bytearray(lines[number])
        changed[place] ^= 1
        try:
            if orjson.loads(changed) == orjson.loads(lines[number]):
                continue
        except ValueError:
            # Not even JSON any more; that is found, too, but names the line.
            continue
        tried += 1
        found = verify_export([*lines[:number], bytes(changed), *lines[number + 1 :]], PublicKeys(pem))
        assert victim in {fault.invocation_id for fault in found.faults}, bytes(changed[begin:])
    assert tried > 200


async def test_receipts_without_an_approval_have_the_form_they_had(signed: Replica, chain: asyncpg.Connection) -> None:
    plain = str(await chain.fetchval("SELECT id FROM invocations WHERE tool_name = 'echo'"))
    content = json.loads((await signed.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=plain))).content)
    assert (content["kind"], len(content)) == ("invocation/1", NINETEEN)
    receipt = await signed.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=await edited(chain)))
    content = json.loads(receipt.content)
    assert (content["kind"], len(content)) == ("invocation/2", NINETEEN + 1)
    assert set(content["approval"]) == {"decided_at", "decided_by", "digest", "human_request_id", "status", "replica"}


@pytest.mark.parametrize("fields", [["input_params"], ["result"], ["input_params", "result"]])
async def test_a_redaction_of_the_arguments_takes_what_humans_made_of_them(
    signed: Replica, chain: asyncpg.Connection, fields: list[str]
) -> None:
    victim = await edited(chain)
    before = await signed.get(victim)
    assert python(before.approval.edited_arguments) == {"key": "edited"}
    await signed.stub.RedactInvocation(pb.RedactInvocationRequest(id=victim, fields=fields, reason="asked"))
    after = (await signed.get(victim)).approval
    erased = "input_params" in fields
    assert after.HasField("edited_arguments") is not erased
    assert (after.comment == "", after.arguments_digest == "") == (erased, erased)
    assert (after.status, after.decided_by, after.decided_at) == (
        before.approval.status,
        before.approval.decided_by,
        before.approval.decided_at,
    )
    assert (await signed.verify()).valid
    assert (await offline(signed)).valid
    row = await chain.fetchrow("SELECT * FROM decisions WHERE invocation_id = $1", victim)
    assert row is not None
    assert ("edited" in f"{tuple(row)}") is not erased
    # What was not redacted is still proven.
    await chain.execute("UPDATE decisions SET decided_by = '{mallory}' WHERE invocation_id = $1", victim)
    for found in (await signed.verify(), await offline(signed)):
        assert {fault.invocation_id for fault in found.faults} == {victim}


@pytest.mark.parametrize("forged", ["comment = 'said'", "edited_arguments = '{}'"])
async def test_a_redaction_is_no_cover_for_a_forged_approval(
    signed: Replica, chain: asyncpg.Connection, forged: str
) -> None:
    victim = await edited(chain)
    await signed.stub.RedactInvocation(pb.RedactInvocationRequest(id=victim, fields=["input_params"], reason="asked"))
    await chain.execute(f"UPDATE decisions SET {forged} WHERE invocation_id = $1", victim)
    for found in (await signed.verify(), await offline(signed)):
        assert {fault.invocation_id for fault in found.faults} == {victim}
