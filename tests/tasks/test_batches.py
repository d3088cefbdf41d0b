"""Calls that share a transaction: each key has one effect, nobody waits in a circle, and the order is that of the log."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.tasks.service import RefusedError, Replica, replica
from tests.tasks.test_leases import owner_of, project_of

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@in_one_loop
async def test_a_key_has_one_effect_however_often_it_is_sent_at_once_and_is_free_where_there_was_none(
    shared: Replica,
) -> None:
    for number in range(12):
        await shared.task("keys", f"{number}")
    project = await project_of(shared, await shared.task("keys", "0"))
    async with replica(shared.settings.database_url) as other:

        async def claim(key: str, replica: Replica = shared, **more: Any) -> dict[str, Any]:
            return await replica.call("ClaimTask", project_id=project, idempotency_key=key, **more)

        # Each key three times at once, here and on another replica, and among them those without.
        calls = [claim(f"k{key}", here) for key in range(10) for here in (shared, other, shared)]
        plain = [shared.call("ClaimTask", project_id=project) for _ in range(2)]
        answers = await asyncio.gather(*calls, *plain)
        by_key = [answers[3 * key : 3 * key + 3] for key in range(10)]
        assert all(one == another for one, *others in by_key for another in others)
        given = [task for one in [*(answers[0] for answers in by_key), *answers[30:]] for task in one["tasks"]]
        assert Counter(task["name"] for task in given) == Counter(f"{number}" for number in range(12))
        with pytest.raises(RefusedError, match="IDEMPOTENCY_KEY_REUSED"):
            await claim("k0", tag="another")
        # Nothing is ready: that is no answer to be kept.
        assert (await claim("later"))["tasks"] == []
        made = await shared.task("keys", "made")
        assert [each["id"] for each in (await claim("later"))["tasks"]] == [made]

        async def complete(task: dict[str, Any], here: Replica, token: int) -> dict[str, Any]:
            key = f"done {task['name']}"
            return await here.call(
                "TransitionTask", id=task["id"], status="completed", fencing_token=token, idempotency_key=key
            )

        calls = [
            complete(task, here, task["lease"]["fencing_token"])
            for task in given[:6]
            for here in (shared, other, shared)
        ]
        done = await asyncio.gather(*calls)
        assert [each["name"] for each in done] == [task["name"] for task in given[:6] for _ in range(3)]
        assert all(done[3 * at] == done[3 * at + 1] == done[3 * at + 2] for at in range(6))
        with pytest.raises(RefusedError, match="IDEMPOTENCY_KEY_REUSED"):
            await complete(given[0], shared, 77)
        # What was refused is no answer to be kept, either.
        for _ in range(2):
            with pytest.raises(RefusedError, match="LEASE_LOST"):
                await complete(given[6], shared, 77)
        late = await complete(given[7], shared, given[7]["lease"]["fencing_token"])
    assert late["status"] == "completed"
    attempts = (await shared.call("ListAttempts", task_id=given[0]["id"]))["attempts"]
    assert [each["outcome"] for each in attempts] == ["completed"]
    [*rows] = [each["tasks"] for each in await asyncio.gather(*(claim(f"k{key}") for key in range(10)))]
    assert [each[0]["id"] for each in rows] == [task["id"] for task in given[:10]], "the first answers stay"


@in_one_loop
async def test_claims_and_completions_wait_in_no_circle_with_those_who_change_the_same_tasks(shared: Replica) -> None:
    number = 8
    tasks = [
        await shared.task("circles", f"{each}", max_attempts=100, resources=[f"port:{each + 1}"] if each % 2 else [])
        for each in range(number)
    ]
    project = await project_of(shared, tasks[0])
    over = asyncio.Event()
    completed = Counter[str]()

    async def change(here: Replica, at: int) -> None:
        """Holds rows of tasks and waits for the board at each commit."""
        while not over.is_set():
            try:
                await here.call("UpdateTask", id=tasks[at % number], description=f"{at}")
            except RefusedError as refused:
                # Somebody is at it.
                if refused.refusal.reason != "TASK_LEASED":
                    raise
                await here.call("CreateTaskLogEntry", task_id=tasks[at % number], kind="seen")
            at += 3

    async def work(here: Replica) -> None:
        while completed.total() < 80:
            for task in (await here.call("ClaimTask", project_id=project, count=2))["tasks"]:
                token = task["lease"]["fencing_token"]
                await here.call("TransitionTask", id=task["id"], status="completed", fencing_token=token)
                completed[task["id"]] += 1
                await here.call("TransitionTask", id=task["id"], status="pending")

    async with replica(shared.settings.database_url) as other:
        changing = [asyncio.create_task(change(here, at)) for at in range(3) for here in (shared, other)]
        async with asyncio.timeout(120):
            await asyncio.gather(*(work(here) for _ in range(4) for here in (shared, other)))
        over.set()
        await asyncio.gather(*changing)
    async with owner_of(shared) as connection:
        rows = await connection.fetch(
            "SELECT sequence, task_id, log_sequence FROM board_events WHERE project_id = $1 ORDER BY sequence", project
        )
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    entries: dict[object, int] = {}
    for row in rows:
        if row["task_id"]:
            assert row["log_sequence"] == entries.get(row["task_id"], 0) + 1
            entries[row["task_id"]] = row["log_sequence"]
