"""Every reason of error_reason.proto is met somewhere; here those that need a fault of their own."""

import asyncio
from pathlib import Path

import asyncpg
import grpc
import pytest
from qmcp.tools.v1 import error_reason_pb2

from tests.tools.conftest import INSTALLED
from tests.tools.mortal_postgres import mortal_postgres
from tests.tools.service import Replica, Start, invoke_request, pb, query, refusal, replica, settings_for, until

# Rates, shares and access that ends belong to keys: tests/access/test_keys.py, test_shares.py and test_open_calls.py.
# Addresses: tests/servicekit/test_ssrf.py. Leases of tasks: tests/tasks/test_work.py, which runs tools under them.
ELSEWHERE = {
    "UNSPECIFIED",
    "RATE_LIMITED",
    "CONCURRENCY_LIMITED",
    "ACCESS_ENDED",
    "ADDRESS_NOT_ALLOWED",
    "TASK_NOT_FOUND",
    "LEASE_LOST",
}
# A service without credentials refuses nobody; tests/servicekit has them.
NEED_CREDENTIALS = {"UNAUTHENTICATED", "PERMISSION_DENIED"}


def test_every_reason_is_looked_for_by_a_test_of_this_folder() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    reasons = {
        name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    } - ELSEWHERE
    assert {reason for reason in reasons if f'"{reason}"' not in text} == set()
    assert reasons >= NEED_CREDENTIALS


async def test_a_plugin_that_this_replica_has_not_loaded_is_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    without = await start()
    monkeypatch.syspath_prepend(str(INSTALLED))
    with_plugin = await start()
    assert (await with_plugin.invoke("acme/add", {"a": 1})).status == "success"
    refused = await refusal(without.invoke("acme/add", {"a": 1}))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "TOOL_NOT_LOADED")


async def test_calls_past_the_limit_are_refused_and_leave_nothing(plugins: None, start: Start, database: str) -> None:
    small = await start(max_concurrent_calls=2)
    calls = [asyncio.ensure_future(small.invoke("counted", {"key": "x", "seconds": 0.3})) for _ in range(8)]
    outcomes = await asyncio.gather(*(refusal(call) for call in calls), return_exceptions=True)
    refused = [one for one in outcomes if not isinstance(one, BaseException)]
    assert len(refused) == 6
    assert {(one.code, one.reason, one.retry_after) for one in refused} == {
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", 1)
    }
    assert (await query(database, "SELECT count(*) AS n FROM invocations"))[0]["n"] == 2
    assert (await small.invoke("echo", {"message": "x"})).status == "success"


async def test_a_call_without_a_deadline_gets_the_default_and_a_tool_its_own(plugins: None, start: Start) -> None:
    hasty = await start(default_deadline_seconds=0.3)
    assert (await hasty.invoke("counted", {"key": "x", "seconds": 0.6})).status == "success"
    lock = await asyncpg.connect(hasty.settings.database_url)
    try:
        async with lock.transaction():
            await lock.execute("LOCK TABLE tools")
            refused = await refusal(hasty.stub.GetTool(pb.GetToolRequest(name="echo")))
        assert (refused.code, refused.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    finally:
        await lock.close()


async def test_a_fault_of_ours_is_internal_and_tells_nothing(service: Replica, database: str) -> None:
    assert (await service.invoke("echo", {"message": "x"})).status == "success"
    await query(database, "ALTER TABLE redactions RENAME TO misplaced")
    refused = await refusal(service.stub.ListInvocations(pb.ListInvocationsRequest()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "redactions" not in f"{refused}"
    assert refused.metadata["request_id"] == refused.trailers["x-request-id"] != ""


@pytest.mark.fault
async def test_while_the_database_is_away_nothing_begins_and_what_has_begun_ends_on_record(
    plugins: None, tmp_path: Path
) -> None:
    with mortal_postgres(tmp_path / "postgres") as postgres:
        async with (
            postgres.server.database("tools") as url,
            replica(settings_for(url, tmp_path, tools_lease_seconds=1)) as service,
        ):
            waiting = asyncio.ensure_future(
                service.stub.InvokeTool(invoke_request("counted", {"key": "away", "seconds": 0.3}))
            )
            begun = await service.start("counted", {"key": "away", "seconds": 0.3}, idempotency_key="away")
            postgres.kill()

            async def cut_off() -> bool:
                # Until the lease is over, calls are taken and wait for the database; a connection's own process may
                # outlive the one that was killed for a moment, and serve.
                try:
                    await service.stub.InvokeTool(invoke_request("counted", {"key": "late"}), timeout=0.2)
                except grpc.aio.AioRpcError as refused:
                    return refused.code() == grpc.StatusCode.UNAVAILABLE
                return False

            await until(cut_off)
            postgres.start()
            assert (await waiting).status == "success", "the caller waited until the record was durable"

            async def ended() -> bool:
                try:
                    return (await service.get(begun.id)).status == "success"
                except grpc.aio.AioRpcError:
                    return False

            await until(ended)
            assert (
                await service.invoke("counted", {"key": "away", "seconds": 0.3}, idempotency_key="away")
            ).id == begun.id
            assert (await service.verify()).valid
