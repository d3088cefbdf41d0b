"""Batches: many runs that were started together, over the death of a replica, fair to others, stopped and given out."""

import asyncio
import io
import json
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.json_format import ParseDict
from qmcp.client import Client
from qmcp.documents.v1 import batch_pb2, run_pb2

from servicekit.identity.detached_work import NOBODY_CHECKS
from services.documents.models import Caller, Digests, NewBatch, NewRun, RunInput, Timing
from services.documents.runs.store import batches as batch_store
from services.documents.runs.store import started as store
from tests.client.command import qmcp
from tests.contract.running import refusal
from tests.documents.forms import PAYLOAD, task, template, texts
from tests.documents.service import Replica, replica
from tests.stack import Server, Stack
from tests.wire import query, until

GUARD_SECONDS = 120
TITLE = template("【MEETING_TITLE】 by 【ORGANIZER】")
# Fails where it is rendered: an object is no number.
SUM = template("{{ a + 1 }}")


def request(payloads: Sequence[dict[str, Any]], **fields: Any) -> batch_pb2.StartBatchRequest:
    given = ParseDict({"payloads": payloads, **fields}, batch_pb2.StartBatchRequest())
    given.template = SUM if fields.get("options", {}).get("skill") else TITLE
    return given


def meetings(number: int) -> list[dict[str, Any]]:
    return [{**PAYLOAD, "meeting_title": f"Meeting {each}"} for each in range(1, number + 1)]


async def watched(running: Replica, batch_id: str) -> list[batch_pb2.Batch]:
    async with asyncio.timeout(GUARD_SECONDS):
        events = [each async for each in running.stub.WatchBatch(batch_pb2.WatchBatchRequest(id=batch_id))]
    assert [each.last for each in events] == [False] * (len(events) - 1) + [True]
    return [each.batch for each in events]


async def zipped(running: Replica, batch_id: str) -> zipfile.ZipFile:
    call = running.stub.DownloadBatch(batch_pb2.DownloadBatchRequest(id=batch_id))
    return zipfile.ZipFile(io.BytesIO(b"".join([each.data async for each in call])))


def new(principal: str, number: int) -> NewBatch:
    tasks = [(task(organizer=f"{principal} {each}"), Digests("t", "", "", "")) for each in range(number)]
    return NewBatch("meeting_notice", "", TITLE, tasks, {}, Caller(principal, "r", "", ""), NOBODY_CHECKS)


@pytest.mark.asyncio(loop_scope="module")
async def test_each_run_of_a_batch_ends_for_itself_and_all_that_came_of_it_is_one_zip(shared: Replica) -> None:
    payloads: list[dict[str, Any]] = [{"a": 1}, {"a": {}}, {}, {"a": 41}]
    asked = request(payloads, options={"skill": "jinja_template"}, idempotency_key="a")
    batch, again = await shared.stub.StartBatch(asked), await shared.stub.StartBatch(asked)
    assert (batch.id, batch.status, batch.item_count, batch.ended_count) == (again.id, "running", 4, 0)
    states = await watched(shared, batch.id)
    assert [each.ended_count for each in states] == sorted({each.ended_count for each in states})
    assert (states[-1].status, states[-1].ended_count) == ("completed", 4)
    assert dict(states[-1].outcomes) == {"ok": 2, "bad_request": 1, "missing_required": 1}
    page = await shared.stub.ListRuns(run_pb2.ListRunsRequest(batch_id=batch.id))
    assert {each.batch_item: each.outcome for each in page.runs} == {
        **dict.fromkeys((1, 4), "ok"),
        2: "bad_request",
        3: "missing_required",
    }
    assert {each.template_sha256 for each in page.runs} == {batch.template_sha256}
    with await zipped(shared, batch.id) as opened:
        assert opened.testzip() is None
        assert {name.partition("/")[0] for name in opened.namelist()} == {"batch.json", "0001", "0003", "0004"}
        assert texts(opened.read("0004/out.docx")) == ["42"]
        assert "manifest.json" in {name.partition("/")[2] for name in opened.namelist()}
        told = json.loads(opened.read("batch.json"))["items"]
    assert [(each["item"], each["folder"], each["error_code"]) for each in told] == [
        *((1, "0001", ""), (2, None, "TEMPLATE_REFUSED"), (3, "0003", ""), (4, "0004", "")),
    ]
    listed = await shared.stub.ListBatches(batch_pb2.ListBatchesRequest(skill="jinja_template"))
    assert [each.id for each in listed.batches] == [batch.id]
    # What it was made of is not kept.
    url = shared.settings.database_url
    assert (
        await query(url, "SELECT run_id FROM run_tasks") == await query(url, "SELECT sha256 FROM run_templates") == []
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_batch_of_which_one_payload_is_wrong_is_not_begun(shared: Replica) -> None:
    before = await query(shared.settings.database_url, "SELECT count(*) FROM batches")
    for wrong, reason, named in (
        ([PAYLOAD, {"meeting_title": 1}], "INVALID_ARGUMENT", "payloads[1].meeting_title"),
        ([PAYLOAD, {"nothing": "x"}], "INVALID_ARGUMENT", "payloads[1].nothing"),
        ([], "INVALID_REQUEST", "payloads"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await shared.stub.StartBatch(request(wrong))
        assert refusal(refused.value).reason == reason
        assert named in f"{refused.value.details()} {refusal(refused.value)}"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shared.stub.StartBatch(request([PAYLOAD], options={"preset": "quick", "format_mode": "off"}))
    assert refusal(refused.value).reason == "INVALID_ARGUMENT_CONFLICT"
    assert await query(shared.settings.database_url, "SELECT count(*) FROM batches") == before


async def test_a_batch_whose_replica_died_goes_on_at_another_and_counts_each_run_once(postgres: Server) -> None:
    async with postgres.database("documents") as url:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            batch = await batch_store.insert(connection, new("local", 6))
        # As kill -9 leaves it: one was being done, one is done and counted.
        await connection.execute(
            "UPDATE runs SET status = 'running', attempts = 1, lease_until = now() - interval '1 s' WHERE batch_item = 1"
        )
        await connection.close()
        async with replica(url) as one, replica(url) as other:
            [*_, ended], [*_, seen] = await watched(one, batch.id), await watched(other, batch.id)
            assert dict(ended.outcomes) == dict(seen.outcomes) == {"ok": 6}
            with await zipped(other, batch.id) as opened:
                written = [texts(opened.read(f"{number:04}/out.docx")) for number in range(1, 7)]
        assert written == [[f"Quarter by local {each}"] for each in range(6)]
        assert await query(url, "SELECT count(*) FROM run_templates") == [(0,)]


async def test_callers_take_turns_however_much_one_of_them_has_started(postgres: Server) -> None:
    async with postgres.database("documents") as url:
        connection = await asyncpg.connect(url)
        await batch_store.insert(connection, new("many", 1000))
        await batch_store.insert(connection, new("few", 3))
        alone = RunInput(TITLE, task(), {}, NOBODY_CHECKS)
        of_many = Caller("many", "r", "", "")
        pending = NewRun("pending", "", "meeting_notice", "", Digests("t", "", "", ""), of_many, Timing())
        run = await store.insert(connection, uuid.uuid4(), alone, pending)
        order = []
        for _ in range(8):
            claimed = await store.claim(connection, 60)
            assert claimed is not None
            order.append((claimed.caller.principal, claimed.id == run.id))
        await connection.close()
    # What was started alone goes before the batches of its caller.
    assert order[:2] == [("few", False), ("many", True)]
    assert [who for who, _ in order] == ["few", "many"] * 3 + ["many", "many"]


async def test_a_batch_that_is_stopped_does_no_more_and_what_was_done_stays(postgres: Server) -> None:
    async with postgres.database("documents") as url:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            batch = await batch_store.insert(connection, new("local", 200))
        async with replica(url, documents_max_concurrency=1) as running:

            async def some() -> bool:
                found = await running.stub.GetBatch(batch_pb2.GetBatchRequest(id=batch.id))
                return bool(found.ended_count >= 2)

            await until(some)
            with pytest.raises(grpc.aio.AioRpcError) as early:
                await zipped(running, batch.id)
            assert refusal(early.value).reason == "BATCH_NOT_ENDED"
            stopped = await running.stub.CancelBatch(batch_pb2.CancelBatchRequest(id=batch.id))
            assert (stopped.status, stopped.ended_count) == ("cancelled", 200)
            assert stopped.outcomes["ok"] + stopped.outcomes["cancelled"] == 200
            assert stopped.outcomes["cancelled"] > 0
            # A run that was being done writes nothing any more, and the next one is done.
            after = await running.stub.StartBatch(request(meetings(1)))
            assert (await watched(running, after.id))[-1].status == "completed"
            same = await running.stub.CancelBatch(batch_pb2.CancelBatchRequest(id=batch.id))
            assert same == stopped
            with await zipped(running, batch.id) as opened:
                folders = {name.partition("/")[0] for name in opened.namelist()} - {"batch.json"}
            assert len(folders) == stopped.outcomes["ok"]
        counted = "SELECT outcome, count(*) FROM runs WHERE batch_id = $1 GROUP BY outcome"
        assert dict(await connection.fetch(counted, batch.id)) == dict(stopped.outcomes)
        await connection.close()


async def test_one_caller_has_so_many_batches_and_no_more(postgres: Server) -> None:
    bounds = {"documents_max_open_batches": 1, "documents_max_batch_items": 2}
    async with postgres.database("documents") as url, replica(url, **bounds) as running:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await running.stub.StartBatch(request(meetings(3)))
        assert refusal(refused.value).reason == "INVALID_ARGUMENT"
        connection = await asyncpg.connect(url)
        # Nobody claims what has nothing to be made of.
        await connection.execute(
            "INSERT INTO batches (skill, preset, template_sha256, item_count, created_by, correlation_id, request_id)"
            " VALUES ('', '', '', 1, 'local', '', '')"
        )
        await connection.close()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await running.stub.StartBatch(request(meetings(1)))
        assert refusal(refused.value).reason == "TOO_MANY_REQUESTS"


def test_a_batch_is_started_by_the_command_with_json_lines_and_fetched_by_the_client(
    stack: Stack, tmp_path: Path
) -> None:
    notice, lines = tmp_path / "notice.docx", tmp_path / "payloads.jsonl"
    notice.write_bytes(TITLE)
    lines.write_text("".join(json.dumps(each) + "\n" for each in meetings(3)))
    out = tmp_path / "all.zip"
    given = ["--url", stack.edge_url, "documents", "batch"]
    made = qmcp(*given, "start", str(lines), "--template", str(notice), "--output", str(out), "--json")
    assert made.code == 0, made
    batch = made.json
    assert (batch["status"], batch["outcomes"]) == ("completed", {"ok": 3})
    with zipfile.ZipFile(out) as opened:
        assert texts(opened.read("0003/out.docx")) == ["Meeting 3 by Ada"]
    with Client(stack.edge_url) as client:
        assert client.get_document_batch(batch["id"]).item_count == 3
        assert [each.batch_item for each in client.list_document_runs(batch_id=batch["id"])] == [3, 2, 1]
        assert client.cancel_document_batch(batch["id"]).status == "completed"
    lines.write_text('{"meeting_title": "x"}\nnonsense\n')
    wrong = qmcp(*given, "start", str(lines), "--template", str(notice))
    assert wrong.code != 0
    assert "line 2" in wrong.err
