"""What became of a run whose end nobody knows: another tool finds out, its verdict stands beside, the record stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from services.tools.execution import reconciling
from tests.tools.service import Replica, pb, python, refusal, until
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAYS = {"done": "success", "undone": "failed"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    """What cuts connections, and says what became of it."""
    async with upstream() as running:
        running.replies["/find-out"] = lambda _: _found(running)
        yield running


def _found(running: Upstream) -> web.Response:
    arguments = json.loads(running.bodies[-1])["arguments"]
    return web.json_response({"status": SAYS.get(arguments["means"], arguments["means"])})


def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest_asyncio.fixture(loop_scope="module")
async def payments(shared: Replica, peer: Upstream, monkeypatch: pytest.MonkeyPatch) -> Replica:
    monkeypatch.setattr(reconciling, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(reconciling, "PAUSES_SECONDS", (0.05, 0.05, 0.05, 0.05))
    peer.replies["/pay"] = cut
    await shared.update(name="find-out", http={"url": peer.url("/find-out")})
    await shared.update(name="charge", http={"url": peer.url("/pay")}, reconcile_tool="find-out")
    return shared


async def verdict(replica: Replica, invocation_id: str) -> Any:
    async def found() -> Any:
        one = await replica.get(invocation_id)
        return one.reconciliation if one.reconciliation.status not in ("", "open") else None

    return await until(found, 30)


@pytest.mark.parametrize("means", ["done", "undone"])
async def test_what_was_sent_and_not_answered_is_found_out_and_the_record_stays(
    payments: Replica, peer: Upstream, means: str
) -> None:
    made = await payments.invoke("charge", {"means": means, "amount": 5}, idempotency_key=f"pay-{means}")
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    found = await verdict(payments, made.id)
    assert (found.status, found.tool_name, len(found.attempts)) == (SAYS[means], "find-out", 1)
    assert found.decided_at.seconds
    attempt = await payments.get(found.attempts[0])
    assert python(attempt.input_params) == {
        "invocation_id": made.id,
        "idempotency_key": f"pay-{means}",
        "tool_name": "charge",
        "arguments": {"means": means, "amount": 5},
    }
    assert (attempt.status, attempt.principal) == ("success", made.principal)
    # That which was sent can be looked up by the id that went along.
    sent = [request.headers["x-qmcp-invocation-id"] for request in peer.requests if request.path == "/pay"]
    assert made.id in sent
    kept = await payments.get(made.id)
    assert (kept.status, kept.error_reason) == (made.status, made.error_reason)
    assert (
        await payments.invoke("charge", {"means": means, "amount": 5}, idempotency_key=f"pay-{means}")
    ).id == made.id
    for each in (made.id, attempt.id):
        receipt = await payments.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=each))
        assert receipt.digest
    assert not (await payments.verify()).faults


async def test_who_cannot_say_is_asked_five_times_and_no_more(payments: Replica, peer: Upstream) -> None:
    made = await payments.invoke("charge", {"means": "unknown"})
    found = await verdict(payments, made.id)
    assert (found.status, len(found.attempts)) == ("unknown", reconciling.MAX_TRIES)
    before = len(peer.requests)
    await asyncio.sleep(0.5)
    assert len(peer.requests) == before
    # One that fails says nothing either, and its own end is not found out in turn.
    await payments.update(name="find-out", http={"url": peer.url("/pay")}, reconcile_tool="charge")
    made = await payments.invoke("charge", {"means": "done"})
    found = await verdict(payments, made.id)
    assert (found.status, len(found.attempts)) == ("unknown", reconciling.MAX_TRIES)
    for attempt in found.attempts:
        one = await payments.get(attempt)
        assert (one.status, one.HasField("reconciliation")) == ("failed", False)


async def test_what_is_known_to_have_failed_or_to_have_been_done_asks_nobody(payments: Replica, peer: Upstream) -> None:
    for path, status in (("/status/500", "failed"), ("/x", "success")):
        await payments.update(name="charge", http={"url": peer.url(path)}, reconcile_tool="find-out")
        made = await payments.invoke("charge", {"means": "done"})
        assert (made.status, made.HasField("reconciliation")) == (status, False)
        assert not (await payments.get(made.id)).HasField("reconciliation")
    await payments.update(name="charge", http={"url": "http://127.0.0.1:1/"}, reconcile_tool="find-out")
    made = await payments.invoke("charge", {"means": "done"})
    assert made.status == "failed"
    assert not (await payments.get(made.id)).HasField("reconciliation"), "nothing was sent"


async def test_a_time_that_ran_out_is_found_out_and_one_that_a_dead_replica_was_at_is_tried_again(
    payments: Replica, peer: Upstream
) -> None:
    await payments.update(name="charge", http={"url": peer.url("/slow")}, reconcile_tool="find-out", timeout_seconds=1)
    await payments.stub.PauseTool(pb.PauseToolRequest(name="find-out"))
    made = await payments.invoke("charge", {"means": "done"})
    assert made.error_reason == "TOOL_TIMEOUT"
    connection = await asyncpg.connect(payments.settings.database_url)
    try:
        # As it is when whoever claimed it was killed: the try is written, and nobody ends it.
        await connection.execute(
            "UPDATE reconciliations SET attempts = ARRAY[gen_random_uuid()], status = 'open', decided_at = NULL,"
            " due_at = now() + interval '0.3 s' WHERE invocation_id = $1",
            made.id,
        )
    finally:
        await connection.close()
    await payments.stub.ResumeTool(pb.ResumeToolRequest(name="find-out"))
    found = await verdict(payments, made.id)
    assert (found.status, len(found.attempts) > 1) == ("success", True)


async def test_a_tool_that_finds_out_must_be_there_and_another_one(payments: Replica) -> None:
    http = {"url": "https://a.example/"}
    assert (await refusal(payments.update(name="odd", http=http, reconcile_tool="none"))).reason == "TOOL_NOT_FOUND"
    assert (await refusal(payments.create(name="odd", http=http, reconcile_tool="none"))).reason == "TOOL_NOT_FOUND"
    assert (await refusal(payments.update(name="odd", http=http, reconcile_tool="odd"))).reason == "INVALID_REQUEST"


async def test_a_tool_that_humans_approve_is_not_run_by_the_way(payments: Replica, peer: Upstream) -> None:
    await payments.update(name="find-out", http={"url": peer.url("/find-out")}, approval={"mode": "always"})
    made = await payments.invoke("charge", {"means": "done"})
    before = len(peer.requests)
    found = await verdict(payments, made.id)
    assert (found.status, len(peer.requests)) == ("unknown", before)
    kept = await payments.stub.GetTool(pb.GetToolRequest(name="charge"))
    assert kept.reconcile_tool == "find-out"
