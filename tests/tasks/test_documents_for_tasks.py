"""Documents for holders of leases, by the real documents service: made under a valid token alone, and evidence of being done."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import run_pb2

from tests.contract.running import Refusal
from tests.documents import service as documents
from tests.documents.forms import PAYLOAD, entries, task, template
from tests.stack import Server
from tests.tasks.service import RefusedError, Replica, replica
from tests.tasks.test_leases import let_expire
from tests.wire import query, refusal, until

in_one_loop = pytest.mark.asyncio(loop_scope="module")
TITLE = template("【MEETING_TITLE】")


@dataclass
class Pair:
    """The two services; documents asks tasks."""

    tasks: Replica
    documents: documents.Replica

    async def leased(self, project: str, *required: str) -> dict[str, Any]:
        """The `task_id` of a task that demands this, and the `fencing_token` of its lease."""
        made = await self.tasks.task(project, "one", required_evidence=list(required))
        acquired = await self.tasks.call("AcquireTask", id=made, agent_id="ada", lease_seconds=600)
        return {"task_id": made, "fencing_token": acquired["lease"]["fencing_token"]}

    async def run(self, **options: Any) -> run_pb2.Run:
        answer = await self.documents.run(TITLE, task(), **options)
        assert not isinstance(answer, Refusal), answer
        return answer[0]

    async def start(self, template: bytes = TITLE, **fields: Any) -> run_pb2.Run:
        given = ParseDict({"payload": PAYLOAD, **fields}, pb.StartRunRequest())
        given.template = template
        run: run_pb2.Run = await self.documents.stub.StartRun(given)
        return run

    async def ended(self, run_id: str, here: documents.Replica | None = None) -> run_pb2.Run:
        events = (here or self.documents).stub.WatchRun(pb.WatchRunRequest(id=run_id))
        run: run_pb2.Run = [each async for each in events][-1].run
        return run

    async def works(self, task_id: str) -> list[tuple[str, str, str]]:
        rows = await query(
            self.tasks.settings.database_url,
            "SELECT kind, work_id, outcome FROM task_work WHERE task_id = $1 ORDER BY began_at",
            task_id,
        )
        return [tuple(row) for row in rows]

    async def complete(self, lease: dict[str, Any], *evidence: dict[str, str]) -> dict[str, Any]:
        fields = {"status": "completed", "fencing_token": lease["fencing_token"], "evidence": list(evidence)}
        return await self.tasks.call("TransitionTask", id=lease["task_id"], **fields)

    async def kept_seconds(self, task_id: str) -> float:
        """For how long a lease lasts."""
        [row] = await query(
            self.tasks.settings.database_url,
            "SELECT extract(epoch FROM lease_expires_at - clock_timestamp())::float8 FROM tasks WHERE id = $1",
            task_id,
        )
        seconds: float = row[0]
        return seconds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(postgres: Server) -> AsyncIterator[Pair]:
    async with (
        postgres.database("tasks") as of_tasks,
        postgres.database("documents") as of_documents,
        replica(of_tasks) as tasks,
        documents.replica(
            of_documents, tasks_address=f"127.0.0.1:{tasks.port}", documents_queue_timeout_seconds=60
        ) as made,
    ):
        yield Pair(tasks, made)


def refused(answer: object) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def shown(run: run_pb2.Run, digest: str = "") -> dict[str, str]:
    return {"kind": "document_run", "id": run.id, "digest": digest or run.document_sha256}


@in_one_loop
async def test_a_document_is_made_for_the_holder_of_a_lease_alone_and_is_on_record_with_the_task(pair: Pair) -> None:
    lease = await pair.leased("fenced")
    ran = await pair.run(idempotency_key="first", **lease)
    begun = await pair.start(idempotency_key="first", **lease)
    done = await pair.ended(begun.id)
    for run in (ran, begun, done, await pair.documents.stub.GetRun(run_pb2.GetRunRequest(id=ran.id))):
        assert (run.task_id, run.fencing_token) == (lease["task_id"], lease["fencing_token"])
    assert await pair.works(lease["task_id"]) == [("document_run", ran.id, "ok"), ("document_run", begun.id, "ok")]
    # A form says it in its fields.
    files = {"template": ("template.docx", TITLE), "task": ("task.json", task())}
    fields = {name: str(value) for name, value in lease.items()}
    archive = await pair.documents.form(fields, files)
    assert not isinstance(archive, Refusal), archive
    assert "out.docx" in entries(archive)
    assert [each[2] for each in await pair.works(lease["task_id"])] == ["ok"] * 3

    await let_expire(pair.tasks, lease["task_id"])
    await pair.tasks.call("AcquireTask", id=lease["task_id"], agent_id="bob")
    late = [await pair.documents.run(TITLE, task(), **lease), await pair.documents.form(fields, files)]
    for told in (*map(refused, late), await refusal(pair.start(**lease))):
        assert told.reason == "LEASE_LOST"
        assert (told.metadata["agent_id"], told.metadata["fencing_token"]) == ("bob", str(lease["fencing_token"] + 1))
    assert len(await pair.works(lease["task_id"])) == 3
    # A retry of what was done then is told of that; for no task it would be another run.
    assert (await pair.run(idempotency_key="first", **lease)).id == ran.id
    assert (await pair.start(idempotency_key="first", **lease)).id == begun.id
    reused = await pair.documents.run(TITLE, task(), idempotency_key="first")
    assert refused(reused).reason == "IDEMPOTENCY_KEY_REUSED"


@in_one_loop
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"task_id": "x"}, "INVALID_REQUEST"),
        ({"fencing_token": "1"}, "INVALID_REQUEST"),
        ({"task_id": "x", "fencing_token": "-1"}, "INVALID_ARGUMENT"),
        ({"task_id": "x", "fencing_token": "99999999999"}, "INVALID_ARGUMENT"),
        ({"task_id": "none", "fencing_token": "1"}, "TASK_NOT_FOUND"),
    ],
)
async def test_half_a_lease_and_one_of_no_task_are_refused(pair: Pair, wrong: dict[str, str], reason: str) -> None:
    files = {"template": ("template.docx", TITLE), "task": ("task.json", task())}
    assert refused(await pair.documents.form(wrong, files)).reason == reason


@in_one_loop
async def test_a_lease_is_kept_while_its_document_is_made_and_one_that_is_over_lets_none_begin(
    pair: Pair, postgres: Server
) -> None:
    """Those of this replica are put off while nobody can say whose the task is."""
    lease, lost = await pair.leased("parked"), await pair.leased("lost")
    settings = pair.documents.settings
    async with postgres.database("documents") as url:
        # Nobody begins what was started there: its loop has as much to do as it can.
        async with documents.replica(url, tasks_address=settings.tasks_address, documents_max_concurrency=1) as first:
            alone = Pair(pair.tasks, first)
            [waits, late] = [
                await alone.start(people={"ask_missing": True}, payload={}, **each) for each in (lease, lost)
            ]

            async def asks_people(run_id: str) -> bool:
                return bool((await first.stub.GetRun(run_pb2.GetRunRequest(id=run_id))).human_request_id)

            for each in (waits, late):
                await until(lambda run_id=each.id: asks_people(run_id))
        assert 86_000 < await pair.kept_seconds(lease["task_id"]) <= 87_000
        await pair.tasks.call("ReleaseTask", id=lost["task_id"], fencing_token=lost["fencing_token"])
        # As if people had answered.
        answers = '{"organizer": {"value": "Ada", "human_request_id": "x", "answered_by": "a", "answered_at": "t"}}'
        await query(url, "UPDATE run_human_requests SET answers = $1", answers)
        await query(url, "UPDATE runs SET status = 'pending'")
        async with documents.replica(url, tasks_address="127.0.0.1:1") as cut_off:
            put_off = "SELECT FROM runs WHERE attempts = 0 AND status = 'pending'"

            async def tried() -> bool:
                return bool(await query(url, "SELECT FROM runs WHERE status = 'running'"))

            async def given_back() -> bool:
                return len(await query(url, put_off)) == 2

            await until(tried)
            told = await refusal(cut_off.stub.StartRun(pb.StartRunRequest(template=TITLE, **lease)))
            assert told.reason == "UNAVAILABLE"
        await until(given_back)
        async with documents.replica(url, tasks_address=settings.tasks_address) as again:
            done, refused = [await pair.ended(each.id, again) for each in (waits, late)]
            assert done.status == "completed"
            assert (refused.status, refused.error_code) == ("failed", "LEASE_LOST")
    assert await pair.kept_seconds(lease["task_id"]) <= 600


@in_one_loop
async def test_what_demands_a_document_is_completed_with_one_that_was_made_for_it_and_lacks_nothing(
    pair: Pair,
) -> None:
    lease, other = await pair.leased("evidence", "document_run:meeting_notice"), await pair.leased("other")
    with pytest.raises(RefusedError, match=r"EVIDENCE_MISSING: .*document_run:meeting_notice"):
        await pair.complete(lease)
    run, elsewhere, for_none = await pair.run(**lease), await pair.run(**other), await pair.run()
    assert run.document_sha256 == hashlib.sha256(await document_of(pair, run.id)).hexdigest()
    lacking = await pair.documents.run(template("【ORGANIZER】"), task(organizer=None), **lease)
    assert not isinstance(lacking, Refusal)
    wrong = {
        "not done for this task": [elsewhere, for_none],
        "ended as missing_required, and ok is evidence": [lacking[0]],
    }
    for why, runs in wrong.items():
        for each in runs:
            with pytest.raises(RefusedError, match=f"EVIDENCE_REFUSED: .*{why}"):
                await pair.complete(lease, shown(each))
    with pytest.raises(RefusedError, match=f"EVIDENCE_REFUSED: .*document_sha256.*runs/{run.id}"):
        await pair.complete(lease, shown(run, run.template_sha256))
    done = await pair.complete(lease, shown(run))
    assert (done["status"], done["evidence"]) == ("completed", [shown(run)])


async def document_of(pair: Pair, run_id: str) -> bytes:
    request = run_pb2.DownloadRunRequest(id=run_id)
    pieces = [each.data async for each in pair.documents.stub.DownloadRun(request)]
    return entries(b"".join(pieces))["out.docx"]


@in_one_loop
async def test_a_run_that_comes_to_nothing_keeps_no_lease(pair: Pair) -> None:
    lease = await pair.leased("nothing")
    refused(await pair.documents.run(TITLE, task(), skill="jinja_template", **lease))
    assert await pair.works(lease["task_id"]) == []
    jinja = await pair.documents.run(template("{{ a.b( }}"), task("jinja_template"), skill="jinja_template", **lease)
    assert refused(jinja).reason == "TEMPLATE_REFUSED"
    assert [outcome for _, _, outcome in await pair.works(lease["task_id"])] == ["nothing"]
    assert await pair.kept_seconds(lease["task_id"]) <= 600
    assert not await query(pair.documents.settings.database_url, "SELECT FROM leased_work")
    # Cut off before it was on record: as of what never began, when it could have been.
    lost = "0199a0f2-0000-7000-8000-000000000000"
    begin = {**lease, "holder": "local", "kind": "document_run", "work_id": lost, "max_seconds": 600}
    await pair.tasks.call("BeginWork", **begin)
    note = "INSERT INTO leased_work VALUES ($1, $2, $3, now() - interval '1 h')"
    await query(pair.documents.settings.database_url, note, lost, lease["task_id"], lease["fencing_token"])

    async def told() -> bool:
        return [outcome for _, _, outcome in await pair.works(lease["task_id"])] == ["nothing"] * 2

    await until(told)
