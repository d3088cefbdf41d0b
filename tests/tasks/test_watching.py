"""Boards as streams: each change once and in order, over reconnects and the end of a replica, to those who may see it."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format
from qmcp.tasks.v1 import board_pb2

from servicekit.errors import ServiceError
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.metrics import new_registry
from servicekit.postgres import database as opened
from services.tasks.messages.board import event_to
from services.tasks.metrics import TasksMetrics
from services.tasks.watching import follower as follower_module
from services.tasks.watching.follower import BoardFollower
from tests.contract.running import refusal as refusal_of
from tests.faults.processes import Replica as Process
from tests.tasks.service import RefusedError, Replica, replica
from tests.tasks.test_leases import let_expire, owner_of, project_of
from tests.tasks.watchers import Stub, Watcher, watch
from tests.wire import query

in_one_loop = pytest.mark.asyncio(loop_scope="module")

GUARD_SECONDS = 60
# As if the time of a lease had gone by.
EXPIRED = "UPDATE tasks SET lease_expires_at = clock_timestamp() WHERE id = $1"


async def told(stream: AsyncIterator[board_pb2.BoardEvent], until: str) -> list[board_pb2.BoardEvent]:
    """What a stream tells, up to the first event of a kind; heartbeats tell nothing."""
    found = []
    async with asyncio.timeout(GUARD_SECONDS):
        async for event in stream:
            if event.kind != "heartbeat":
                found.append(event)
            if event.kind == until:
                return found
    raise AssertionError(f"no {until} in {found}")


@in_one_loop
async def test_what_is_there_comes_first_and_then_each_change_with_what_became_of_it(shared: Replica) -> None:
    first = await shared.task("told", "first", description="x")
    project = await project_of(shared, first)
    await shared.call("CreateProject", name="told", members=["ada"])
    stream = watch(shared.stub, project)
    standing = await told(stream, "snapshot_end")
    assert [event.kind for event in standing[:-1]] == ["snapshot"] * 3
    assert [standing[0].project.name, standing[1].epic.name, standing[2].task.name] == ["told", "e", "first"]
    assert [event.sequence for event in standing[:3]] == [0, 0, 0]
    board = await shared.call("GetBoard", project_id=project)
    assert (board["sequence"], [each["id"] for each in board["tasks"]]) == (standing[-1].sequence, [first])
    claimed = await shared.call("ClaimTask", project_id=project, agent_id="a")
    token = claimed["tasks"][0]["lease"]["fencing_token"]
    await shared.call("RenewTask", id=first, fencing_token=token, lease_seconds=600)
    await shared.call("CreateTaskLogEntry", task_id=first, kind="deleted", payload={"n": 1}, fencing_token=token)
    await shared.call("TransitionTask", id=first, status="review", note="look", fencing_token=token)
    await shared.call("AcquireTask", id=first)
    await let_expire(shared, first)
    await shared.call("ListTasks", project_id=project)
    epic = await shared.call("CreateEpic", project_id=project, name="other", priority=3)
    await shared.call("DeleteEpic", id=epic["id"])
    await shared.call("ClaimTask", project_id=project)
    await shared.call("DeleteTask", id=first, fencing_token=token + 2)
    await shared.call("DeleteProject", id=project)
    events = [event async for event in stream]
    ours = [event for event in events if event.kind != "heartbeat"]
    # The lease that has expired is taken away by a sweep or by the claim, whichever comes first.
    expired = next(event for event in ours if event.kind == "task.lease_expired")
    assert [event.kind for event in ours if event is not expired] == [
        "task.leased",
        "task.renewed",
        "task.logged",
        "task.transitioned",
        "task.leased",
        "epic.created",
        "epic.updated",
        "epic.deleted",
        "task.leased",
        "task.deleted",
        "project.deleted",
    ]
    assert [event.sequence for event in ours] == list(range(board["sequence"] + 1, board["sequence"] + 13))
    logged = next(event for event in ours if event.kind == "task.logged")
    assert (logged.log_kind, json_format.MessageToDict(logged.detail)) == ("deleted", {"n": 1})
    moved = next(event for event in ours if event.kind == "task.transitioned")
    assert dict(moved.detail)["note"] == "look"
    assert (moved.principal, moved.task_id, moved.task.id) == ("local", first, first)
    assert json_format.MessageToDict(ours[-1].detail) == {"epics": 1, "tasks": 0}
    assert (expired.principal, expired.task_id) == ("", first)
    assert (events[-1].last, events[-1].sequence) == (True, ours[-1].sequence)
    with pytest.raises(RefusedError, match="PROJECT_NOT_FOUND"):
        await shared.call("GetBoard", project_id=project)


@in_one_loop
async def test_a_board_is_read_in_pages_and_a_stream_goes_on_from_the_first(shared: Replica) -> None:
    ids = [await shared.task("pages", f"t{number}") for number in range(7)]
    project = await project_of(shared, ids[0])
    await shared.call("CreateEpic", project_id=project, name="second")
    page = first = await shared.call("GetBoard", project_id=project, page_size=3)
    found = [*page["epics"], *page["tasks"]]
    while token := page["next_page_token"]:
        page = await shared.call("GetBoard", project_id=project, page_size=3, page_token=token)
        found += [*page["epics"], *page["tasks"]]
        assert len(page["epics"]) + len(page["tasks"]) <= 3
    assert [each["name"] for each in found] == ["e", "second", *(f"t{number}" for number in range(7))]
    await shared.call("DeleteTask", id=ids[3])
    [gone] = await told(watch(shared.stub, project, first["sequence"]), "task.deleted")
    assert (gone.task_id, gone.HasField("task")) == (ids[3], False)
    for late in (gone.sequence + 1, 4_000_000_000):
        with pytest.raises(grpc.aio.AioRpcError, match="after_sequence") as refused:
            await told(watch(shared.stub, project, late), "")
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(RefusedError, match="PAGE_TOKEN_INVALID"):
        await shared.call("GetBoard", project_id=project, page_token="bm8")


@pytest.mark.promise("P18")
async def test_three_watchers_on_two_replicas_hear_all_that_agents_do_in_order_though_one_is_killed(
    database: str, tmp_path: Path
) -> None:
    doomed = Process(tmp_path, "tasks", database, {"allow_keyless": "true", "database_pool_size": 4})
    await doomed.start()
    upto: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with replica(database) as here, grpc.aio.insecure_channel(doomed.target) as channel:
        there = Stub(channel)
        ids = [await here.task("agents", f"t{number}", max_attempts=100) for number in range(40)]
        for number in range(10):
            await here.call("UpdateTask", id=ids[number + 30], dependencies=[ids[number]], resources=["port:80"])
        project = await project_of(here, ids[0])
        async with owner_of(here) as connection:
            turn, chance = asyncio.Lock(), random.Random(7)

            async def work(agent: str) -> None:
                done = 0
                while claimed := (await here.call("ClaimTask", project_id=project, agent_id=agent, count=2))["tasks"]:
                    for task in claimed:
                        token = task["lease"]["fencing_token"]
                        async with turn:
                            if chance.random() < 0.3:
                                await connection.execute(EXPIRED, task["id"])
                                continue
                        await here.call("TransitionTask", id=task["id"], status="completed", fencing_token=token)
                        done += 1
                assert done

            watchers = [
                Watcher([here.stub], project, 1_000_000),
                Watcher([there, here.stub], project, 1_000_000),
                Watcher([here.stub, there], project, 7),
            ]
            watching = [asyncio.create_task(each.run(upto)) for each in watchers]
            agents = [asyncio.create_task(work(f"agent{number}")) for number in range(4)]
            async with asyncio.timeout(GUARD_SECONDS):
                while len(watchers[1].sequences) < 60:
                    await asyncio.sleep(0.01)
            doomed.kill()
            await asyncio.gather(*agents)
            last = (await here.call("GetBoard", project_id=project))["sequence"] + 1
            upto.set_result(last)
            await here.call("CreateTaskLogEntry", task_id=ids[0], kind="over")
            async with asyncio.timeout(GUARD_SECONDS):
                await asyncio.gather(*watching)
    assert watchers[1].cuts > 1
    assert watchers[2].cuts > 10
    assert [each.sequences for each in watchers] == [list(range(1, last + 1))] * 3
    entries = await query(
        database,
        """
        SELECT task_id::text, sequence, CASE WHEN said THEN 'logged' ELSE kind END AS kind
        FROM task_log
        ORDER BY task_id, sequence
        """,
    )
    of_tasks: defaultdict[str, list[str]] = defaultdict(list)
    for event in watchers[0].events:
        if event.log_sequence:
            of_tasks[event.task_id].append(f"{event.log_sequence} {event.kind}")
    assert of_tasks == {
        task: [f"{row['sequence']} task.{row['kind']}" for row in entries if row["task_id"] == task]
        for task in {row["task_id"] for row in entries}
    }
    [others] = await query(database, "SELECT count(*) FROM project_log")
    assert last == len(entries) + others["count"], "leases were not renewed by themselves here"


async def test_who_never_reads_holds_nobody_up_and_who_is_behind_is_told_all(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "EVENTS_A_READ", 3)
    monkeypatch.setattr("services.tasks.watching.recent.MAX_KEPT", 5)
    async with replica(database) as here:
        task = await here.task("read", "t", description="x" * 30_000)
        project = await project_of(here, task)
        unread = watch(here.stub, project, 0)
        stream = watch(here.stub, project, 0)
        read = asyncio.create_task(told(stream, "task.deleted"))
        for number in range(60):
            await here.call("CreateTaskLogEntry", task_id=task, kind="said", payload={"n": number, "x": "x" * 30_000})
        await here.call("DeleteTask", id=task)
        assert [event.sequence for event in await read] == list(range(1, 65))
        # The other begins to read only now.
        assert [event.sequence for event in await told(unread, "task.deleted")] == list(range(1, 65))


@pytest.mark.promise("P10", "P15", "P17")
async def test_as_many_watch_as_may_and_are_counted(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET_MAX_CONNECTIONS", "2")
    async with replica(database) as here:
        assert here.settings.tasks_max_watchers == 2
        project = await project_of(here, await here.task("full", "t"))
        streams = [watch(here.stub, project) for _ in range(2)]
        for stream in streams:
            await told(stream, "snapshot_end")
        with pytest.raises(grpc.aio.AioRpcError, match="Come back later") as refused:
            await told(watch(here.stub, project), "")
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        counted = await here.metrics()
        assert (counted["qmcp_tasks_watchers{}"], counted["qmcp_tasks_watchers_opened_total{}"]) == (2, 2)
        streams[0].cancel()  # type: ignore[attr-defined]
        async with asyncio.timeout(GUARD_SECONDS):
            while (await here.metrics())["qmcp_tasks_watchers{}"] > 1:
                await asyncio.sleep(0.02)
        await told(watch(here.stub, project), "snapshot_end")


async def test_who_works_on_a_project_no_longer_is_told_no_more_of_it(database: str) -> None:
    async with replica(database) as here, opened(database, 3, "test") as db:
        made = await here.call("CreateProject", name="left", members=["ada", "bob"])
        follower = BoardFollower(db, TasksMetrics(new_registry()), 10, event_to)
        following = asyncio.create_task(follower.follow())
        ada, bob = [
            follower.watch(made["id"], Viewer(Principal(name, frozenset()), "tasks", sees_all=False), None)
            for name in ("ada", "bob")
        ]
        for stream in (ada, bob):
            await told(stream, "snapshot_end")
        await here.call("UpdateProject", id=made["id"], members=["bob"], members_mode="replace")
        await here.call("CreateEpic", project_id=made["id"], name="secret")
        assert [event.kind for event in await told(bob, "epic.created")] == ["project.updated", "epic.created"]
        with pytest.raises(ServiceError, match="There is no project"):
            await told(ada, "")
        following.cancel()


async def test_who_writes_on_several_boards_at_once_waits_for_nobody_in_a_circle(database: str) -> None:
    async with replica(database) as here:
        tasks = [await here.task(name, "t") for name in ("one", "other")]
        wait = "INSERT INTO task_log (task_id, sequence, kind, principal, payload) SELECT $1, 100 + $2, 'x', '', '{}'"

        async def write(number: int) -> None:
            async with owner_of(here) as connection:
                for turn in range(20):
                    async with connection.transaction():
                        for task in tasks if number % 2 else reversed(tasks):
                            await connection.execute(wait, task, number * 20 + turn)

        await asyncio.gather(*(write(number) for number in range(4)))
        for task in tasks:
            board = await here.call("GetBoard", project_id=await project_of(here, task))
            # The project, its epic and its task were made; and what was written.
            assert board["sequence"] == 3 + 80


async def test_what_is_too_old_is_kept_no_longer_and_whoever_goes_on_behind_it_is_told(database: str) -> None:
    async with replica(database) as here:
        tasks = [await here.task(name, "t") for name in ("old", "old too")]
        project = await project_of(here, tasks[0])
        last = (await here.call("GetBoard", project_id=project))["sequence"]
        await query(database, "UPDATE board_events SET at = at - interval '31 days'")
        kept = "SELECT sequence FROM board_events WHERE project_id = $1 ORDER BY sequence"
        # Each replica looks when it begins, and then each hour.
        async with replica(database, tasks_event_days=32) as patient:
            assert [event.sequence for event in await told(watch(patient.stub, project, 0), "task.created")] == [
                1,
                2,
                3,
            ]
        async with replica(database, tasks_event_days=30):
            async with asyncio.timeout(GUARD_SECONDS):
                while [row["sequence"] for row in await query(database, kept, project)] != [last]:
                    await asyncio.sleep(0.01)
        for after in (0, last - 2):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await told(watch(here.stub, project, after), "task.created")
            reason = refusal_of(refused.value)
            assert reason.reason == "EVENTS_FORGOTTEN"
            assert (reason.metadata["after_sequence"], reason.metadata["first_sequence"]) == (f"{after}", f"{last}")
        # Nothing is missing behind the last that was deleted; numbers go on, and what there is comes first as ever.
        assert [event.sequence for event in await told(watch(here.stub, project, last - 1), "task.created")] == [last]
        going_on = watch(here.stub, project, last)
        await here.call("CreateTaskLogEntry", task_id=tasks[0], kind="later")
        assert [event.sequence for event in await told(going_on, "task.logged")] == [last + 1]
        [*pieces, end] = await told(watch(here.stub, project), "snapshot_end")
        assert ([piece.kind for piece in pieces], end.sequence) == (["snapshot"] * 3, last + 1)
