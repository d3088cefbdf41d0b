"""Leases over the wire: one holder at a time, by the clock of the database, and no word of whoever comes too late."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.tasks.settings import Settings
from tests.tasks.service import RefusedError, Replica, replica

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def owner_of(shared: Replica) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(shared.settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def let_expire(shared: Replica, task: str) -> None:
    """As if the time of its lease had gone by."""
    async with owner_of(shared) as connection:
        await connection.execute("UPDATE tasks SET lease_expires_at = clock_timestamp() WHERE id = $1", task)


async def project_of(shared: Replica, task: str) -> str:
    return str((await shared.call("GetTask", id=task))["project_id"])


@in_one_loop
async def test_one_of_many_gets_the_lease_and_the_others_hear_who_has_it(shared: Replica) -> None:
    task = await shared.task("leases", "one")
    raced = await asyncio.gather(
        *(shared.call("AcquireTask", id=task, agent_id=f"agent{number}") for number in range(10)),
        return_exceptions=True,
    )
    [held] = [each for each in raced if isinstance(each, dict)]
    lease = held["lease"]
    assert (held["status"], lease["holder"], lease["fencing_token"], held["attempts"]) == ("in_progress", "local", 1, 1)
    for each in raced:
        if isinstance(each, RefusedError):
            told = each.refusal.metadata
            assert each.refusal.reason == "TASK_LEASED"
            assert (told["holder"], told["agent_id"]) == ("local", lease["agent_id"])
            assert (told["fencing_token"], told["expires_at"][:10]) == ("1", lease["expires_at"][:10])
    renewed = await shared.call("RenewTask", id=task, fencing_token=1, lease_seconds=3600)
    assert renewed["lease"]["expires_at"] > lease["expires_at"]
    # What was given for longer is not cut short by an act under it.
    acted = await shared.call("UpdateTask", id=task, description="x", fencing_token=1)
    assert acted["lease"]["expires_at"] >= renewed["lease"]["expires_at"]
    given_back = await shared.call("ReleaseTask", id=task, fencing_token=1, reason="enough")
    assert (given_back["status"], "lease" in given_back, given_back["failed_attempts"]) == ("pending", False, 0)
    again = await shared.call("TransitionTask", id=task, status="in_progress", agent_id="b")
    assert (again["lease"]["fencing_token"], again["lease"]["agent_id"]) == (2, "b")
    done = await shared.call("TransitionTask", id=task, status="DONE", fencing_token=2)
    assert (done["status"], "lease" in done) == ("completed", False)
    attempts = (await shared.call("ListAttempts", task_id=task))["attempts"]
    assert [(each["number"], each["outcome"], each["reason"]) for each in attempts] == [
        (2, "completed", ""),
        (1, "released", "enough"),
    ]


@in_one_loop
async def test_whoever_comes_too_late_writes_nothing_whatever_it_writes(shared: Replica) -> None:
    task = await shared.task("late", "one")
    epic = (await shared.call("GetTask", id=task))["epic_id"]
    first = await shared.call("AcquireTask", id=task, agent_id="slow")
    late: dict[str, Callable[[], Awaitable[Any]]] = {
        "update": lambda: shared.call("UpdateTask", id=task, description="late", fencing_token=1),
        "create": lambda: shared.call("CreateTask", epic_id=epic, name="one", description="late", fencing_token=1),
        "complete": lambda: shared.call("TransitionTask", id=task, status="completed", fencing_token=1),
        "renew": lambda: shared.call("RenewTask", id=task, fencing_token=1),
        "release": lambda: shared.call("ReleaseTask", id=task, fencing_token=1),
        "log": lambda: shared.call("CreateTaskLogEntry", task_id=task, kind="late", fencing_token=1),
        "delete": lambda: shared.call("DeleteTask", id=task, fencing_token=1),
    }
    await let_expire(shared, task)
    assert "lease" not in await shared.call("GetTask", id=task)

    async def all_refused(now: str) -> None:
        for what, write in late.items():
            with pytest.raises(RefusedError, match=f"LEASE_LOST: .*{now}") as refused:
                await write()
            assert refused.value.refusal.metadata["task_id"] == task, what

    await all_refused("nobody is at it now")
    second = await shared.call("AcquireTask", id=task, agent_id="quick")
    assert second["lease"]["fencing_token"] == first["lease"]["fencing_token"] + 1
    await all_refused(r"local \(quick\) is at it now, by the token 2")
    # Who holds nothing and says so is told, too; but anybody may say something.
    for method, fields in {"UpdateTask": {"description": "x"}, "TransitionTask": {"status": "review"}}.items():
        with pytest.raises(RefusedError, match="TASK_LEASED"):
            await shared.call(method, id=task, **fields)
    await shared.call("CreateTaskLogEntry", task_id=task, kind="comment")
    shown = await shared.call("GetTask", id=task)
    assert (shown["description"], shown["status"], shown["failed_attempts"]) == ("", "in_progress", 1)
    outcomes = [each["outcome"] for each in (await shared.call("ListAttempts", task_id=task))["attempts"]]
    assert outcomes == ["", "expired"]


@in_one_loop
async def test_a_task_whose_attempts_failed_is_blocked_with_their_history(shared: Replica) -> None:
    task = await shared.task("fails", "one", max_attempts=2)
    for number, status in ((1, "pending"), (2, "blocked")):
        token = (await shared.call("AcquireTask", id=task))["lease"]["fencing_token"]
        failed = await shared.call("ReleaseTask", id=task, fencing_token=token, outcome="failed", reason="no disk")
        assert (failed["status"], failed["failed_attempts"]) == (status, number)
    assert (await shared.call("ClaimTask", project_id=failed["project_id"]))["tasks"] == []
    freed = await shared.call("TransitionTask", id=task, status="pending")
    assert (freed["failed_attempts"], freed["attempts"]) == (0, 2)
    attempts = (await shared.call("ListAttempts", task_id=task))["attempts"]
    assert [(each["outcome"], each["reason"]) for each in attempts] == [("failed", "no disk")] * 2


@in_one_loop
async def test_the_best_that_is_ready_is_claimed_once_by_whichever_replica(shared: Replica) -> None:
    low, high, old = [await shared.task("claims", name, priority=at) for name, at in (("l", 0), ("h", 3), ("o", 1))]
    after = await shared.task("claims", "after", priority=3, dependencies=[high])
    project = await project_of(shared, low)
    first = await shared.call("ClaimTask", project_id=project, idempotency_key="k")
    assert [each["id"] for each in first["tasks"]] == [high]
    assert await shared.call("ClaimTask", project_id=project, idempotency_key="k") == first
    # A call that waits on another replica gets what a completion here makes ready.
    async with replica(shared.settings.database_url) as other:
        rest = await other.call("ClaimTask", project_id=project, count=50, agent_id="x", lease_seconds=60)
        assert [each["id"] for each in rest["tasks"]] == [old, low]
        waiting = asyncio.create_task(other.call("ClaimTask", project_id=project, wait_seconds=60))
        async with asyncio.timeout(60):
            while (await other.metrics())["qmcp_tasks_waiters{}"] == 0:
                await asyncio.sleep(0.01)
        await shared.transition(high, "completed")
        [claimed] = (await waiting)["tasks"]
        assert claimed["id"] == after
        # What has expired is taken over, whichever replica notices.
        await let_expire(shared, old)
        [over] = (await shared.call("ClaimTask", project_id=project))["tasks"]
        assert (over["id"], over["lease"]["fencing_token"]) == (old, 2)
        # Many at once, on two replicas: each gets another one.
        names = [await shared.task("claims", f"{number}") for number in range(20)]
        raced = await asyncio.gather(
            *((shared, other)[number % 2].call("ClaimTask", project_id=project) for number in range(20))
        )
        assert sorted(each["id"] for answer in raced for each in answer["tasks"]) == sorted(names)


@in_one_loop
async def test_what_overlaps_is_never_held_together_and_nothing_is_held_in_part(shared: Replica) -> None:
    needs = {
        "src": ["path:src/**", "port:8000"],
        "file": ["path:src/a.py"],
        "port": ["port:7000-8000"],
        "half": ["quota:gpu=2/4"],
        "all": ["quota:gpu=3/4"],
        "other": ["branch:main"],
    }
    tasks = {
        await shared.task("conflicts", name, priority=3 - number // 2, resources=wanted): name
        for number, (name, wanted) in enumerate(needs.items())
    }
    project = await project_of(shared, next(iter(tasks)))
    claimed = await shared.call("ClaimTask", project_id=project, count=50)
    assert [tasks[each["id"]] for each in claimed["tasks"]] == ["src", "half", "other"]
    by_name = {name: task for task, name in tasks.items()}
    with pytest.raises(RefusedError, match="RESOURCES_HELD") as refused:
        await shared.call("AcquireTask", id=by_name["file"])
    assert refused.value.refusal.metadata["held_by"] == by_name["src"]
    assert refused.value.refusal.metadata["resource"] == "path:src/a.py"
    with pytest.raises(RefusedError, match="stay as they are while the task is leased"):
        await shared.call("UpdateTask", id=by_name["src"], resources=["port:1"], fencing_token=1)
    for wrong in ("port:0", "port:9-8", "quota:gpu=5/4", "port:x", "quota:gpu"):
        with pytest.raises(RefusedError, match="INVALID_REQUEST: resources"):
            await shared.call("UpdateTask", id=by_name["file"], resources=[wrong])
    await shared.transition(by_name["src"], "review")
    claimed = await shared.call("ClaimTask", project_id=project, count=50)
    assert [tasks[each["id"]] for each in claimed["tasks"]] == ["file", "port"]
    # Whoever races for what overlaps: one of them.
    pair = [await shared.task("conflicts", f"pair {side}", resources=["path:x/**"]) for side in "ab"]
    raced = await asyncio.gather(*(shared.call("AcquireTask", id=each) for each in pair), return_exceptions=True)
    assert sorted(isinstance(each, RefusedError) for each in raced) == [False, True]


@pytest.mark.promise("P06", "P11", "P16")
@in_one_loop
async def test_leases_that_expired_are_swept_and_whoever_waits_hears_of_it(
    shared: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCK_CLEANUP_INTERVAL", "300")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "7")
    original = Settings(database_url="x")
    assert (original.tasks_sweep_seconds, original.log_level, original.database_pool_size) == (300, "WARNING", 7)
    monkeypatch.delenv("DATABASE_POOL_SIZE")
    task = await shared.task("swept", "one")
    project = await project_of(shared, task)
    await shared.call("AcquireTask", id=task)
    async with replica(shared.settings.database_url, tasks_sweep_seconds=0.05):
        waiting = asyncio.create_task(shared.call("ClaimTask", project_id=project, wait_seconds=60, agent_id="next"))
        await let_expire(shared, task)
        [claimed] = (await waiting)["tasks"]
    assert (claimed["id"], claimed["lease"]["agent_id"], claimed["failed_attempts"]) == (task, "next", 1)
    kinds = [each["kind"] for each in (await shared.call("ListTaskLogEntries", task_id=task))["entries"]]
    assert kinds == ["leased", "lease_expired", "leased", "created"]


@in_one_loop
async def test_those_that_take_over_what_expired_do_not_wait_in_a_circle(shared: Replica) -> None:
    tasks = [await shared.task("circle", f"{number}", resources=[f"word:{number}"]) for number in range(8)]
    for _ in range(3):
        await asyncio.gather(*(shared.call("AcquireTask", id=each) for each in tasks))
        async with owner_of(shared) as connection:
            await connection.execute(
                "UPDATE tasks SET lease_expires_at = clock_timestamp() WHERE id = ANY($1::uuid[])", tasks
            )
    over = await asyncio.gather(*(shared.call("AcquireTask", id=each) for each in tasks))
    assert {each["lease"]["fencing_token"] for each in over} == {4}


@in_one_loop
async def test_what_stands_behind_hundreds_that_cannot_be_had_is_claimed(shared: Replica) -> None:
    first = await shared.task("behind", "first", resources=["path:src/**"], priority=3)
    project = await project_of(shared, first)
    async with owner_of(shared) as connection:
        await connection.execute(
            """
            INSERT INTO tasks (project_id, epic_id, name, created_by, priority, resources)
            SELECT project_id, epic_id, 'blocked ' || number, 'local', 2 + number % 2, ARRAY['path:src/' || number]
            FROM tasks, generate_series(1, 450) AS number
            WHERE id = $1
            """,
            first,
        )
    behind = [await shared.task("behind", f"{number}", priority=1, resources=[f"word:{number}"]) for number in "ab"]
    answer = await shared.call("ClaimTask", project_id=project, count=3)
    assert [each["id"] for each in answer["tasks"]] == [first, *behind]


@in_one_loop
async def test_of_many_that_wait_as_many_look_as_there_is_something_for(shared: Replica) -> None:
    task = await shared.task("wakes", "first", status="backlog")
    project = await project_of(shared, task)
    async with replica(shared.settings.database_url, tasks_sweep_seconds=300) as here:

        async def looked() -> float:
            return (await here.metrics())['qmcp_commit_batch_size_sum{name="batches"}']

        waiting = [
            asyncio.create_task(
                here.call("ClaimTask", project_id=project, wait_seconds=60, tag=tag, idempotency_key=f"{tag}{number}")
            )
            for tag in ("", "x")
            for number in range(20)
        ]
        async with asyncio.timeout(60):
            while await looked() < len(waiting):
                await asyncio.sleep(0.01)
        # One who goes away when it was woken hands that on.
        waiting.pop(0).cancel()
        before = await looked()
        made = [await shared.task("wakes", f"{number}", tags=["x"] if number % 2 else []) for number in range(6)]
        got: list[str] = []
        async with asyncio.timeout(60):
            while len(got) < len(made):
                await asyncio.sleep(0.01)
                got = [task["id"] for each in waiting if each.done() for task in each.result()["tasks"]]
        assert sorted(got) == sorted(made)
        # Each notification wakes one of each wish, and each that was served one more.
        assert await looked() - before <= len(made) * 3
        for each in waiting:
            each.cancel()


@in_one_loop
async def test_many_that_complete_at_once_complete_each_task_once_and_the_others_hear_why_not(shared: Replica) -> None:
    names = [await shared.task("together", f"{number}") for number in range(6)]
    demanding = await shared.task("together", "demands", required_evidence=["url"])
    project = await project_of(shared, demanding)
    claimed = (await shared.call("ClaimTask", project_id=project, count=50))["tasks"]
    tokens = {each["id"]: each["lease"]["fencing_token"] for each in claimed}
    assert tokens.keys() == {*names, demanding}
    lost = names[5]
    await let_expire(shared, lost)
    raced = await asyncio.gather(
        *(
            shared.call("TransitionTask", id=each, status="DONE", fencing_token=tokens[each])
            for each in [*names[:5], *names[:5], lost, demanding]
        ),
        return_exceptions=True,
    )
    done = [each["id"] for each in raced if isinstance(each, dict)]
    assert sorted(done) == sorted(names[:5])
    reasons = [each.refusal.reason for each in raced if isinstance(each, RefusedError)]
    assert sorted(reasons) == ["EVIDENCE_MISSING", *["LEASE_LOST"] * 6]
    for each in names[:5]:
        shown = await shared.call("GetTask", id=each)
        assert (shown["status"], shown["failed_attempts"], "lease" in shown) == ("completed", 0, False)
        [attempt] = (await shared.call("ListAttempts", task_id=each))["attempts"]
        assert (attempt["outcome"], "ended_at" in attempt) == ("completed", True)
        entries = (await shared.call("ListTaskLogEntries", task_id=each))["entries"]
        assert [entry["kind"] for entry in entries] == ["transitioned", "leased", "created"]
        assert entries[0]["payload"] == {"from": "in_progress", "to": "completed", "fencing_token": "1"}


@in_one_loop
async def test_what_was_claimed_for_whoever_went_away_is_ready_for_the_next(shared: Replica) -> None:
    task = await shared.task("gone", "one")
    project = await project_of(shared, task)
    # It waits for the lock of the project in the midst of its claim, and leaves.
    async with owner_of(shared) as connection:
        async with connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('project ' || $1::text, 0))", project
            )
            gone = asyncio.create_task(shared.call("ClaimTask", project_id=project, agent_id="gone"))
            async with asyncio.timeout(60):
                while not await connection.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
                ):
                    await asyncio.sleep(0.01)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        found: list[tuple[str, str]] = []
        async with asyncio.timeout(60):
            while found != [("gone", "released")]:
                await asyncio.sleep(0.01)
                rows = await connection.fetch("SELECT agent_id, outcome FROM task_attempts WHERE task_id = $1", task)
                found = [(row["agent_id"], row["outcome"]) for row in rows]
    assert (await shared.call("ClaimTask", project_id=project))["tasks"][0]["id"] == task
