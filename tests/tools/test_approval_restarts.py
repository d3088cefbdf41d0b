"""Approvals outlive everything: replicas that race, stop, are killed; a hitl that is away. Each runs at most once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.tools.approval import approvals
from tests.tools.audit import require_whole
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import (
    Replica,
    Start,
    ended,
    nothing_left,
    python,
    query,
    replica,
    runs,
    series,
    settings_for,
    until,
)
from tests.tools.test_interruption import LEASE, in_a_process


@pytest.fixture(autouse=True)
def others_ask_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a replica that asked nobody and is gone: the others wait five seconds of its work's age, a test need not."""
    monkeypatch.setattr(approvals, "ASK_FOR_OTHERS_SECONDS", 0.5)


async def asked(url: str) -> bool:
    return bool(await query(url, "SELECT FROM open_approvals WHERE asked"))


@pytest.mark.parametrize(("response", "status", "times"), [("approve", "success", 1), ("reject", "rejected", 0)])
async def test_a_restart_between_every_two_steps_loses_nothing(
    plugins: None, database: str, tmp_path: Path, response: str, status: str, times: int
) -> None:
    hitl, key = FakeHitl(), f"restarts {response}"
    settings = settings_for(database, tmp_path, hitl_address=hitl.address)
    async with replica(settings) as service:
        begun = await service.invoke("guarded", {"key": key}, idempotency_key="r")
    async with hitl.open():
        async with replica(settings) as service:
            assert await service.invoke("guarded", {"key": key}, idempotency_key="r") == begun
            await hitl.asked_about(begun.id)
            await until(lambda: asked(database))
        await hitl.answer(begun.id, response)
        async with replica(settings) as service:
            done = await ended(service, begun.id)
            assert (done.status, runs(key)) == (status, times)
            await nothing_left(database)
        async with replica(settings) as service:
            assert await service.get(begun.id) == done
            assert (await service.invoke("guarded", {"key": key}, idempotency_key="r")).id == begun.id
            assert await require_whole(service, database) == 1
    assert (runs(key), len(hitl.asked)) == (times, 1)


async def test_what_was_answered_before_it_was_noted_that_it_was_asked_is_not_lost(
    plugins: None, database: str, tmp_path: Path
) -> None:
    hitl, key = FakeHitl(), "noted too late"
    settings = settings_for(database, tmp_path, hitl_address=hitl.address)
    async with hitl.open():
        async with replica(settings) as service:
            begun = await service.invoke("guarded", {"key": key})
            await hitl.asked_about(begun.id)
            await until(lambda: asked(database))
        await hitl.answer(begun.id, "approve")
        await query(database, "UPDATE open_approvals SET asked = false")
        async with replica(settings) as service:
            assert (await ended(service, begun.id)).status == "success"
    assert (runs(key), len(hitl.asked)) == (1, 1)


async def test_replicas_that_race_for_a_decision_run_it_once_between_them(
    plugins: None, start: Start, database: str
) -> None:
    hitl = FakeHitl()
    async with hitl.open():
        three = [await start(hitl_address=hitl.address) for _ in range(3)]
        begun = [await three[n % 3].start("guarded", {"key": f"raced {n}"}) for n in range(30)]
        for one in begun:
            await hitl.asked_about(one.id)

        async def all_wait() -> bool:
            """Each replica has named each request in a wait."""
            wanted = {f"invocation-{one.id}" for one in begun}
            return all(sum(identity in ids for ids in hitl.waited_for) >= 3 for identity in wanted)

        await until(all_wait, 30)
        await asyncio.gather(
            *(hitl.answer(one.id, "reject" if n % 3 == 2 else "approve") for n, one in enumerate(begun))
        )
        done = [await ended(three[0], one.id) for one in begun]
        assert [one.status for one in done] == ["success", "success", "rejected"] * 10
        assert [runs(f"raced {n}") for n in range(30)] == [1, 1, 0] * 10
        await nothing_left(database)
        assert len(await query(database, "SELECT FROM decisions")) == 30
        counted = series("qmcp_tool_invocations_total", {"tool": "guarded", "status": "rejected"})
        assert sum([(await one.metrics()).get(counted, 0) for one in three]) == 10
        assert await require_whole(three[1], database) == 30


async def test_cancellations_that_race_with_approvals_leave_one_outcome_and_no_run_after_it(
    plugins: None, start: Start, database: str
) -> None:
    hitl = FakeHitl()
    async with hitl.open():
        here, there = await start(hitl_address=hitl.address), await start(hitl_address=hitl.address)
        begun = [await here.start("guarded", {"key": f"either {n}"}) for n in range(20)]
        for one in begun:
            await hitl.asked_about(one.id)

        async def cancel(one: Any) -> Any:
            return await there.cancel(one.id)

        moves = [hitl.answer(one.id, "approve") for one in begun], [cancel(one) for one in begun]
        await asyncio.gather(*(move for pair in zip(*moves, strict=True) for move in pair), return_exceptions=True)
        done = [await ended(here, one.id) for one in begun]
        for n, one in enumerate(done):
            if one.approval.status == "cancelled":
                assert (one.status, runs(f"either {n}")) == ("cancelled", 0)
            else:
                assert (one.approval.status, one.status in {"success", "cancelled"}) == ("approved", True)
                assert runs(f"either {n}") == 1 or one.status == "cancelled"
            assert await there.get(one.id) == one
        await nothing_left(database)
        assert hitl.pending() == []
        assert await require_whole(here, database) == 20


async def test_while_hitl_is_away_all_else_goes_on_and_approvals_wait(
    plugins: None, start: Start, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hitl = FakeHitl()
    service = await start(hitl_address=hitl.address)
    begun = await service.invoke("guarded", {"key": "hitl away"})

    async def failed() -> bool:
        return (await service.metrics())["qmcp_tool_hitl_failures_total{}"] >= 2

    await until(failed)
    assert (await service.invoke("echo", {"message": "on"})).status == "success"
    assert (await service.get(begun.id)).status == "awaiting_approval"
    async with hitl.open():
        await hitl.asked_about(begun.id)
        await until(lambda: asked(database))
    # Away again, with the question asked.
    later = await service.invoke("guarded", {"key": "hitl away later"})
    # hitl itself is up and takes the answer; only the way to it is cut.
    await hitl.answer(begun.id, "approve")
    async with hitl.open():
        assert (await ended(service, begun.id)).status == "success"
        await hitl.answer(later.id, "approve")
        assert (await ended(service, later.id)).status == "success"
    assert (runs("hitl away"), runs("hitl away later")) == (1, 1)
    told = capsys.readouterr().out.count("hitl_unreachable")
    assert 1 <= told <= 2, "once for each time it went away"


async def test_without_an_address_of_hitl_the_service_is_ready_and_approvals_wait(plugins: None, start: Start) -> None:
    service = await start(hitl_address="")
    begun = await service.invoke("guarded", {"key": "nobody"})

    async def failed() -> bool:
        return (await service.metrics())["qmcp_tool_hitl_failures_total{}"] >= 1

    await until(failed)
    assert (await service.invoke("echo", {"message": "ready"})).status == "success"
    assert (await service.cancel(begun.id)).status == "cancelled"


async def test_a_hitl_that_lost_its_requests_is_asked_again(plugins: None, start: Start) -> None:
    hitl = FakeHitl()
    async with hitl.open():
        service = await start(hitl_address=hitl.address)
        begun = await service.invoke("guarded", {"key": "lost"})
        await hitl.asked_about(begun.id)
    hitl.requests.clear()
    hitl.asked.clear()
    async with hitl.open():
        await hitl.answer(begun.id, "approve")
        assert (await ended(service, begun.id)).status == "success"
    assert runs("lost") == 1


async def test_what_a_replica_began_that_died_before_the_decision_is_picked_up(
    plugins: None, start: Start, database: str, tmp_path: Path
) -> None:
    hitl = FakeHitl()
    survivor = await start(tools_lease_seconds=LEASE, hitl_address=hitl.address)
    async with in_a_process(database, tmp_path, hitl_address=hitl.address) as (process, doomed):
        unasked = await doomed.start("guarded", {"key": "unasked"})
        process.kill()
        process.wait()

    async def swept() -> bool:
        return len(await query(database, "SELECT FROM replicas")) == 1

    await until(swept)
    assert (await survivor.get(unasked.id)).status == "awaiting_approval", "nothing was running, nothing is interrupted"
    async with hitl.open():
        await hitl.answer(unasked.id, "approve")
        done = await ended(survivor, unasked.id)
    assert (done.status, runs("unasked")) == ("success", 1)
    assert await require_whole(survivor, database) == 1


async def test_what_died_after_the_claim_is_interrupted_and_never_run_again(
    plugins: None, start: Start, database: str, tmp_path: Path
) -> None:
    hitl = FakeHitl()
    async with hitl.open():
        async with in_a_process(database, tmp_path, hitl_address=hitl.address) as (process, doomed):
            begun = await doomed.start("guarded", {"key": "claimed", "seconds": 60})
            await hitl.answer(begun.id, "approve")

            async def running() -> bool:
                return (await doomed.get(begun.id)).status == "running"

            await until(running)
            process.kill()
            process.wait()
        survivor = await start(tools_lease_seconds=LEASE, hitl_address=hitl.address)
        done = await ended(survivor, begun.id)
    assert (done.status, done.error_reason, done.approval.status) == ("failed", "INTERRUPTED", "approved")
    assert python(done.result) is None
    assert (runs("claimed"), await require_whole(survivor, database)) == (0, 1)


async def test_a_claim_of_a_process_that_never_ran_it_is_interrupted(
    plugins: None, start: Start, database: str
) -> None:
    """Killed in the very moment after the claim: what is on record says so, and nothing guesses."""
    service = await start(tools_lease_seconds=LEASE)
    begun = await service.invoke("guarded", {"key": "moment"})
    await query(
        database,
        """
        WITH dead AS (
            INSERT INTO replicas (id, host, heartbeat_at, oldest_open)
            VALUES (gen_random_uuid(), 'gone', now() - interval '1 hour', 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            RETURNING id
        ), closed AS (
            DELETE FROM open_approvals
        )
        INSERT INTO decisions
        SELECT $1, 'approved', '{anna}', now(), '', NULL,
               sha256(input_salt || convert_to('{"comment":"","edited_arguments":null}', 'UTF8')), dead.id
        FROM dead, invocations
        """,
        begun.id,
    )
    done = await ended(service, begun.id)
    assert (done.status, done.error_reason, runs("moment")) == ("failed", "INTERRUPTED", 0)
    assert await require_whole(service, database) == 1


async def test_a_decision_whose_outcome_was_never_written_is_brought_to_its_end(
    plugins: None, start: Start, database: str
) -> None:
    hitl = FakeHitl()
    service = await start(hitl_address="")
    begun = await service.invoke("guarded", {"key": "half"})
    await query(
        database,
        """
        WITH decided AS (
            UPDATE open_approvals
            SET outcome_status = 'rejected', error = 'A human rejected it.', error_reason = 'APPROVAL_REJECTED'
        )
        INSERT INTO decisions
        SELECT id, 'rejected', '{anna}', now(), '', NULL,
               sha256(input_salt || convert_to('{"comment":"","edited_arguments":null}', 'UTF8')), replica
        FROM invocations
        """,
    )
    done = await ended(service, begun.id)
    assert (done.status, list(done.approval.decided_by), runs("half")) == ("rejected", ["anna"], 0)
    other = await start(hitl_address=hitl.address)
    async with hitl.open():
        await nothing_left(database)
    assert await require_whole(other, database) == 1


async def test_a_replica_that_stops_while_an_approved_tool_runs_says_so(
    plugins: None, database: str, tmp_path: Path
) -> None:
    hitl = FakeHitl()
    settings = settings_for(database, tmp_path, hitl_address=hitl.address)
    async with hitl.open():
        async with replica(settings) as service:
            begun = await service.start("guarded", {"key": "stopped", "seconds": 60})
            await hitl.answer(begun.id, "approve")

            async def running() -> bool:
                return runs("stopped") == 1

            await until(running)
        async with replica(settings) as service:
            done = await service.get(begun.id)
            assert (done.status, done.error_reason, done.approval.status) == ("failed", "INTERRUPTED", "approved")
            assert (runs("stopped"), await require_whole(service, database)) == (1, 1)


async def test_a_plugin_that_this_replica_lacks_leaves_the_approval_to_another(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.tools.conftest import INSTALLED  # noqa: PLC0415 - only this test wants a replica without it

    hitl = FakeHitl()
    async with hitl.open():
        without = await start(hitl_address=hitl.address)
        monkeypatch.syspath_prepend(str(INSTALLED))
        with_plugin: Replica = await start(hitl_address=hitl.address)
        begun = await with_plugin.start("guarded", {"key": "there"})
        await hitl.answer(begun.id, "approve")
        assert (await ended(without, begun.id)).status == "success"
    assert runs("there") == 1


@pytest.mark.parametrize("auth", ["off", "on"])
async def test_hitl_is_asked_with_the_key_of_the_service_where_callers_are_checked(
    start: Start, tmp_path: Path, auth: str, database: str
) -> None:
    hitl = FakeHitl()
    key = tmp_path / "key"
    key.write_text("qmcp_0123456789abcdef_secret\n")
    async with hitl.open():
        # Nobody needs to call the service: it attends to what is in the database.
        async with replica(settings_for(database, tmp_path)) as before:
            await before.create(name="t", approval={"mode": "always"}, http={"url": "http://127.0.0.1:9/"})
            begun = await before.invoke("t", {})
        await start(hitl_address=hitl.address, auth=auth, access_key_file=key)
        await hitl.asked_about(begun.id)
    assert {sent for _, sent in hitl.calls} == ({"qmcp_0123456789abcdef_secret"} if auth == "on" else {""})
