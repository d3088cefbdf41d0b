"""Receipts: whatever is changed in the tables behind the service's back, the verification names it."""

import hashlib
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.stack import Server
from tests.tools.forgeries import CHECKPOINTS, INVOCATIONS, OUTCOMES
from tests.tools.service import Replica, Start, pb, python, query, replica, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES = ("invocations", "outcomes", "checkpoints", "redactions")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Replica, str]]:
    """A replica with eight ended invocations, which two checkpoints cover, and a copy of its tables."""
    folder: Path = tmp_path_factory.mktemp("signed")
    async with postgres.database("tools") as url:
        # The one that writes signs every moment; the one that verifies signs nothing.
        async with replica(settings_for(url, folder, tools_checkpoint_seconds=0.02)) as writer:
            for half in (1, 2):
                for n in range(4):
                    await writer.invoke("echo", {"message": f"{half} {n}"})
                await until(partial(_covered, writer, half * 4))
        async with replica(settings_for(url, folder)) as reader:
            for table in TABLES:
                await query(url, f"CREATE TABLE kept_{table} AS TABLE {table}")
            yield reader, url


@pytest_asyncio.fixture(loop_scope="module")
async def signed(kept: tuple[Replica, str]) -> AsyncIterator[Replica]:
    """That replica; its tables are put back after the test."""
    replica, url = kept
    yield replica
    for table in TABLES:
        await query(url, f"TRUNCATE {table}")
        await query(url, f"INSERT INTO {table} TABLE kept_{table}")


async def _covered(replica: Replica, receipts: int) -> bool:
    found = await replica.verify()
    return found.receipts_verified == receipts and found.receipts_unsigned == 0


@pytest_asyncio.fixture(loop_scope="module")
async def chain(kept: tuple[Replica, str]) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(kept[1])
    try:
        yield connection
    finally:
        await connection.close()


async def third(connection: asyncpg.Connection) -> str:
    return str(await connection.fetchval("SELECT invocation_id FROM outcomes WHERE sequence = 3 LIMIT 1"))


async def kinds(replica: Replica) -> set[str]:
    found = await replica.verify()
    assert found.valid is (found.fault_count == 0)
    assert len(found.faults) == min(found.fault_count, 100)
    return {fault.kind for fault in found.faults}


async def test_untouched_tables_verify(signed: Replica) -> None:
    """The negative control of all the tests below."""
    assert await kinds(signed) == set()


async def test_every_column_of_the_tables_is_tried(chain: asyncpg.Connection) -> None:
    for table, tried in (("invocations", INVOCATIONS), ("outcomes", OUTCOMES), ("checkpoints", CHECKPOINTS)):
        columns = await chain.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
        assert {row["column_name"] for row in columns} == set(tried)


@pytest.mark.parametrize(
    ("table", "column"), [*(("invocations", name) for name in INVOCATIONS), *(("outcomes", name) for name in OUTCOMES)]
)
async def test_a_changed_column_names_its_row(
    signed: Replica, chain: asyncpg.Connection, table: str, column: str
) -> None:
    victim = await third(chain)
    key = {"invocations": "id", "outcomes": "invocation_id"}[table]
    change = {"invocations": INVOCATIONS, "outcomes": OUTCOMES}[table][column]
    changed = await chain.execute(f"UPDATE {table} SET {column} = {change} WHERE {key} = $1", victim)
    assert changed == "UPDATE 1"
    if (table, column) == ("outcomes", "invocation_id"):
        victim = await third(chain)
    found = await signed.verify()
    assert not found.valid
    assert victim in {fault.invocation_id or victim for fault in found.faults}
    assert {fault.kind for fault in found.faults} & {
        "CONTENT_CHANGED",
        "DIGEST_WRONG",
        "CHAIN_BROKEN",
        "RECEIPT_MISSING",
    }


@pytest.mark.parametrize("column", CHECKPOINTS)
@pytest.mark.parametrize("which", ["min", "max"])
async def test_a_changed_column_of_a_checkpoint_is_found(
    signed: Replica, chain: asyncpg.Connection, column: str, which: str
) -> None:
    where = f"sequence = (SELECT {which}(sequence) FROM checkpoints)"
    await chain.execute(f"UPDATE checkpoints SET {column} = {CHECKPOINTS[column]} WHERE {where}")
    assert await kinds(signed) & {"SIGNATURE_WRONG", "CHECKPOINT_BROKEN"}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM outcomes WHERE sequence = 3", "RECEIPT_MISSING"),
        ("DELETE FROM outcomes WHERE sequence IN (3, 4, 5)", "RECEIPT_MISSING"),
        ("DELETE FROM outcomes WHERE sequence = 1", "RECEIPT_MISSING"),
        ("DELETE FROM outcomes WHERE sequence = 8", "RECEIPT_MISSING"),
        ("DELETE FROM outcomes WHERE sequence > 4", "RECEIPT_MISSING"),
        ("DELETE FROM outcomes", "RECEIPT_MISSING"),
        (
            "DELETE FROM invocations WHERE id = (SELECT invocation_id FROM outcomes WHERE sequence = 3)",
            "CONTENT_CHANGED",
        ),
        ("DELETE FROM checkpoints WHERE sequence = 1", "CHECKPOINT_BROKEN"),
        ("UPDATE outcomes SET sequence = 3 - sequence + 2000 WHERE sequence IN (1, 2)", "RECEIPT_MISSING"),
        ("UPDATE outcomes SET result = NULL, error = NULL, result_salt = NULL WHERE sequence = 3", "CONTENT_CHANGED"),
        ("UPDATE invocations SET input_params = NULL, input_salt = NULL", "CONTENT_CHANGED"),
    ],
)
async def test_removed_and_emptied_rows_are_missed(
    signed: Replica, chain: asyncpg.Connection, statement: str, kind: str
) -> None:
    await chain.execute(statement)
    assert kind in await kinds(signed)


async def test_swapped_rows_are_found(signed: Replica, chain: asyncpg.Connection) -> None:
    for sequence, place in ((2, -1), (5, 2), (-1, 5)):
        await chain.execute("UPDATE outcomes SET sequence = $2 WHERE sequence = $1", sequence, place)
    assert {"CHAIN_BROKEN", "DIGEST_WRONG"} <= await kinds(signed)


async def test_an_inserted_row_is_found(signed: Replica, chain: asyncpg.Connection) -> None:
    await chain.execute("UPDATE outcomes SET sequence = sequence + 1000 WHERE sequence > 4")
    await chain.execute("UPDATE outcomes SET sequence = sequence - 999 WHERE sequence > 1000")
    await chain.execute(
        """
        INSERT INTO outcomes SELECT gen_random_uuid(), status, result, error, error_reason, result_salt, result_digest,
               completed_at, chain_id, 5, digest, sha256(digest) FROM outcomes WHERE sequence = 4
        """
    )
    assert {"CONTENT_CHANGED", "DIGEST_WRONG", "CHAIN_BROKEN"} <= await kinds(signed)


async def forge(replica: Replica, chain: asyncpg.Connection) -> None:
    """Changes the third result and makes every digest from there on fit, as one with the recipe can."""
    rows = await chain.fetch("SELECT * FROM outcomes ORDER BY sequence")
    digest = rows[2]["previous_digest"]
    for row in rows[2:]:
        receipt = await replica.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=str(row["invocation_id"])))
        content = orjson.loads(receipt.content)
        result = '"forged"' if row["sequence"] == 3 else row["result"]
        document = f'{{"error":"","result":{result}}}'.encode()
        content["result_digest"] = hashlib.sha256(row["result_salt"] + document).hexdigest()
        previous, digest = digest, hashlib.sha256(digest + orjson.dumps(content)).digest()
        await chain.execute(
            "UPDATE outcomes SET result = $2, result_digest = $3, previous_digest = $4, digest = $5 WHERE sequence = $1",
            row["sequence"], result, bytes.fromhex(content["result_digest"]), previous, digest,
        )  # fmt: skip


async def test_a_forger_who_recomputes_all_digests_is_given_away_by_the_checkpoint(
    signed: Replica, chain: asyncpg.Connection
) -> None:
    await forge(signed, chain)
    assert await kinds(signed) == {"CHECKPOINT_BROKEN"}


@pytest.mark.parametrize("how", ["forge", "cut"])
async def test_what_was_forged_stays_forged_although_the_service_signs_on(
    signed: Replica, chain: asyncpg.Connection, how: str
) -> None:
    if how == "forge":
        await forge(signed, chain)
    else:
        await chain.execute("DELETE FROM outcomes WHERE sequence > 6")
    before = await chain.fetchval("SELECT count(*) FROM checkpoints")
    async with replica(
        signed.settings.model_copy(update={"tools_checkpoint_seconds": 0.02, "metrics_port": 0})
    ) as other:
        # A checkpoint is signed where a chain moved; the forged one stands where it stood.
        await other.invoke("echo", {"message": "on"})

        async def signed_anew() -> bool:
            return await chain.fetchval("SELECT count(*) FROM checkpoints") > before

        await until(signed_anew)
    assert "CHECKPOINT_BROKEN" in await kinds(signed)


async def test_the_recipe_in_the_contract_reproduces_a_receipt(signed: Replica, chain: asyncpg.Connection) -> None:
    made = await signed.get(await third(chain))
    receipt = await signed.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=made.id))
    content = json.loads(receipt.content)
    assert (
        hashlib.sha256(bytes.fromhex(receipt.previous_digest) + receipt.content.encode()).hexdigest() == receipt.digest
    )
    arguments = bytes.fromhex(receipt.input_salt) + b'{"message":"1 2"}'
    assert hashlib.sha256(arguments).hexdigest() == content["input_digest"]
    result = bytes.fromhex(receipt.result_salt) + b'{"error":"","result":"1 2"}'
    assert hashlib.sha256(result).hexdigest() == content["result_digest"]
    assert (content["id"], content["status"], content["duration_ms"]) == (made.id, "success", made.duration_ms)
    first = str(await chain.fetchval("SELECT invocation_id FROM outcomes WHERE sequence = 1"))
    genesis = (await signed.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=first))).previous_digest
    assert genesis == hashlib.sha256(receipt.chain_id.encode()).hexdigest()
    key: Any = load_pem_public_key((await signed.stub.GetReceiptKey(pb.GetReceiptKeyRequest())).public_key_pem.encode())
    key.verify(bytes.fromhex(receipt.checkpoint.signature), receipt.checkpoint.content.encode())
    assert hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16] == receipt.checkpoint.key_id


@pytest.mark.parametrize("fields", [["input_params"], ["result"], ["input_params", "result"]])
async def test_a_redaction_erases_for_good_and_keeps_the_chain_whole(
    signed: Replica, chain: asyncpg.Connection, fields: list[str]
) -> None:
    victim = await third(chain)
    for _ in range(2):
        redacted = await signed.stub.RedactInvocation(
            pb.RedactInvocationRequest(id=victim, fields=fields, reason="asked")
        )
        assert list(redacted.redacted_fields) == fields
    assert await kinds(signed) == set()
    assert redacted.HasField("input_params") is ("input_params" not in fields)
    assert python(redacted.result) == (None if "result" in fields else "1 2")
    rows = await chain.fetch("SELECT * FROM redactions")
    assert {(row["field"], row["principal"], row["reason"]) for row in rows} == {(f, "local", "asked") for f in fields}
    receipt = await signed.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=victim))
    assert (receipt.input_salt == "", receipt.result_salt == "") == ("input_params" in fields, "result" in fields)
    await chain.execute("UPDATE invocations SET tool_etag = 'x' WHERE id = $1", victim)
    assert await kinds(signed) == {"DIGEST_WRONG"}, "what was not redacted is still proven"


@pytest.mark.parametrize(
    "forged", ["input_params = '{}'", "result = '1'", "error = 'x'", "input_salt = 'abc'", "result_salt = 'abc'"]
)
async def test_a_redaction_is_no_cover_for_a_forgery(signed: Replica, chain: asyncpg.Connection, forged: str) -> None:
    victim, fields = await third(chain), ["input_params", "result"]
    await signed.stub.RedactInvocation(pb.RedactInvocationRequest(id=victim, fields=fields, reason="asked"))
    table, key = ("invocations", "id") if forged.startswith("input") else ("outcomes", "invocation_id")
    await chain.execute(f"UPDATE {table} SET {forged} WHERE {key} = $1", victim)
    assert await kinds(signed) == {"CONTENT_CHANGED"}


@pytest.mark.asyncio(loop_scope="function")
async def test_every_replica_and_every_restart_has_chains_of_its_own_and_all_verify(
    start: Start, database: str
) -> None:
    one, two = await start(tools_checkpoint_seconds=0.05), await start(tools_checkpoint_seconds=0.05)
    for n in range(6):
        await (one if n % 2 else two).invoke("echo", {"message": "x"})
    await until(partial(_covered, one, 6))
    assert len(await query(database, "SELECT FROM chains")) == 2
    assert (await two.verify()).valid
    # Each checkpoint names the chains that moved; the last statement of each says where it stands.
    stated: dict[str, int] = {}
    for row in await query(database, "SELECT content FROM checkpoints ORDER BY sequence"):
        stated |= {chain["id"]: chain["sequence"] for chain in orjson.loads(row["content"])["chains"]}
    assert sorted(stated.values()) == [3, 3]


@pytest.mark.asyncio(loop_scope="function")
async def test_checkpoints_are_also_signed_by_number_of_receipts(start: Start) -> None:
    one = await start(tools_checkpoint_seconds=3600, tools_checkpoint_rows=3)
    for _ in range(3):
        await one.invoke("echo", {"message": "x"})
    assert await until(partial(_covered, one, 3))
