"""Exports: projects as the document that an import takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from servicekit.errors import ServiceError
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import uuid_of
from services.tasks.board.projects import visible
from services.tasks.board.store import epics as epics_store
from services.tasks.board.store import tasks as tasks_store
from services.tasks.exchange import store, yaml_text
from services.tasks.exchange.models import Exported
from services.tasks.models import Epic, Project, Task

# As many as an import takes.
MAX_ITEMS = 5_000
MAX_CHARACTERS = 2 * 1024 * 1024
# About, of a text that is worth a thread of its own.
ITEM_BYTES = 500
# What stands in a document only where it is otherwise.
USUAL: Mapping[str, Any] = {"status": "pending", "priority": 1, "parallel_eligible": True}
TASK_FIELDS = (
    "name",
    "description",
    "status",
    "priority",
    "ra_mode",
    "ra_score",
    "ra_tags",
    "ra_metadata",
    "tags",
    "metadata",
    "prompt_snapshot",
    "parallel_group",
    "parallel_eligible",
    "client_session_id",
    "resources",
    "required_evidence",
    "max_attempts",
)


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a project."""

    epics: Sequence[Epic]
    tasks: Sequence[Task]
    # Epic and name of these and of all that they wait for, by id.
    names: Mapping[str, tuple[str, str]]


class Exporting:
    """Answers ExportProjects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, project_ids: Sequence[str], epic_id: str, viewer: Viewer) -> Exported:
        """Projects as they stand at one moment.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, EPIC_NOT_FOUND, EXPORT_TOO_LARGE.
        """
        found: list[tuple[Project, Content]] = []
        left = MAX_ITEMS
        async with self._database.snapshot() as connection:
            for project, only in await _wanted(connection, project_ids, epic_id, viewer):
                content = await _content(connection, UUID(project.id), only, left)
                left -= 1 + len(content.epics) + len(content.tasks)
                if left < 0:
                    raise errors.export_too_large()
                found.append((project, content))
        document = {"projects": [_project(project, content) for project, content in found]}
        text = await beside((MAX_ITEMS - left) * ITEM_BYTES, yaml_text.write, document)
        if len(text) > MAX_CHARACTERS:
            raise errors.export_too_large()
        epics, tasks = (sum(len(getattr(each, kind)) for _, each in found) for kind in ("epics", "tasks"))
        return Exported(text, len(found), epics, tasks)


async def _wanted(
    connection: Connection, project_ids: Sequence[str], epic_id: str, viewer: Viewer
) -> list[tuple[Project, UUID | None]]:
    """The projects, and of each the one epic that is wanted of it."""
    if epic_id:
        project_id = await epics_store.project_of(connection, uuid_of(epic_id))
        if project_id is None or (project_ids and str(project_id) not in project_ids):
            raise errors.epic_not_found(epic_id)
        try:
            return [(await visible(connection, str(project_id), viewer), UUID(epic_id))]
        except ServiceError:
            raise errors.epic_not_found(epic_id) from None
    ids = [*project_ids] or [str(each) for each in await store.visible(connection, viewer, MAX_ITEMS + 1)]
    return [(await visible(connection, each, viewer), None) for each in ids]


async def _content(connection: Connection, project_id: UUID, only: UUID | None, left: int) -> Content:
    task_ids = await store.task_ids(connection, project_id, only, left + 1)
    epic_names = {str(epic_id): name for name, epic_id in (await store.epics_of(connection, project_id)).items()}
    epic_ids = [each for each in epic_names if only in (None, UUID(each))]
    if len(task_ids) + len(epic_ids) > left:
        raise errors.export_too_large()
    tasks = await tasks_store.get_many(connection, task_ids)
    inside = {task.id for task in tasks}
    outside = {UUID(each) for task in tasks for each in task.dependencies if each not in inside}
    waited_for = [*tasks, *await tasks_store.get_many(connection, sorted(outside))]
    found = [await epics_store.get(connection, UUID(each)) for each in epic_ids]
    return Content(
        [epic for epic in found if epic is not None],
        tasks,
        {task.id: (epic_names[task.epic_id], task.name) for task in waited_for},
    )


def _project(project: Project, content: Content) -> dict[str, Any]:
    said = {
        "name": project.name,
        "description": project.description,
        "status": "" if project.status == "active" else project.status,
        "members": [*project.members],
        "groups": [*project.groups],
        "epics": [_epic(epic, content) for epic in content.epics],
    }
    return {name: value for name, value in said.items() if value}


def _epic(epic: Epic, content: Content) -> dict[str, Any]:
    said = _said(epic, ("name", "description", "status", "priority"))
    tasks = [_task(task, epic, content.names) for task in content.tasks if task.epic_id == epic.id]
    return {**said, "tasks": tasks} if tasks else said


def _task(task: Task, epic: Epic, names: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    waits = [
        name if of_epic == epic.name else {"epic": of_epic, "name": name}
        for of_epic, name in (names[each] for each in task.dependencies)
    ]
    return {**_said(task, TASK_FIELDS), **({"dependencies": waits} if waits else {})}


def _said(resource: Epic | Task, fields: Sequence[str]) -> dict[str, Any]:
    """What is otherwise than where nobody says anything."""
    values = {name: getattr(resource, name) for name in fields}
    return {name: value for name, value in values.items() if (value != USUAL[name] if name in USUAL else value)}
