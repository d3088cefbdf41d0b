"""The tasks service under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID

import asyncpg
from google.protobuf.json_format import ParseDict
from qmcp.tasks.v1 import assumption_pb2, board_document_pb2, board_pb2, epic_pb2, knowledge_pb2, project_pb2
from qmcp.tasks.v1 import tasks_service_pb2 as pb

from services.tasks import server as tasks_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject, held_up

KNOWN = UUID(int=5)
MANY: dict[str, list[str]] = {}
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


@asynccontextmanager
async def _owner(running: Running) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(running.database)
    try:
        yield connection
    finally:
        await connection.close()


async def _known(running: Running) -> None:
    """A task of which the filters of lists can know beforehand."""
    async with _owner(running) as connection:
        for made in (
            "INSERT INTO projects (id, owner, name) VALUES ($1, 'local', 'known')",
            "INSERT INTO epics (id, project_id, name, created_by) VALUES ($1, $1, 'known', 'local')",
            "INSERT INTO tasks (id, project_id, epic_id, name, created_by) VALUES ($1, $1, $1, 'known', 'local')",
        ):
            await connection.execute(f"{made} ON CONFLICT DO NOTHING", KNOWN)


async def _make_entries(running: Running, number: int) -> list[int]:
    """What is said of that task."""
    await _known(running)
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


async def _many(running: Running, kind: str = "free") -> None:
    """As many tasks as there are numbers at a time, each for one effect of a kind."""
    project = await _project(running)
    epic = await _epic(running, project)
    async with _owner(running) as connection:
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


def _of_many(number: int, kind: str = "free") -> str:
    return MANY[kind][number % len(MANY[kind])]


async def _many_leased(running: Running) -> None:
    await _many(running, "leased")
    async with _owner(running) as connection:
        await connection.execute(
            """
            UPDATE tasks
            SET status = 'in_progress', fencing_token = 1, lease_holder = 'local', lease_seconds = 300,
                lease_acquired_at = clock_timestamp(), lease_expires_at = clock_timestamp() + interval '300 s'
            WHERE id = ANY($1)
            """,
            MANY["leased"],
        )


async def _many_ready(running: Running) -> None:
    await _many(running, "ready")
    STANDING["claimed"] = (await running.must("GetTask", pb.GetTaskRequest(id=_of_many(0, "ready")))).project_id


async def _make_attempts(running: Running, number: int) -> list[int]:
    """At the task that is known beforehand."""
    await _known(running)
    async with _owner(running) as connection:
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


async def _leased_of(owner: Running, _admin: Running) -> str:
    made = await _task(owner)
    await owner.must("AcquireTask", pb.AcquireTaskRequest(id=made))
    return made


async def _knowledge(running: Running, project: str = "") -> str:
    request = knowledge_pb2.UpsertKnowledgeRequest(
        title="known", content="x", project_id=project or await _project(running)
    )
    return str((await running.must("UpsertKnowledge", request)).id)


async def _make_knowledge(running: Running, number: int) -> list[str]:
    project = await _project(running)
    return [await _knowledge(running, project) for _ in range(number)]


async def _make_remarks(running: Running, number: int) -> list[int]:
    """Of an item that is known beforehand."""
    async with _owner(running) as connection:
        made = "INSERT INTO knowledge_items (id, owner, title) VALUES ($1, 'local', 'known') ON CONFLICT DO NOTHING"
        await connection.execute(made, KNOWN)
    request = knowledge_pb2.AppendKnowledgeLogRequest(knowledge_id=str(KNOWN), action_type="said")
    return [(await running.must("AppendKnowledgeLog", request)).sequence for _ in range(number)]


async def _knowledge_of(owner: Running, _admin: Running) -> str:
    return await _knowledge(owner)


async def _standing_knowledge(running: Running) -> None:
    STANDING["knowledge"] = await _knowledge(running)


TAG = "#COMPLETION_DRIVE_IMPL: known"


async def _tagged(running: Running, task: str = "") -> str:
    made = task or await _task(running)
    await running.must("AddRaTag", assumption_pb2.AddRaTagRequest(task_id=made, ra_tag_text=TAG))
    return made


def _finding(
    task: str, agent: str = "", outcome: str = "validated"
) -> assumption_pb2.CaptureAssumptionValidationRequest:
    return assumption_pb2.CaptureAssumptionValidationRequest(
        task_id=task, ra_tag_id=TAG, outcome=outcome, reviewer_agent_id=agent
    )


async def _make_findings(running: Running, number: int) -> list[str]:
    """Of the task that is known beforehand, each by another agent."""
    await _known(running)
    await _tagged(running, str(KNOWN))
    found = [_finding(str(KNOWN), f"{next(_numbers)}") for _ in range(number)]
    return [(await running.must("CaptureAssumptionValidation", each)).id for each in found]


async def _standing_tagged(running: Running) -> None:
    STANDING["tagged"] = await _tagged(running)


async def _tagged_of(owner: Running, _admin: Running) -> str:
    return await _tagged(owner)


async def _finding_of(owner: Running, _admin: Running) -> str:
    return str((await owner.must("CaptureAssumptionValidation", _finding(await _tagged(owner)))).id)


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
        "ListKnowledgeItems": Listing(_make_knowledge, "id", {"scope": "project"}, {"scope": "task"}),
        "ListKnowledgeLogEntries": Listing(
            _make_remarks, "sequence", {"knowledge_id": str(KNOWN)}, {"knowledge_id": str(UUID(int=6))}
        ),
        "ListAssumptionValidations": Listing(
            _make_findings, "id", {"task_id": str(KNOWN)}, {"task_id": str(UUID(int=6))}
        ),
        "ListAttempts": Listing(_make_attempts, "number", {"task_id": str(KNOWN)}, {"task_id": str(UUID(int=6))}),
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
        "AcquireTask": Effect(
            lambda number: pb.AcquireTaskRequest(id=_of_many(number), agent_id=f"{number}"),
            lambda each: (each.id, each.lease.fencing_token),
            prepare=_many,
            repeats=False,
        ),
        "ReleaseTask": Effect(
            lambda number: pb.ReleaseTaskRequest(id=_of_many(number, "leased"), fencing_token=1, reason=f"{number}"),
            lambda each: (each.id, each.etag),
            prepare=_many_leased,
            repeats=False,
        ),
        "ClaimTask": Effect(
            lambda number: pb.ClaimTaskRequest(project_id=STANDING["claimed"], agent_id=f"{number}"),
            lambda each: each.tasks[0].id,
            prepare=_many_ready,
        ),
        "ImportProjects": Effect(
            lambda number: board_document_pb2.ImportProjectsRequest(yaml=f"projects: [{{name: effect {number}}}]"),
            lambda each: each.items[0].id,
            repeats=False,
        ),
        "CaptureAssumptionValidation": Effect(
            lambda number: _finding(STANDING["tagged"], f"{number}"),
            lambda each: each.id,
            prepare=_standing_tagged,
            repeats=False,
        ),
        "AddRaTag": Effect(
            lambda number: assumption_pb2.AddRaTagRequest(
                task_id=STANDING["task"], ra_tag_text=f"#SUGGEST_X: {number}"
            ),
            lambda each: each.etag,
            prepare=_standing,
            repeats=False,
        ),
        "UpsertKnowledge": Effect(
            lambda number: knowledge_pb2.UpsertKnowledgeRequest(title="effect", content=f"{number}"),
            lambda each: each.id,
        ),
        "AppendKnowledgeLog": Effect(
            lambda number: knowledge_pb2.AppendKnowledgeLogRequest(
                knowledge_id=STANDING["knowledge"], action_type="effect", change_reason=f"{number}"
            ),
            lambda each: each.sequence,
            prepare=_standing_knowledge,
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
        "ExportProjects": Sight(
            _project_of, lambda made: board_document_pb2.ExportProjectsRequest(project_ids=[made] if made else [])
        ),
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
        "AcquireTask": Sight(_task_of, lambda made: pb.AcquireTaskRequest(id=made)),
        "RenewTask": Sight(_leased_of, lambda made: pb.RenewTaskRequest(id=made, fencing_token=1)),
        "ReleaseTask": Sight(_leased_of, lambda made: pb.ReleaseTaskRequest(id=made, fencing_token=1)),
        "ClaimTask": Sight(_project_of, lambda made: pb.ClaimTaskRequest(project_id=made)),
        "GetBoard": Sight(_project_of, lambda made: board_pb2.GetBoardRequest(project_id=made)),
        "WatchBoard": Sight(_project_of, lambda made: board_pb2.WatchBoardRequest(project_id=made)),
        "ListAttempts": Sight(_leased_of, lambda made: pb.ListAttemptsRequest(task_id=made)),
        "CaptureAssumptionValidation": Sight(_tagged_of, _finding),
        "ListAssumptionValidations": Sight(_finding_of, lambda _: assumption_pb2.ListAssumptionValidationsRequest()),
        "GetAssumptionInsights": Sight(_finding_of, lambda _: assumption_pb2.GetAssumptionInsightsRequest()),
        "AddRaTag": Sight(_task_of, lambda made: assumption_pb2.AddRaTagRequest(task_id=made, ra_tag_text="#X")),
        "UpsertKnowledge": Sight(
            _knowledge_of, lambda made: knowledge_pb2.UpsertKnowledgeRequest(knowledge_id=made, content="seen")
        ),
        "GetKnowledgeItem": Sight(_knowledge_of, lambda made: knowledge_pb2.GetKnowledgeItemRequest(id=made)),
        "ListKnowledgeItems": Sight(_knowledge_of, lambda _: knowledge_pb2.ListKnowledgeItemsRequest()),
        "DeleteKnowledgeItem": Sight(_knowledge_of, lambda made: knowledge_pb2.DeleteKnowledgeItemRequest(id=made)),
        "AppendKnowledgeLog": Sight(
            _knowledge_of, lambda made: knowledge_pb2.AppendKnowledgeLogRequest(knowledge_id=made, action_type="x")
        ),
        "ListKnowledgeLogEntries": Sight(
            _knowledge_of, lambda made: knowledge_pb2.ListKnowledgeLogEntriesRequest(knowledge_id=made)
        ),
        "ListTaskLogEntries": Sight(_task_of, lambda made: pb.ListTaskLogEntriesRequest(task_id=made)),
    },
    shared={
        **dict.fromkeys(
            ("CreateProject", "ImportProjects"), "a name is its owner's: what it makes or finds is the caller's own"
        ),
        "DescribeRaTags": "a vocabulary is nobody's",
    },
    slow=_slow_list,
    lasting={
        "ClaimTask": Lasting(pb.ClaimTaskRequest(project_id=str(KNOWN), wait_seconds=60), "projects"),
        "ImportProjects": Lasting(
            board_document_pb2.ImportProjectsRequest(yaml="projects: [{name: lasts}]"), "projects"
        ),
        "ExportProjects": Lasting(board_document_pb2.ExportProjectsRequest(), "projects"),
        "WatchBoard": Lasting(board_pb2.WatchBoardRequest(project_id=str(KNOWN)), "projects"),
    },
    words=("pending", "DONE", "merge", "active", "said"),
)
