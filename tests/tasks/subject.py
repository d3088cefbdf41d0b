"""The tasks service under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID

import asyncpg
from google.protobuf.json_format import ParseDict
from qmcp.tasks.v1 import epic_pb2, project_pb2
from qmcp.tasks.v1 import tasks_service_pb2 as pb

from services.tasks import server as tasks_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Listing, Sight, Slow, Subject, held_up

KNOWN = UUID(int=5)
STANDING: dict[str, str] = {}
# No two of what is made here have one name, or they would be one.
_numbers = count()


async def _project(running: Running) -> str:
    made = await running.must("CreateProject", project_pb2.CreateProjectRequest(name=f"project {next(_numbers)}"))
    return str(made.id)


async def _epic(running: Running, project: str = "") -> str:
    request = epic_pb2.CreateEpicRequest(project_id=project or await _project(running), name=f"epic {next(_numbers)}")
    return str((await running.must("CreateEpic", request)).id)


async def _task(running: Running, epic: str = "") -> str:
    request = pb.CreateTaskRequest(epic_id=epic or await _epic(running), name=f"task {next(_numbers)}")
    return str((await running.must("CreateTask", request)).id)


async def _make_projects(running: Running, number: int) -> list[str]:
    return [await _project(running) for _ in range(number)]


async def _make_epics(running: Running, number: int) -> list[str]:
    project = await _project(running)
    return [await _epic(running, project) for _ in range(number)]


async def _make_tasks(running: Running, number: int) -> list[str]:
    epic = await _epic(running)
    return [await _task(running, epic) for _ in range(number)]


async def _make_entries(running: Running, number: int) -> list[int]:
    """What is said of one task that is known beforehand."""
    connection = await asyncpg.connect(running.database)
    try:
        for made in (
            "INSERT INTO projects (id, owner, name) VALUES ($1, 'local', 'known')",
            "INSERT INTO epics (id, project_id, name, created_by) VALUES ($1, $1, 'known', 'local')",
            "INSERT INTO tasks (id, project_id, epic_id, name, created_by) VALUES ($1, $1, $1, 'known', 'local')",
        ):
            await connection.execute(f"{made} ON CONFLICT DO NOTHING", KNOWN)
    finally:
        await connection.close()
    request = pb.CreateTaskLogEntryRequest(task_id=str(KNOWN), kind="said")
    return [(await running.must("CreateTaskLogEntry", request)).sequence for _ in range(number)]


def _entry(kind: str, number: int) -> pb.CreateTaskLogEntryRequest:
    fields = {"task_id": STANDING["task"], "kind": kind, "payload": {"n": number}}
    return ParseDict(fields, pb.CreateTaskLogEntryRequest())


async def _standing(running: Running) -> None:
    """What effects are had on."""
    STANDING["project"] = await _project(running)
    STANDING["epic"] = await _epic(running, STANDING["project"])
    STANDING["task"] = await _task(running, STANDING["epic"])


async def _project_of(owner: Running, _admin: Running) -> str:
    return await _project(owner)


async def _epic_of(owner: Running, _admin: Running) -> str:
    return await _epic(owner)


async def _task_of(owner: Running, _admin: Running) -> str:
    return await _task(owner)


@asynccontextmanager
async def _slow_list(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "ListProjects", project_pb2.ListProjectsRequest(), "projects") as slow:
        yield slow


SUBJECT = Subject(
    name="tasks",
    service=pb.DESCRIPTOR.services_by_name["TasksService"],
    settings=tasks_server.Settings,
    compose=tasks_server.compose,
    variables=lambda _: {},
    listings={
        "ListProjects": Listing(_make_projects, "id", {"status": "active"}, {"status": "archived"}),
        "ListEpics": Listing(_make_epics, "id", {"status": "pending"}, {"status": "review"}),
        "ListTasks": Listing(_make_tasks, "id", {"status": "TODO"}, {"status": "REVIEW"}),
        "ListTaskLogEntries": Listing(
            _make_entries, "sequence", {"task_id": str(KNOWN)}, {"task_id": str(UUID(int=6))}
        ),
    },
    effects={
        "CreateProject": Effect(
            lambda number: project_pb2.CreateProjectRequest(name=f"effect {number}"),
            lambda each: each.id,
            repeats=False,
        ),
        "UpdateProject": Effect(
            lambda number: project_pb2.UpdateProjectRequest(id=STANDING["project"], description=f"{number}"),
            lambda each: each.etag,
            prepare=_standing,
            repeats=False,
        ),
        "CreateEpic": Effect(
            lambda number: epic_pb2.CreateEpicRequest(project_id=STANDING["project"], name=f"effect {number}"),
            lambda each: each.id,
            prepare=_standing,
            repeats=False,
        ),
        "UpdateEpic": Effect(
            lambda number: epic_pb2.UpdateEpicRequest(id=STANDING["epic"], description=f"{number}"),
            lambda each: each.etag,
            prepare=_standing,
            repeats=False,
        ),
        "CreateTask": Effect(
            lambda number: pb.CreateTaskRequest(epic_id=STANDING["epic"], name=f"effect {number}"),
            lambda each: each.id,
            prepare=_standing,
            repeats=False,
        ),
        "UpdateTask": Effect(
            lambda number: pb.UpdateTaskRequest(id=STANDING["task"], description=f"{number}"),
            lambda each: each.etag,
            prepare=_standing,
            repeats=False,
        ),
        "TransitionTask": Effect(
            lambda number: pb.TransitionTaskRequest(
                id=STANDING["task"], status="blocked" if number % 2 else "backlog", note=f"{number}"
            ),
            lambda each: each.etag,
            prepare=_standing,
            repeats=False,
        ),
        "CreateTaskLogEntry": Effect(
            lambda number: _entry("effect", number), lambda each: each.sequence, prepare=_standing
        ),
    },
    sights={
        "GetProject": Sight(_project_of, lambda made: project_pb2.GetProjectRequest(id=made)),
        "ListProjects": Sight(_project_of, lambda _: project_pb2.ListProjectsRequest()),
        "UpdateProject": Sight(_project_of, lambda made: project_pb2.UpdateProjectRequest(id=made, description="x")),
        "DeleteProject": Sight(_project_of, lambda made: project_pb2.DeleteProjectRequest(id=made)),
        "CreateEpic": Sight(_project_of, lambda made: epic_pb2.CreateEpicRequest(project_id=made, name="seen")),
        "GetEpic": Sight(_epic_of, lambda made: epic_pb2.GetEpicRequest(id=made)),
        "ListEpics": Sight(_epic_of, lambda _: epic_pb2.ListEpicsRequest()),
        "UpdateEpic": Sight(_epic_of, lambda made: epic_pb2.UpdateEpicRequest(id=made, description="x")),
        "DeleteEpic": Sight(_epic_of, lambda made: epic_pb2.DeleteEpicRequest(id=made)),
        "CreateTask": Sight(_epic_of, lambda made: pb.CreateTaskRequest(epic_id=made, name="seen")),
        "GetTask": Sight(_task_of, lambda made: pb.GetTaskRequest(id=made)),
        "ListTasks": Sight(_task_of, lambda _: pb.ListTasksRequest()),
        "UpdateTask": Sight(_task_of, lambda made: pb.UpdateTaskRequest(id=made, description="x")),
        "TransitionTask": Sight(_task_of, lambda made: pb.TransitionTaskRequest(id=made, status="blocked")),
        "DeleteTask": Sight(_task_of, lambda made: pb.DeleteTaskRequest(id=made)),
        "CreateTaskLogEntry": Sight(_task_of, lambda made: pb.CreateTaskLogEntryRequest(task_id=made, kind="x")),
        "ListTaskLogEntries": Sight(_task_of, lambda made: pb.ListTaskLogEntriesRequest(task_id=made)),
    },
    shared={"CreateProject": "a name is its owner's: what it makes or finds is the caller's own"},
    slow=_slow_list,
    lasting={},
    words=("pending", "DONE", "merge", "active", "said"),
)
