"""What the contract is tried on: projects, tasks and what is about them, made over the wire."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID

import asyncpg
from google.protobuf.json_format import ParseDict
from qmcp.tasks.v1 import assumption_pb2, epic_pb2, knowledge_pb2, project_pb2
from qmcp.tasks.v1 import tasks_service_pb2 as pb

from tests.contract.running import Running
from tests.contract.subject import Slow, held_up

KNOWN = UUID(int=5)
MANY: dict[str, list[str]] = {}
STANDING: dict[str, str] = {}
# No two of what is made here have one name, or they would be one.
numbers = count()


async def make_project(running: Running) -> str:
    made = await running.must("CreateProject", project_pb2.CreateProjectRequest(name=f"project {next(numbers)}"))
    return str(made.id)


async def make_epic(running: Running, project: str = "") -> str:
    request = epic_pb2.CreateEpicRequest(
        project_id=project or await make_project(running), name=f"epic {next(numbers)}"
    )
    return str((await running.must("CreateEpic", request)).id)


async def make_task(running: Running, epic: str = "") -> str:
    request = pb.CreateTaskRequest(epic_id=epic or await make_epic(running), name=f"task {next(numbers)}")
    return str((await running.must("CreateTask", request)).id)


async def make_projects(running: Running, number: int) -> list[str]:
    return [await make_project(running) for _ in range(number)]


async def make_epics(running: Running, number: int) -> list[str]:
    project = await make_project(running)
    return [await make_epic(running, project) for _ in range(number)]


async def make_tasks(running: Running, number: int) -> list[str]:
    epic = await make_epic(running)
    return [await make_task(running, epic) for _ in range(number)]


@asynccontextmanager
async def as_owner(running: Running) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(running.database)
    try:
        yield connection
    finally:
        await connection.close()


async def make_known(running: Running) -> None:
    """A task of which the filters of lists can know beforehand."""
    async with as_owner(running) as connection:
        for made in (
            "INSERT INTO projects (id, owner, name) VALUES ($1, 'local', 'known')",
            "INSERT INTO epics (id, project_id, name, created_by) VALUES ($1, $1, 'known', 'local')",
            "INSERT INTO tasks (id, project_id, epic_id, name, created_by) VALUES ($1, $1, $1, 'known', 'local')",
        ):
            await connection.execute(f"{made} ON CONFLICT DO NOTHING", KNOWN)


async def make_entries(running: Running, number: int) -> list[int]:
    """What is said of that task."""
    await make_known(running)
    request = pb.CreateTaskLogEntryRequest(task_id=str(KNOWN), kind="said")
    return [(await running.must("CreateTaskLogEntry", request)).sequence for _ in range(number)]


def entry(kind: str, number: int) -> pb.CreateTaskLogEntryRequest:
    fields = {"task_id": STANDING["task"], "kind": kind, "payload": {"n": number}}
    return ParseDict(fields, pb.CreateTaskLogEntryRequest())


async def standing(running: Running) -> None:
    """What effects are had on."""
    STANDING["project"] = await make_project(running)
    STANDING["epic"] = await make_epic(running, STANDING["project"])
    STANDING["task"] = await make_task(running, STANDING["epic"])


async def many(running: Running, kind: str = "free") -> None:
    """As many tasks as there are numbers at a time, each for one effect of a kind."""
    project = await make_project(running)
    epic = await make_epic(running, project)
    async with as_owner(running) as connection:
        rows = await connection.fetch(
            """
            INSERT INTO tasks (project_id, epic_id, name, created_by)
            SELECT $1, $2, 'of many ' || number, 'local'
            FROM generate_series(1, 64) AS number
            RETURNING id
            """,
            project,
            epic,
        )
    MANY[kind] = [str(row["id"]) for row in rows]


def of_many(number: int, kind: str = "free") -> str:
    return MANY[kind][number % len(MANY[kind])]


async def many_leased(running: Running) -> None:
    await many(running, "leased")
    async with as_owner(running) as connection:
        await connection.execute(
            """
            UPDATE tasks
            SET status = 'in_progress', fencing_token = 1, lease_holder = 'local', lease_agent = 'a', lease_seconds = 300,
                lease_acquired_at = clock_timestamp(), lease_expires_at = clock_timestamp() + interval '300 s'
            WHERE id = ANY($1)
            """,
            MANY["leased"],
        )


async def many_ready(running: Running) -> None:
    await many(running, "ready")
    STANDING["claimed"] = (await running.must("GetTask", pb.GetTaskRequest(id=of_many(0, "ready")))).project_id


async def make_attempts(running: Running, number: int) -> list[int]:
    """At the task that is known beforehand."""
    await make_known(running)
    async with as_owner(running) as connection:
        rows = await connection.fetch(
            """
            INSERT INTO task_attempts (task_id, number, holder, agent_id, fencing_token)
            SELECT $1, last + step, 'local', '', last + step
            FROM generate_series(1, $2) AS step, (
                SELECT coalesce(max(number), 0) AS last FROM task_attempts WHERE task_id = $1
            ) AS before
            RETURNING number
            """,
            KNOWN,
            number,
        )
    return [row["number"] for row in rows]


async def leased_of(owner: Running, _admin: Running) -> str:
    made = await make_task(owner)
    await owner.must("AcquireTask", pb.AcquireTaskRequest(id=made, agent_id="a"))
    return made


async def make_item(running: Running, project: str = "") -> str:
    request = knowledge_pb2.UpsertKnowledgeRequest(
        title="known", content="x", project_id=project or await make_project(running)
    )
    return str((await running.must("UpsertKnowledge", request)).id)


async def make_knowledge(running: Running, number: int) -> list[str]:
    project = await make_project(running)
    return [await make_item(running, project) for _ in range(number)]


async def make_known_knowledge(running: Running, number: int) -> list[str]:
    """About the project that is known beforehand."""
    await make_known(running)
    return [await make_item(running, str(KNOWN)) for _ in range(number)]


async def make_remarks(running: Running, number: int) -> list[int]:
    """Of an item that is known beforehand."""
    async with as_owner(running) as connection:
        made = "INSERT INTO knowledge_items (id, owner, title) VALUES ($1, 'local', 'known') ON CONFLICT DO NOTHING"
        await connection.execute(made, KNOWN)
    request = knowledge_pb2.AppendKnowledgeLogRequest(knowledge_id=str(KNOWN), action_type="said")
    return [(await running.must("AppendKnowledgeLog", request)).sequence for _ in range(number)]


async def knowledge_of(owner: Running, _admin: Running) -> str:
    return await make_item(owner)


async def standing_knowledge(running: Running) -> None:
    STANDING["knowledge"] = await make_item(running)


TAG = "#COMPLETION_DRIVE_IMPL: known"


async def make_tagged(running: Running, task: str = "") -> str:
    made = task or await make_task(running)
    await running.must("AddRaTag", assumption_pb2.AddRaTagRequest(task_id=made, ra_tag_text=TAG))
    return made


def finding(
    task: str, agent: str = "", outcome: str = "validated"
) -> assumption_pb2.CaptureAssumptionValidationRequest:
    return assumption_pb2.CaptureAssumptionValidationRequest(
        task_id=task, ra_tag_id=TAG, outcome=outcome, reviewer_agent_id=agent
    )


async def make_findings(running: Running, number: int) -> list[str]:
    """Of the task that is known beforehand, each by another agent."""
    await make_known(running)
    await make_tagged(running, str(KNOWN))
    found = [finding(str(KNOWN), f"{next(numbers)}") for _ in range(number)]
    return [(await running.must("CaptureAssumptionValidation", each)).id for each in found]


async def standing_tagged(running: Running) -> None:
    STANDING["tagged"] = await make_tagged(running)


async def tagged_of(owner: Running, _admin: Running) -> str:
    return await make_tagged(owner)


async def finding_of(owner: Running, _admin: Running) -> str:
    return str((await owner.must("CaptureAssumptionValidation", finding(await make_tagged(owner)))).id)


async def project_of(owner: Running, _admin: Running) -> str:
    return await make_project(owner)


async def epic_of(owner: Running, _admin: Running) -> str:
    return await make_epic(owner)


async def task_of(owner: Running, _admin: Running) -> str:
    return await make_task(owner)


@asynccontextmanager
async def slow_list(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "ListProjects", project_pb2.ListProjectsRequest(), "projects") as slow:
        yield slow
