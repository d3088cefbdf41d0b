"""Boards over the wire: upserts by name, what a change leaves, dependencies without circles, the log without gaps."""

import asyncio
import re
from typing import Any

import pytest

from services.tasks.board.transitions import BOARD_WORDS, TRANSITIONS
from tests.architecture import tree
from tests.tasks.service import RefusedError, Replica
from tests.wire import query

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@in_one_loop
async def test_what_has_a_name_is_made_once_and_then_changed_whoever_races(shared: Replica) -> None:
    raced = await asyncio.gather(*(shared.task("races", "one", description="x") for _ in range(8)))
    assert len(set(raced)) == 1
    [project] = (await shared.call("ListProjects", name="races"))["projects"]
    assert (project["epic_count"], project["task_count"], project["owner"]) == (1, 1, "local")
    # What it is at, and its log, stay; what is not named stays too.
    moved = await shared.call("TransitionTask", id=raced[0], status="IN_PROGRESS")
    token = moved["lease"]["fencing_token"]
    await shared.task("races", "one", priority=3, tags=["a"], fencing_token=token)
    again = await shared.call("GetTask", id=raced[0])
    assert (again["status"], again["board_status"], again["description"]) == ("in_progress", "IN_PROGRESS", "x")
    assert (again["priority"], again["tags"], again["log_sequence"]) == (3, ["a"], 3)
    epic = await shared.call("CreateEpic", project_id=project["id"], name="e", priority=2, status="REVIEW")
    assert (epic["id"], epic["status"], epic["task_count"]) == (again["epic_id"], "review", 1)
    made = await shared.call("CreateProject", name="races", description="now", members=["ada"])
    assert (made["id"], made["description"], made["members"]) == (project["id"], "now", ["ada"])
    with pytest.raises(RefusedError, match="NAME_TAKEN"):
        await shared.call("UpdateTask", id=await shared.task("races", "two"), name="one")


@in_one_loop
async def test_a_change_merges_or_replaces_and_is_refused_where_somebody_was_before(shared: Replica) -> None:
    task = await shared.call(
        "CreateTask",
        name="t",
        project_name="changes",
        epic_name="e",
        status="BACKLOG",
        ra_mode="ra-full",
        ra_tags=["#A: x"],
        metadata={"a": 1, "b": {"c": [None]}},
        ra_score=7,
        parallel_eligible=False,
    )
    assert (task["status"], task["parallel_eligible"], task["priority"]) == ("backlog", False, 1)
    changed = await shared.call(
        "UpdateTask", id=task["id"], ra_tags=["#B: y", "#A: x"], metadata={"a": 2}, etag=task["etag"]
    )
    assert changed["ra_tags"] == ["#A: x", "#B: y"]
    assert changed["metadata"] == {"a": 2, "b": {"c": [None]}}
    assert (changed["ra_mode"], changed["ra_score"]) == ("ra-full", 7)
    with pytest.raises(RefusedError, match="ETAG_MISMATCH"):
        await shared.call("UpdateTask", id=task["id"], description="late", etag=task["etag"])
    # What changes nothing is no change.
    same = await shared.call("UpdateTask", id=task["id"], metadata={"a": 2}, etag=changed["etag"])
    assert same["etag"] == changed["etag"]
    cleared = await shared.call(
        "UpdateTask", id=task["id"], ra_tags_mode="replace", metadata_mode="replace", description=""
    )
    assert (cleared["ra_tags"], cleared["metadata"]) == ([], {})
    with pytest.raises(RefusedError, match="metadata must be at most 65536 bytes"):
        await shared.call("UpdateTask", id=task["id"], metadata={"long": "x" * 65_536})


@pytest.mark.promise("P15")
@in_one_loop
async def test_a_task_goes_the_ways_of_the_table_and_no_others(shared: Replica) -> None:
    ways = {
        "pending": [],
        "backlog": ["backlog"],
        "blocked": ["blocked"],
        "in_progress": ["in_progress"],
        "review": ["in_progress", "review"],
        "completed": ["in_progress", "completed"],
    }
    for start, steps in ways.items():
        for end in TRANSITIONS:
            task = await shared.task("ways", f"{start} {end}")
            for step in steps:
                await shared.transition(task, step)
            if end in TRANSITIONS[start] or end == start:
                come = await shared.transition(task, BOARD_WORDS[end])
                assert (come["status"], "completed_at" in come) == (end, end == "completed")
            else:
                with pytest.raises(RefusedError, match="TRANSITION_NOT_ALLOWED") as refused:
                    await shared.transition(task, end)
                assert refused.value.refusal.metadata["allowed"] == ",".join(TRANSITIONS[start])
    counted = await shared.metrics()
    assert counted['qmcp_tasks_transitions_total{status="completed"}'] >= 1


def test_the_page_shows_the_table_of_transitions() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+) \|$", tree.text("docs/tasks.md"), re.MULTILINE)
    shown = {
        status: (word, tuple(re.findall(r"`(\w+)`", ways))) for status, word, ways in rows if status in TRANSITIONS
    }
    assert shown == {status: (BOARD_WORDS[status], ways) for status, ways in TRANSITIONS.items()}


@in_one_loop
async def test_what_depends_waits_and_nothing_waits_for_itself_whoever_races(shared: Replica) -> None:
    first = await shared.task("waits", "first")
    second = await shared.task("waits", "second", dependencies=[first])
    third = await shared.task("waits", "third", dependencies=[second.upper(), first])
    shown = await shared.call("GetTask", id=third)
    assert shown["dependencies"] == shown["open_dependencies"] == sorted([first, second])
    ready = await shared.call("ListTasks", project_id=shown["project_id"], ready=True)
    assert [each["id"] for each in ready["tasks"]] == [first]
    with pytest.raises(RefusedError, match=f"DEPENDENCIES_OPEN.*{first}"):
        await shared.transition(second, "in_progress")
    for circle in ([third], [first]):
        with pytest.raises(RefusedError, match="DEPENDENCY_CYCLE"):
            await shared.call("UpdateTask", id=first, dependencies=circle)
    for stranger in (await shared.task("elsewhere", "other"), "nonsense"):
        with pytest.raises(RefusedError, match="DEPENDENCY_NOT_FOUND"):
            await shared.call("UpdateTask", id=first, dependencies=[stranger])
    # Two that would close a circle together: one of them comes too late.
    for number in range(10):
        ends = [await shared.task("waits", f"{number} {side}") for side in ("left", "right")]
        raced = await asyncio.gather(
            *(shared.call("UpdateTask", id=one, dependencies=[other]) for one, other in (ends, reversed(ends))),
            return_exceptions=True,
        )
        assert sorted(isinstance(each, RefusedError) for each in raced) == [False, True], raced
    # What was deleted holds nobody up, and closes no circle.
    for status in ("in_progress", "completed"):
        await shared.transition(first, status)
    assert (await shared.call("GetTask", id=third))["open_dependencies"] == [second]
    assert (await shared.call("DeleteTask", id=second))["tasks"] == 1
    assert (await shared.transition(third, "in_progress"))["dependencies"] == [first]
    fourth = await shared.task("waits", "fourth", dependencies=[third])
    await shared.call("UpdateTask", id=third, dependencies_mode="replace", fencing_token=1)
    assert (await shared.call("UpdateTask", id=first, dependencies=[fourth]))["dependencies"] == [fourth]


@in_one_loop
async def test_a_log_has_no_gap_whoever_writes(shared: Replica) -> None:
    task = await shared.task("logs", "t")
    said: list[dict[str, Any]] = [{"n": number} for number in range(20)]
    await asyncio.gather(
        *(shared.call("CreateTaskLogEntry", task_id=task, kind="progress", payload=each) for each in said),
        *(shared.call("UpdateTask", id=task, description=f"{number}") for number in range(5)),
    )
    entries = (await shared.call("ListTaskLogEntries", task_id=task))["entries"]
    assert [each["sequence"] for each in entries] == list(range(26, 0, -1))
    assert sorted(each["payload"]["n"] for each in entries if each["kind"] == "progress") == list(range(20))
    assert entries[-1]["kind"] == "created"
    assert {each["kind"] for each in entries} == {"created", "progress", "updated"}


@in_one_loop
async def test_what_is_deleted_is_counted_and_gone_and_its_name_is_free(shared: Replica) -> None:
    tasks = [await shared.task("goes", f"{number}") for number in range(3)]
    shown = await shared.call("GetTask", id=tasks[0])
    other = await shared.call("CreateTask", project_name="goes", epic_name="other", name="t")
    assert await shared.call("DeleteEpic", id=other["epic_id"]) == {
        "projects": 0,
        "epics": 1,
        "tasks": 1,
        "leases": 0,
    }
    # Whoever is at one loses it, and cannot do anything in its name any more.
    for task in tasks[:2]:
        await shared.call("AcquireTask", id=task)
    # Whoever makes a task while its project is deleted has it deleted too, or is told so, or makes a new project.
    raced = await asyncio.gather(
        shared.call("DeleteProject", id=shown["project_id"]),
        *(shared.call("CreateTask", epic_id=shown["epic_id"], name=f"late {number}") for number in range(8)),
        return_exceptions=True,
    )
    late = [each for each in raced[1:] if not isinstance(each, BaseException)]
    refused = [each for each in raced[1:] if isinstance(each, RefusedError)]
    assert {each.refusal.reason for each in refused} <= {"EPIC_NOT_FOUND"}
    assert len(late) + len(refused) == 8
    assert raced[0] == {"projects": 1, "epics": 1, "tasks": 3 + len(late), "leases": 2}
    ended = await query(
        shared.settings.database_url, "SELECT outcome FROM task_attempts WHERE task_id = ANY($1)", tasks
    )
    assert [row["outcome"] for row in ended] == ["deleted"] * 2
    with pytest.raises(RefusedError, match="TASK_NOT_FOUND"):
        await shared.call(
            "BeginWork", task_id=tasks[0], fencing_token=1, holder="local", kind="invocation", work_id="late"
        )
    for task in (*tasks, *(each["id"] for each in late)):
        with pytest.raises(RefusedError, match="TASK_NOT_FOUND"):
            await shared.call("GetTask", id=task)
    assert (await shared.call("ListTasks", project_id=shown["project_id"]))["tasks"] == []
    assert await shared.task("goes", "0") not in tasks
