"""Imports: all that a document names is made or changed by name, or nothing of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import UUID

from servicekit.errors import ServiceError, Violation
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.changes import changed
from services.tasks.board.resources import require_readable
from services.tasks.board.store import dependencies, epics, projects
from services.tasks.board.store import tasks as tasks_store
from services.tasks.board.tasks import require_small
from services.tasks.board.transitions import AFTER_DEPENDENCIES
from services.tasks.exchange import store
from services.tasks.exchange.models import (
    Imported,
    ImportedItem,
    Place,
    PlannedEpic,
    PlannedProject,
    PlannedTask,
)
from services.tasks.models import Task


class _DryRunError(Exception):
    """What was done to see what it would do is undone."""

    def __init__(self, items: Sequence[ImportedItem]) -> None:
        super().__init__()
        self.items = items


class Importing:
    """Answers ImportProjects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(
        self, plan: Sequence[PlannedProject], viewer: Viewer, once: Once[Imported, Answer], *, dry_run: bool
    ) -> Answer:
        """Does what a document asks for, or says what it would do.

        Raises:
            ServiceError: INVALID_REQUEST, PROJECT_NOT_FOUND where one is deleted in this very moment,
                DEPENDENCY_NOT_FOUND, DEPENDENCY_CYCLE, DEPENDENCIES_OPEN; each with the place.
        """

        async def run(connection: Connection) -> Imported:
            items = await _import(connection, plan, viewer)
            if dry_run:
                raise _DryRunError(items)
            return Imported(items)

        try:
            return await once.run(self._database, run)
        except _DryRunError as undone:
            return await once.answered(Imported([_unmade(item) for item in undone.items], dry_run=True))


async def _import(connection: Connection, plan: Sequence[PlannedProject], viewer: Viewer) -> list[ImportedItem]:
    names = sorted(project.name for project in plan)
    known = await store.projects_of(connection, viewer.name, names)
    ids: dict[str, UUID] = {}
    # In one order everywhere: first what waits for names, then the locks.
    for name in names:
        project_id = await projects.find_or_insert(connection, viewer.name, name)
        if project_id is None:
            raise errors.project_not_found(name)
        ids[name] = project_id
    for project_id in sorted(ids.values()):
        await projects.lock(connection, project_id, alone=True)
    items: list[ImportedItem] = []
    for project in plan:
        items += await _project(connection, project, ids[project.name], viewer, made=project.name not in known)
    return items


async def _project(
    connection: Connection, planned: PlannedProject, project_id: UUID, viewer: Viewer, *, made: bool
) -> list[ImportedItem]:
    project = await projects.get(connection, project_id, lock=True)
    if project is None:
        raise errors.project_not_found(planned.name)
    with _at(planned.place):
        values = changed(project, planned.change)
    if values:
        await projects.update(connection, project_id, values, viewer.name)
    head = _item(planned.place, "project", planned.name, project_id, made=made, values=values)
    known = await store.epics_of(connection, project_id)
    epic_items = [await _epic(connection, epic, project_id, viewer, known) for epic in planned.epics]
    epic_ids = {**known, **{epic.name: UUID(item.id) for epic, item in zip(planned.epics, epic_items, strict=True)}}
    written = await _Tasks(connection, project_id, viewer, epic_ids, planned.epics).write()
    items = [head]
    for epic, item in zip(planned.epics, epic_items, strict=True):
        items += [item, *(written[task.place.path] for task in epic.tasks)]
    if written:
        await tasks_store.announce(connection, project_id)
    return items


async def _epic(
    connection: Connection, planned: PlannedEpic, project_id: UUID, viewer: Viewer, known: Mapping[str, UUID]
) -> ImportedItem:
    epic_id = known.get(planned.name) or await epics.find_or_insert(connection, project_id, planned.name, viewer.name)
    epic = await epics.get(connection, epic_id, lock=True)
    assert epic is not None, "nothing in the project is deleted now"
    with _at(planned.place):
        values = changed(epic, planned.change)
    if values:
        await epics.update(connection, epic_id, values, viewer.name)
    return _item(planned.place, "epic", planned.name, epic_id, made=planned.name not in known, values=values)


class _Tasks:
    """The tasks of one project, within which nobody else is."""

    def __init__(
        self,
        connection: Connection,
        project_id: UUID,
        viewer: Viewer,
        epic_ids: Mapping[str, UUID],
        planned: Sequence[PlannedEpic],
    ) -> None:
        self._connection = connection
        self._project_id = project_id
        self._viewer = viewer
        self._epic_ids = epic_ids
        self._planned = [(epic.name, task) for epic in planned for task in epic.tasks]
        self._found: Mapping[tuple[UUID, str], tuple[UUID, str]] = {}

    async def write(self) -> dict[str, ImportedItem]:
        """What became of each, by its path in the document."""
        of_names = [task.name for _, task in self._planned]
        of_names += [name for _, task in self._planned for _, name in task.dependencies]
        known = await store.tasks_of(self._connection, self._project_id, of_names)
        for epic, task in self._planned:
            epic_id = self._epic_ids[epic]
            if (epic_id, task.name) not in known:
                await tasks_store.insert(
                    self._connection, self._project_id, epic_id, task.name, "pending", self._viewer.name
                )
        self._found = await store.tasks_of(self._connection, self._project_id, of_names)
        ids = [self._id(epic, task.name) for epic, task in self._planned]
        await store.lock_tasks(self._connection, ids)
        stand = {task.id: task for task in await tasks_store.get_many(self._connection, ids)}
        waits = {
            str(task_id): self._waits(epic, task) for task_id, (epic, task) in zip(ids, self._planned, strict=True)
        }
        await self._require_no_circle(waits)
        made = {self._id(epic, task.name) for epic, task in self._planned} - {each for each, _ in known.values()}
        self._require_done_before(waits, made)
        return {
            task.place.path: await self._write(stand[str(task_id)], task, waits[str(task_id)], made=task_id in made)
            for task_id, (_, task) in zip(ids, self._planned, strict=True)
        }

    def _id(self, epic: str, name: str) -> UUID:
        return self._found[self._epic_ids[epic], name][0]

    def _waits(self, epic: str, planned: PlannedTask) -> list[str]:
        ids = []
        for of_epic, name in planned.dependencies:
            epic_id = self._epic_ids.get(of_epic or epic)
            found = self._found.get((epic_id, name)) if epic_id else None
            if found is None:
                with _at(planned.place):
                    raise errors.dependency_not_found(f"{of_epic or epic} / {name}")
            ids.append(str(found[0]))
        return sorted(set(ids))

    async def _require_no_circle(self, waits: Mapping[str, Sequence[str]]) -> None:
        graph: dict[str, set[str]] = {task_id: set(before) for task_id, before in waits.items() if before}
        if not graph:
            return
        for later, earlier in await store.waiting_after(self._connection, [UUID(each) for each in graph]):
            graph.setdefault(str(later), set()).add(str(earlier))
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1]
            places = {str(self._id(epic, task.name)): task for epic, task in self._planned}
            at, task = next((number, places[each]) for number, each in enumerate(circle) if waits.get(each))
            with _at(task.place):
                # Its members follow one another, the first stands at the end again.
                raise errors.dependency_cycle(task.name, str(circle[at - 1 if at else -2])) from None

    def _require_done_before(self, waits: Mapping[str, Sequence[str]], made: set[UUID]) -> None:
        """Of what begins as if it were worked on."""
        statuses = {str(task_id): status for task_id, status in self._found.values()}
        begun = {str(self._id(epic, task.name)): task for epic, task in self._planned}
        statuses |= {each: task.status for each, task in begun.items() if UUID(each) in made and task.status}
        for task_id, task in begun.items():
            waited = [each for each in waits[task_id] if statuses[each] != "completed"]
            if UUID(task_id) in made and task.status in AFTER_DEPENDENCIES - {"in_progress"} and waited:
                with _at(task.place):
                    raise errors.dependencies_open(task.name, waited)

    async def _write(self, task: Task, planned: PlannedTask, waits: Sequence[str], *, made: bool) -> ImportedItem:
        change = planned.change
        if waits:
            change = replace(change, merged={**change.merged, "dependencies": waits})
        with _at(planned.place):
            values = changed(task, change)
            _require_taken(values)
        notes = []
        if made and planned.status == "in_progress":
            notes.append("begins as pending: in_progress takes a lease")
        elif made and planned.status == "completed" and values.get("required_evidence"):
            notes.append("begins as pending: completed takes the evidence that it demands")
        elif made and planned.status:
            values |= {"status": planned.status} if planned.status != task.status else {}
        elif planned.status not in ("", task.status):
            notes.append(f"is {task.status} and stays so: a status says only how a new task begins")
        if task.status == "completed" and "required_evidence" in values:
            del values["required_evidence"]
            notes.append("is completed, and what it demanded stays as it is")
        action = "created" if made else "updated" if values else "left" if notes else "unchanged"
        if task.leased and values:
            action, values = "left", {}
            notes.append(f"{task.lease_holder} is at it, by the token {task.fencing_token}")
        fields = sorted(values)
        if made or values:
            await self._update(task, values, "created" if made else "updated")
        note = "; ".join(notes)
        return ImportedItem(planned.place.path, "task", planned.name, task.id, action, () if made else fields, note)

    async def _update(self, task: Task, values: dict[str, Any], kind: str) -> None:
        payload = {"fields": sorted(values), "by": "import"}
        wanted = values.pop("dependencies", None)
        task_id = UUID(task.id)
        if wanted is not None:
            await dependencies.replace(self._connection, task_id, [UUID(each) for each in wanted])
        await tasks_store.update(self._connection, task_id, values, kind, self._viewer.name, payload)


def _require_taken(values: Mapping[str, Any]) -> None:
    if "resources" in values:
        require_readable(values["resources"])
    for name, value in values.items():
        if isinstance(value, Mapping):
            require_small(name, value)


def _item(place: Place, kind: str, name: str, item_id: UUID, *, made: bool, values: Mapping[str, Any]) -> ImportedItem:
    action = "created" if made else "updated" if values else "unchanged"
    return ImportedItem(place.path, kind, name, str(item_id), action, () if made else sorted(values))


def _unmade(item: ImportedItem) -> ImportedItem:
    return replace(item, id="") if item.action == "created" else item


@contextmanager
def _at(place: Place) -> Iterator[None]:
    """What is refused here is refused with the place."""
    try:
        yield
    except ServiceError as error:
        violations = [Violation(f"{place.path}.{each.field}", each.description) for each in error.violations]
        raise replace(error, message=f"{place}: {error.message}", violations=violations) from None
