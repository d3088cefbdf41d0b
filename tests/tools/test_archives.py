"""Archives: months leave the audit, and what left and what stays verify, together and each by itself."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
import uuid_utils.compat as uuid
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import CollectorRegistry
from qmcp.client.receipts import PublicKeys, joined, number, verify_archive, verify_export

from servicekit.group_commit import CommitMetrics
from servicekit.partitions import lowest_uuid7
from servicekit.postgres import database
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.outcome import outcome_of
from services.tools.audit.recording import Recorder
from services.tools.audit.retention import TABLES
from tests.client.command import qmcp_process
from tests.partitioned import split
from tests.stack import ROOT, Server
from tests.tools.service import Replica, pb, query, replica, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)
BOUND = NOW - timedelta(days=35)
OLD, NEW = NOW - timedelta(days=40), NOW - timedelta(days=1)
# In the order in which they end: what leaves lies in pieces between what stays, and at the chain's end.
ENDED = (OLD, OLD, NEW, OLD, OLD, OLD, NEW, NEW, OLD)
LEFT, STAYED = ENDED.count(OLD), ENDED.count(NEW)


def id_at(at: datetime) -> UUID:
    return UUID(int=lowest_uuid7(at).int | (uuid.uuid7().int & ((1 << 80) - 1)))


async def record(url: str) -> None:
    """Records an old and a new past as the service does, in one chain."""
    async with database(url, 2, "test") as db:
        recorder = Recorder(db, uuid.uuid7(), CommitMetrics(CollectorRegistry()), AwaitingApproval())
        async with recorder.recording():
            for n, at in enumerate(ENDED):
                made = recorder.new_intent(
                    tool_name="echo",
                    tool_etag="e",
                    arguments={"message": f"{n}"},
                    principal="local",
                    correlation_id="c",
                    idempotency_key=f"key-{n}",
                )
                intent = replace(made, id=id_at(at), created_at=at)
                await recorder.record_intent(intent)
                await recorder.record_outcome(outcome_of(intent, "success", result=f"{n}"))


@asynccontextmanager
async def serving(url: str, folder: Path, **changes: object) -> AsyncIterator[Replica]:
    async with replica(settings_for(url, folder, tools_checkpoint_seconds=0.02, **changes)) as found:
        yield found


async def lines(stream: object) -> list[bytes]:
    return b"".join([chunk.data async for chunk in stream]).splitlines()  # type: ignore[attr-defined]


class Exported:
    """An archive, and the exports before and after its months were dropped."""

    def __init__(self) -> None:
        self.archive: list[bytes] = []
        self.again: list[bytes] = []
        self.before: list[bytes] = []
        self.after: list[bytes] = []
        self.key = ""
        self.url = ""
        self.folder = Path()
        self.written = ""

    @property
    def file(self) -> Path:
        """Where the command writes the archive."""
        return self.folder / "archive.ndjson"

    @property
    def keys(self) -> PublicKeys:
        return PublicKeys(self.key)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exported(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exported]:
    folder = tmp_path_factory.mktemp("archives")
    found = Exported()
    async with postgres.database("tools") as url:
        found.url, found.folder = url, folder
        await split(url, TABLES, BOUND)
        await record(url)
        async with serving(url, folder) as one:
            await until(lambda: signed(one))
            # As if somebody had been to find out what became of them, and could not.
            await query(
                url,
                "INSERT INTO reconciliations (invocation_id, tool_name, status) SELECT id, 'x', 'unknown' FROM invocations",
            )
            found.key = (await one.stub.GetReceiptKey(pb.GetReceiptKeyRequest())).public_key_pem
            request = pb.ArchiveReceiptsRequest(created_before=Timestamp(seconds=int(NOW.timestamp())))
            found.archive = await lines(one.stub.ArchiveReceipts(request))
            found.again = await lines(one.stub.ArchiveReceipts(request))
            found.written = await command(one, "archive", "--before", "0d", "--file", str(found.file))
            found.before = await lines(one.stub.ExportReceipts(pb.ExportReceiptsRequest()))
        async with serving(url, folder, tools_audit_days=30) as one:
            await until(lambda: dropped(url))
            # Something moves on: a checkpoint is signed over what is left.
            await one.invoke("echo", {"message": "after"})
            await until(lambda: signed(one))
            verified = await one.verify()
            assert verified.valid, verified.faults
            assert verified.receipts_verified == STAYED + 1
            found.after = await lines(one.stub.ExportReceipts(pb.ExportReceiptsRequest()))
        yield found


async def command(one: Replica, *words: str) -> str:
    """What `qmcp receipts` prints, with this service."""
    env = {"QMCP_URL": f"http://127.0.0.1:{one.port}"}
    ended = await asyncio.to_thread(qmcp_process, "receipts", *words, env=env)
    assert ended.code == 0, ended
    return ended.out


async def signed(one: Replica) -> bool:
    return (await one.verify()).receipts_unsigned == 0


async def dropped(url: str) -> bool:
    return not await query(url, "SELECT FROM pg_class WHERE relname = 'outcomes_first'")


def together(exported: Exported, export: Sequence[bytes], archive: Sequence[bytes]) -> tuple[bool, int, set[str]]:
    found = verify_export(joined(export, [archive]), exported.keys, archives=[number(archive)])
    return found.valid, found.receipts_verified, {fault.kind for fault in found.faults}


def forged(archive: Sequence[bytes], change: str) -> list[bytes]:
    """An archive in which somebody changed something and made its last line fit."""
    statement, *receipts, _ = archive
    match change:
        case "first receipt":
            receipts = receipts[1:]
        case "a receipt within":
            receipts = [*receipts[:3], *receipts[4:]]
        case "last receipt":
            receipts = receipts[:-1]
        case "arguments":
            receipts[2] = receipts[2].replace(b'"message":"', b'"message":"not ')
        case "statement":
            line = orjson.loads(statement)
            line["archive"]["content"] = line["archive"]["content"].replace('"first":1', '"first":2')
            statement = orjson.dumps(line)
    return [statement, *receipts, orjson.dumps({"done": True, "count": len(receipts)})]


async def test_what_left_and_what_stays_verify_together_as_if_nothing_had_left(exported: Exported) -> None:
    assert together(exported, exported.after, exported.archive) == (True, len(ENDED) + 1, set())


async def test_nothing_stays_beside_what_left(exported: Exported) -> None:
    tables = await query(
        exported.url,
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name = 'invocation_id' AND data_type = 'uuid'",
    )
    names = {row["table_name"] for row in tables}
    assert names >= {"approvals", "decisions", "invocation_keys", "reconciliations"}
    left = {
        name: len(
            await query(exported.url, f"SELECT FROM {name} WHERE invocation_id NOT IN (SELECT id FROM invocations)")
        )
        for name in names
    }
    assert not any(left.values()), left
    assert len(await query(exported.url, "SELECT FROM reconciliations")) == STAYED


async def test_what_stays_verifies_by_itself_across_what_left(exported: Exported) -> None:
    found = verify_export(exported.after, exported.keys)
    assert (found.valid, found.receipts_verified) == (True, STAYED + 1), found.faults


async def test_what_is_in_an_archive_and_there_still_stands_once(exported: Exported) -> None:
    assert together(exported, exported.before, exported.archive) == (True, len(ENDED), set())
    found = verify_export(exported.before, exported.keys)
    assert (found.valid, found.receipts_verified) == (True, len(ENDED)), found.faults


async def test_an_archive_verifies_by_itself_and_is_written_again_as_it_was(exported: Exported) -> None:
    found = verify_archive(exported.archive, exported.keys)
    assert (found.valid, found.receipts_verified) == (True, LEFT), found.faults
    assert exported.again == exported.archive


async def test_the_command_writes_an_archive_and_verifies_it_with_an_export(exported: Exported) -> None:
    assert f"{LEFT} receipts" in exported.written
    assert exported.file.read_bytes().splitlines() == exported.archive
    (exported.folder / "export.ndjson").write_bytes(b"\n".join(exported.after))
    (exported.folder / "key.pem").write_text(exported.key)
    files = ("--file", "export.ndjson", "--public-key", "key.pem", "--archive", "archive.ndjson")
    ended = qmcp_process("receipts", "verify", *files, cwd=exported.folder)
    assert (ended.code, f"{len(ENDED) + 1} receipts" in ended.out) == (0, True), ended
    without = qmcp_process("receipts", "verify", *files[:-2], cwd=exported.folder)
    assert (without.code, f"{STAYED + 1} receipts" in without.out) == (0, True), without


async def test_the_verifier_of_the_receipts_page_goes_on_across_what_left(exported: Exported, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "receipts.md").read_text()
    [script] = re.findall(r"^```python verifier\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "key.pem").write_text(exported.key)
    for left_out in (None, b'"sequence":3,'):
        kept = [line for line in exported.after if left_out is None or left_out not in line or b'"receipt"' not in line]
        (tmp_path / "export").write_bytes(b"\n".join(kept))
        command = [sys.executable, "-c", script, "export", "key.pem"]
        ended = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ("every receipt holds" in ended.stdout) is (left_out is None), ended.stderr


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("first receipt", "RECEIPT_MISSING"),
        ("a receipt within", "RECEIPT_MISSING"),
        ("last receipt", "RECEIPT_MISSING"),
        ("arguments", "CONTENT_CHANGED"),
        ("statement", "SIGNATURE_WRONG"),
    ],
)
async def test_a_forged_archive_is_told(exported: Exported, change: str, kind: str) -> None:
    archive = forged(exported.archive, change)
    assert archive != exported.archive
    valid, _, kinds = together(exported, exported.after, archive)
    assert not valid
    assert kind in kinds


async def test_an_archive_without_its_last_line_is_cut_off(exported: Exported) -> None:
    assert not together(exported, exported.after, exported.archive[:-1])[0]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM outcomes WHERE sequence = 3",
        "DELETE FROM archives",
        "UPDATE archives SET content = replace(content, '\"first\":1', '\"first\":2')",
        "UPDATE archives SET until = gen_random_uuid()",
        "UPDATE outcomes SET previous_digest = digest WHERE sequence = 3",
    ],
)
async def test_the_service_tells_what_was_changed_behind_what_left(
    exported: Exported, postgres: Server, statement: str
) -> None:
    """What left is no cover for what somebody takes away or changes, in the service's verification and that of an export."""
    name = exported.url.rsplit("/", 1)[1]
    await postgres.execute(f"CREATE DATABASE {name}_forged TEMPLATE {name}")
    url = postgres.url(f"{name}_forged")
    try:
        assert await query(url, "SELECT FROM archives")
        await query(url, statement)
        async with replica(settings_for(url, exported.folder)) as one:
            assert not (await one.verify()).valid
            export = await lines(one.stub.ExportReceipts(pb.ExportReceiptsRequest()))
        assert not verify_export(export, exported.keys).valid
    finally:
        await postgres.execute(f"DROP DATABASE {name}_forged WITH (FORCE)")
