"""Runs over the wire: slots, time, what is kept and let go of, what is told to whom, and that no content is in the log."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import grpc
import pytest
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import run_pb2

from servicekit.errors import ServiceError
from services.documents.runs.meta import Gate
from services.documents.runs.slots import Slots
from services.documents.runs.store import runs as store
from services.documents.settings import Settings
from tests.contract.running import Refusal
from tests.documents.forms import entries, parts_of, task, template
from tests.documents.service import Replica, replica
from tests.stack import Server

REFUSED = 'UNAUTHORIZED Basic realm="docops"'
in_one_loop = pytest.mark.asyncio(loop_scope="module")


def detail(refused: Any) -> tuple[str, dict[str, Any]]:
    assert isinstance(refused, Refusal), refused
    return refused.reason, json.loads(refused.metadata["detail"])


@pytest.mark.promise("D06", "D07", "D13", "D14")
async def test_slots_are_as_many_as_is_said_given_out_in_order_and_waited_for_as_long_as_is_said() -> None:
    taken: list[int] = []
    at_once = Slots(2, 0, taken.append)
    async with at_once.taken(), at_once.taken():
        with pytest.raises(ServiceError) as refused:
            async with at_once.taken():
                pass
    told = json.loads(refused.value.metadata["detail"])
    assert (refused.value.reason, told) == ("TOO_MANY_REQUESTS", {"max_concurrency": 2, "queue_timeout_seconds": 0})
    assert taken == [1, 2, 1, 0]

    patient, order = Slots(1, 600), []

    async def run(name: str) -> None:
        async with patient.taken():
            order.append(name)
            await asyncio.sleep(0)

    async with patient.taken():
        waiting = [asyncio.create_task(run(name)) for name in "abc"]
        await asyncio.sleep(0)
        # Whoever goes away takes no slot along.
        waiting[1].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == ["a", "c"]

    hurried = Slots(1, 0.01)
    async with hurried.taken():
        with pytest.raises(ServiceError, match="TOO_MANY_REQUESTS"):
            async with hurried.taken():
                pass
    async with hurried.taken() as waited_ms:
        assert waited_ms >= 0


@pytest.mark.promise("D08", "D11", "D12", "D13", "D14", "D15", "D16", "D18", "D19")
def test_every_setting_has_the_originals_name_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Settings(database_url="x")
    assert (own.documents_max_upload_bytes, own.documents_request_timeout_seconds) == (26_214_400, 60)
    assert (own.documents_max_concurrency, own.documents_queue_timeout_seconds) == (2, 0)
    assert (own.documents_debug_artifacts, own.documents_enable_meta, own.documents_web_basic_auth) == (False, True, "")
    given = {
        "MAX_UPLOAD_BYTES": "1000",
        "REQUEST_TIMEOUT_SECONDS": "3",
        "MAX_CONCURRENCY": "5",
        "QUEUE_TIMEOUT_SECONDS": "7",
        "MP_START": "spawn",
        "DEBUG_ARTIFACTS": "1",
        "ENABLE_META": "0",
        "WEB_BASIC_AUTH": "user:pass",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"DOCOPS_{name}", value)
    changed = Settings(database_url="x").model_dump()
    assert [str(changed[f"documents_{name.lower()}"]) for name in given] == [
        *("1000", "3.0", "5", "7.0", "spawn", "True", "False", "user:pass"),
    ]


@pytest.mark.promise("D18", "D19")
@pytest.mark.parametrize("malformed", ["user", ":", "user:", ":pass", " "])
def test_what_is_said_of_the_service_is_open_guarded_or_off_and_closed_where_it_is_malformed(malformed: str) -> None:
    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    def answer(gate: Gate, authorization: str = "") -> str:
        try:
            gate.require(authorization)
        except ServiceError as error:
            return f"{error.reason} {error.headers.get('www-authenticate', '')}".strip()
        return "open"

    assert answer(Gate(enabled=True, basic_auth="")) == "open"
    assert answer(Gate(enabled=False, basic_auth="user:pass"), basic("user:pass")) == "NOT_FOUND"
    guarded = Gate(enabled=True, basic_auth="user:pa:ss")
    assert answer(guarded, basic("user:pa:ss")) == "open"
    for wrong in ("", "Bearer x", "Basic", "Basic %%%", basic("user:pass"), basic("")):
        assert answer(guarded, wrong) == REFUSED
    closed = Gate(enabled=True, basic_auth=malformed)
    for guess in ("", basic(malformed), basic(":"), basic(""), basic("user:")):
        assert answer(closed, guess) == REFUSED


@pytest.mark.promise("D10", "D27", "D28", "D29", "D30")
@in_one_loop
async def test_a_run_over_grpc_is_that_of_the_form_and_its_log_holds_nothing_of_what_it_holds(
    shared: Replica, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "Zebra-7431"
    document, values = template("【MEETING_TITLE】"), task(meeting_title=secret)
    run, archive = await made(shared, document, values, preset="template")
    files = {"template": ("a.docx", document), "task": ("a.json", values)}
    form = await shared.form({"preset": "template"}, files)
    assert isinstance(form, bytes)
    without = {"api_result.json"}
    same, other = entries(archive), entries(form)
    assert {name: same[name] for name in same.keys() - without} == {
        name: other[name] for name in other.keys() - without
    }
    assert (run.exit_code, run.preset, run.outcome, run.created_by) == (0, "template", "ok", "local")
    refused = await shared.form({"format_mode": secret}, files)
    assert detail(refused)[0] == "INVALID_ARGUMENT"
    written = capsys.readouterr().out
    assert [event in written for event in ("start", "done", "error")] == [True] * 3
    assert "validate_inputs" in written
    assert "bad_request" in written
    assert secret not in written
    assert logging.getLogger("python_multipart").level > logging.ERROR


@in_one_loop
async def test_a_key_gets_the_first_archive_again_and_whoever_comes_with_another_form_is_refused(
    shared: Replica,
) -> None:
    document, values = template(), task()
    both = await asyncio.gather(*(made(shared, document, values, idempotency_key="k") for _ in range(4)))
    assert len({run.id for run, _ in both}) == 1
    assert len({archive for _, archive in both}) == 1
    refused = await shared.run(document, task(organizer="Grace"), idempotency_key="k")
    assert isinstance(refused, Refusal)
    assert refused.reason == "IDEMPOTENCY_KEY_REUSED"


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_archives_are_let_go_of_by_age_and_by_size_and_runs_by_age(postgres: Server) -> None:
    async with postgres.database("documents") as url, replica(url) as running, emptied(url) as connection:
        runs = [(await made(running, template(), task(organizer=f"{number}")))[0].id for number in range(4)]
        await connection.execute("UPDATE runs SET archived_until = now() WHERE id = $1", runs[0])
        size = await connection.fetchval("SELECT sum(archive_bytes) FROM runs WHERE id = ANY($1)", runs[2:])
        await store.forget_archives(connection, size)
        kept = await connection.fetch("SELECT DISTINCT run_id FROM run_archives")
        assert {str(row["run_id"]) for row in kept} == set(runs[2:])
        with pytest.raises(grpc.aio.AioRpcError) as gone:
            async for _ in running.stub.DownloadRun(run_pb2.DownloadRunRequest(id=runs[0])):
                pass
        assert gone.value.code() == grpc.StatusCode.NOT_FOUND
        run = await running.stub.GetRun(run_pb2.GetRunRequest(id=runs[0]))
        assert (run.outcome, run.archive_bytes, run.HasField("archived_until")) == ("ok", 0, False)
        await connection.execute("UPDATE runs SET created_at = now() - interval '91 days' WHERE id = $1", runs[3])
        await store.forget_runs(connection, 90)
        left = (await running.stub.ListRuns(run_pb2.ListRunsRequest())).runs
        assert [each.id for each in left] == list(reversed(runs[:3]))


@pytest.mark.promise("D16")
async def test_nothing_is_kept_and_a_trace_is_added_where_the_settings_say_so(postgres: Server) -> None:
    wanted = {"documents_keep_archives_hours": 0, "documents_debug_artifacts": True, "documents_commit": "abc"}
    async with postgres.database("documents") as url, replica(url, **wanted) as running:
        run, archive = await made(running, template(), task())
        assert run.archive_bytes == 0
        found = entries(archive)
        told, trace = json.loads(found["api_result.json"]), json.loads(found["trace.json"])
        assert told["build"]["commit"] == "abc"
        assert trace["subprocess"] == {"pid": told["subprocess_pid"], "start_method": "forkserver"}
        assert (await running.metrics())['qmcp_documents_runs_total{outcome="ok",skill="meeting_notice"}'] == 1


@pytest.mark.promise("D06", "D07", "D09")
async def test_a_full_server_refuses_at_once_but_tells_what_is_wrong_before_and_a_run_past_its_time_is_ended(
    postgres: Server,
) -> None:
    few = {"documents_max_concurrency": 1, "documents_request_timeout_seconds": 0.001}
    async with postgres.database("documents") as url, replica(url, **few) as running:
        late = await running.run(template(), task())
        assert detail(late) == ("REQUEST_TIMEOUT", {"timeout_seconds": 0.001, "terminated": True})
        assert late.trailers["x-http-status"] == "408"  # type: ignore[union-attr] - a refusal, as the line before says
        [run] = (await running.stub.ListRuns(run_pb2.ListRunsRequest())).runs
        assert (run.status, run.outcome, run.error_code) == ("failed", "timeout", "REQUEST_TIMEOUT")
        assert not run.HasField("exit_code")
        # Its slot is free again, and a fault is told without one.
        assert detail(await running.run(template(), b"{"))[0] == "INVALID_JSON"
        assert detail(await running.sent([parts_of({}, {})]))[1] == {"field": "template"}
        meta = await running.stub.GetMeta(pb.GetMetaRequest())
        assert "meeting_notice" in meta.supported_skills


async def made(running: Replica, document: bytes, values: bytes, **options: Any) -> tuple[run_pb2.Run, bytes]:
    answer = await running.run(document, values, **options)
    assert not isinstance(answer, Refusal), answer
    return answer
