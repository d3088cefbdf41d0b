"""Runs that go on without their call: done once, by whichever replica is there, and watched until they have ended."""

import asyncio
import hashlib
import json
import uuid
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.json_format import ParseDict
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import run_pb2

from servicekit.identity.detached_work import NOBODY_CHECKS
from services.documents.models import Caller, Digests, NewRun, RunInput, Timing
from services.documents.runs.store import started as store
from tests.documents.forms import PAYLOAD, entries, task, template, texts, with_part
from tests.documents.service import Replica, replica
from tests.stack import Server
from tests.wire import query

GUARD_SECONDS = 60
# Made once: a .docx says when it was.
TITLE = template("【MEETING_TITLE】")
in_one_loop = pytest.mark.asyncio(loop_scope="module")


async def watched(running: Replica, run_id: str) -> list[run_pb2.Run]:
    """Each state of a run until it has ended."""
    async with asyncio.timeout(GUARD_SECONDS):
        events = [each async for each in running.stub.WatchRun(pb.WatchRunRequest(id=run_id))]
    assert [each.last for each in events] == [False] * (len(events) - 1) + [True]
    assert [each.sequence for each in events] == list(range(1, len(events) + 1))
    return [each.run for each in events]


async def archive_of(running: Replica, run_id: str) -> bytes:
    return b"".join([each.data async for each in running.stub.DownloadRun(run_pb2.DownloadRunRequest(id=run_id))])


def request(**fields: Any) -> pb.StartRunRequest:
    given = ParseDict({"payload": PAYLOAD, **fields}, pb.StartRunRequest())
    given.template = TITLE
    return given


@in_one_loop
async def test_a_run_that_was_started_is_done_and_watched_to_its_end(shared: Replica) -> None:
    run = await shared.stub.StartRun(request(idempotency_key="a", options={"preset": "template"}))
    again = await shared.stub.StartRun(request(idempotency_key="a", options={"preset": "template"}))
    assert (run.id, run.status, run.preset) == (again.id, "pending", "template")
    # An object comes without an order: its task has its members by their names, so that the same is the same bytes.
    written = json.dumps({"payload": PAYLOAD, "task_type": "meeting_notice"}, sort_keys=True, ensure_ascii=False)
    assert run.task_sha256 == hashlib.sha256(written.encode()).hexdigest()
    states = await watched(shared, run.id)
    assert (states[-1].status, states[-1].outcome, states[-1].exit_code) == ("completed", "ok", 0)
    assert texts(entries(await archive_of(shared, run.id))["out.docx"]) == ["Quarter"]
    assert json.loads(entries(await archive_of(shared, run.id))["api_result.json"])["request_id"] == run.request_id
    # What it was made of is not kept.
    assert await query(shared.settings.database_url, "SELECT run_id FROM run_inputs") == []


@in_one_loop
async def test_what_cannot_be_done_is_refused_when_it_is_started_or_fails_with_its_reason(shared: Replica) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shared.stub.StartRun(request(options={"preset": "quick", "format_mode": "off"}))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    broken = request()
    broken.template = with_part(broken.template, "word/document.xml", b"<w:document")
    failed = (await watched(shared, (await shared.stub.StartRun(broken)).id))[-1]
    assert (failed.status, failed.outcome, failed.error_code) == ("failed", "bad_request", "TEMPLATE_REFUSED")


async def test_runs_whose_replica_died_are_done_by_another_but_not_for_ever(postgres: Server) -> None:
    async with postgres.database("documents") as url:
        connection = await asyncpg.connect(url)
        given = RunInput(template("【ORGANIZER】"), task(), {}, NOBODY_CHECKS)
        caller = Caller("local", "r", "", "")
        pending = NewRun("pending", "", "meeting_notice", "", Digests("", "", "", ""), caller, Timing())
        runs = [(await store.insert(connection, uuid.uuid4(), given, pending)).id for _ in range(3)]
        # The first was being done as its replica died, the second has killed three of them; one has the third in hand.
        died = (
            "UPDATE runs SET status = 'running', attempts = $2, lease_until = now() + $3 * interval '1 s' WHERE id = $1"
        )
        for run, attempts, seconds in zip(runs, (1, 3, 1), (-1, -1, 3600), strict=True):
            await connection.execute(died, run, attempts, seconds)
        async with replica(url) as running:
            done = (await watched(running, runs[0]))[-1]
            given_up = (await watched(running, runs[1]))[-1]
            left = await running.stub.GetRun(run_pb2.GetRunRequest(id=runs[2]))
            assert texts(entries(await archive_of(running, runs[0]))["out.docx"]) == ["Ada"]
        assert (done.status, done.outcome) == ("completed", "ok")
        assert (given_up.status, given_up.outcome, given_up.error_code) == ("failed", "internal_error", "INTERNAL")
        assert left.status == "running"
        await connection.close()


async def test_one_caller_has_so_many_open_runs_and_no_more(postgres: Server) -> None:
    async with postgres.database("documents") as url, replica(url, documents_max_open_runs=2) as running:
        connection = await asyncpg.connect(url)
        try:
            # Without what they were made of nobody claims them.
            await connection.execute(
                """
                INSERT INTO runs (
                    status, skill, preset, template_sha256, task_sha256, policy_sha256, request_sha256, created_by,
                    correlation_id, request_id
                )
                SELECT 'pending', 'x', '', '', '', '', '', 'local', '', '' FROM generate_series(1, 2)
                """
            )
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await running.stub.StartRun(request())
            assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        finally:
            await connection.close()
