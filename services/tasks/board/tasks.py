"""Tasks: made, read, changed, brought from one status to another, deleted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import orjson

from servicekit import pagination
from servicekit.database_errors import UniqueViolation
from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board import assessment, transitions
from services.tasks.board.access import entered, entered_for, found, locked, shown, uuid_of
from services.tasks.board.batches import Batches
from services.tasks.board.changes import changed
from services.tasks.board.epics import enter_epic
from services.tasks.board.evidence import require_shown, urls_of
from services.tasks.board.leases import Leases, require_fenced
from services.tasks.board.projects import named, visible
from services.tasks.board.resources import require_readable
from services.tasks.board.store import dependencies, epics, log, work
from services.tasks.board.store import leases as leases_store
from services.tasks.board.store import tasks as store
from services.tasks.board.urls import UrlReader
from services.tasks.metrics import Tally, TasksMetrics
from services.tasks.models import (
    DEFAULT_LEASE_SECONDS,
    Change,
    Deleted,
    HeldTask,
    LeaseRequest,
    Location,
    Task,
    TaskFilter,
    TaskRemark,
    TransitionRequest,
)

MAX_DOCUMENT_BYTES = 64 * 1024


class Tasks:
    """Reads and changes tasks. Whoever works on the project may."""

    def __init__(
        self, database: Database, leases: Leases, batches: Batches, urls: UrlReader, metrics: TasksMetrics
    ) -> None:
        self._database = database
        self._urls = urls
        self._leases = leases
        self._batches = batches
        self._metrics = metrics

    async def create(
        self, name: str, location: Location, status: str, change: Change, viewer: Viewer, once: Once[Task, Answer]
    ) -> Answer:
        """Makes one, or changes the epic's own of that name.

        Raises:
            ServiceError: INVALID_REQUEST where nothing says in which epic; PROJECT_NOT_FOUND, EPIC_NOT_FOUND,
                PERMISSION_DENIED, ETAG_MISMATCH, DEPENDENCY_NOT_FOUND, DEPENDENCY_CYCLE.
        """

        async def create(connection: Connection) -> Task:
            epic_id, project_id = await _located(connection, location, viewer, alone=_of_dependencies(change))
            made = await store.insert(connection, project_id, epic_id, name, status, viewer.name)
            task_id = await store.find(connection, epic_id, name)
            if task_id is None:
                # The one of that name was deleted in this very moment.
                raise errors.task_not_found(name)
            said = _assessed(name, change) if made else change
            return await _write(connection, task_id, said, viewer, "created" if made else "updated")

        return await once.run(self._database, create)

    async def get(self, task_id: str, viewer: Viewer) -> Task:
        async with self._database.connection() as connection:
            return await shown(connection, task_id, viewer)

    async def page(self, wanted: TaskFilter, viewer: Viewer, page_size: int, page_token: str) -> tuple[list[Task], str]:
        """A page, newest first, and the token of the next."""
        fields = (wanted.project_id, wanted.epic_id, wanted.status, wanted.tag, wanted.ready, wanted.unleased)
        asked = pagination.page_request(
            page_size, page_token, fields, lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        project_id = uuid_of(wanted.project_id) if wanted.project_id else None
        epic_id = uuid_of(wanted.epic_id) if wanted.epic_id else None
        filters = (project_id, epic_id, wanted.status, wanted.tag, wanted.ready)
        async with self._database.connection() as connection:
            listed = await store.list_before(
                connection, filters, viewer, asked.after, asked.limit, unleased=wanted.unleased
            )
        return asked.page(listed, lambda task: (task.created_at.isoformat(), task.id))

    async def update(
        self, task_id: str, change: Change, remark: TaskRemark, viewer: Viewer, once: Once[Task, Answer]
    ) -> Answer:
        """Changes what one is, says something of it, and brings it to a status.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, ETAG_MISMATCH, NAME_TAKEN, DEPENDENCY_NOT_FOUND,
                DEPENDENCY_CYCLE; and whatever `transition` raises.
        """
        tally = Tally()

        async def update(connection: Connection) -> Task:
            project_id = await entered_for(connection, task_id, viewer, alone=_of_dependencies(change))
            wanted = TransitionRequest(remark.status, "", change.agent_id, change.fencing_token, "")
            under = change
            if remark.status == "in_progress" and not change.fencing_token:
                # Nothing is written before the lease is taken: its locks come before those of rows.
                before = await found(connection, UUID(task_id))
                changed(before, change)
                taken = await self._bring(connection, project_id, before, wanted, viewer, tally)
                # Whose lease it was before has to say so.
                token = taken.fencing_token if taken.leased and not before.leased else 0
                under = replace(change, fencing_token=token, etag="")
            task = await _write(connection, UUID(task_id), under, viewer, "updated")
            if remark.text:
                said = {"text": remark.text, **({"agent_id": change.agent_id} if change.agent_id else {})}
                held = bool(under.fencing_token)
                await log.append(connection, UUID(task_id), "comment", viewer.name, said, renew=held, said=True)
            if remark.status and under is change:
                return await self._bring(connection, project_id, task, wanted, viewer, tally)
            return await found(connection, UUID(task_id)) if remark.text else task

        answer = await once.run(self._database, update)
        self._metrics.count(tally)
        return answer

    async def transition(
        self,
        task_id: str,
        asked: TransitionRequest | Callable[[Task], TransitionRequest],
        viewer: Viewer,
        once: Once[Task, Answer],
    ) -> Answer:
        """Brings one to another status, which may depend on how it stands: to `in_progress` with a lease, else without.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, ETAG_MISMATCH, TRANSITION_NOT_ALLOWED, DEPENDENCIES_OPEN,
                TASK_LEASED, LEASE_LOST, RESOURCES_HELD, EVIDENCE_MISSING, EVIDENCE_REFUSED.
        """
        tally = Tally()
        completion = None if callable(asked) else _plain_completion(task_id, asked, viewer)
        if completion is not None:
            done = await self._batches.complete(completion, viewer, once)
            if done is not None:
                return done
            # Alone it hears why not.
        if not callable(asked) and asked.status == "completed" and not await once.earlier(self._database):
            asked = await self._with_urls_read(task_id, asked, viewer)

        async def transition(connection: Connection) -> Task:
            project_id = await entered_for(connection, task_id, viewer)
            before = await found(connection, UUID(task_id))
            wanted = asked(before) if callable(asked) else asked
            return await self._bring(connection, project_id, before, wanted, viewer, tally)

        answer = await once.run(self._database, transition)
        self._metrics.count(tally)
        return answer

    async def _with_urls_read(self, task_id: str, asked: TransitionRequest, viewer: Viewer) -> TransitionRequest:
        """The same, with what stands behind the URLs that are shown; only who may complete the task has us look."""
        if not any(each.kind == "url" for each in asked.evidence):
            return asked
        async with self._database.transaction() as connection:
            await entered_for(connection, task_id, viewer)
            task = await found(connection, UUID(task_id))
        require_fenced(task, asked.fencing_token, viewer)
        return replace(asked, read=await self._urls.read(urls_of(task, asked.evidence)))

    async def _bring(
        self,
        connection: Connection,
        project_id: UUID,
        before: Task,
        wanted: TransitionRequest,
        viewer: Viewer,
        tally: Tally,
    ) -> Task:
        """Brings one in a project that was entered to a status."""
        changes = changed(before, Change({"status": wanted.status}, etag=wanted.etag))
        if not changes and not wanted.fencing_token:
            return before
        tally.statuses.append(wanted.status)
        if wanted.status == "in_progress" and not wanted.fencing_token:
            lease = LeaseRequest(wanted.agent_id, DEFAULT_LEASE_SECONDS)
            await self._leases.take(connection, (project_id, UUID(before.id)), lease, viewer, tally)
            if wanted.note:
                payload = {"from": before.status, "to": wanted.status, "note": wanted.note}
                await log.append(connection, UUID(before.id), "transitioned", viewer.name, payload, renew=True)
            return await found(connection, UUID(before.id))
        return await _transition(connection, project_id, await locked(connection, UUID(before.id)), wanted, viewer)

    async def delete(self, task_id: str, token: int, viewer: Viewer) -> Deleted:
        """Deletes one; what depended on it waits for it no longer.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, TASK_LEASED, LEASE_LOST.
        """
        async with self._database.transaction() as connection:
            project_id = await entered_for(connection, task_id, viewer)
            task = await locked(connection, UUID(task_id))
            require_fenced(task, token, viewer)
            await store.update(connection, UUID(task_id), {}, "deleted", viewer.name, {"status": task.status})
            await leases_store.end(connection, UUID(task_id), "deleted", "")
            await store.delete(connection, UUID(task_id))
            await store.announce(connection, project_id)
        return Deleted(tasks=1, leases=int(task.leased))


def _plain_completion(task_id: str, wanted: TransitionRequest, viewer: Viewer) -> HeldTask | None:
    """What completes a task and says nothing else; None for all other transitions."""
    said = wanted.note or wanted.etag or wanted.evidence
    if wanted.status != "completed" or not wanted.fencing_token or said:
        return None
    return HeldTask(uuid_of(task_id), viewer.name, wanted.fencing_token)


async def _located(connection: Connection, location: Location, viewer: Viewer, *, alone: bool) -> tuple[UUID, UUID]:
    """The epic in which a task shall be, and its project, both entered."""
    if location.epic_id:
        epic_id = await enter_epic(connection, location.epic_id, viewer, alone=alone)
        project_id = await epics.project_of(connection, epic_id)
        assert project_id is not None, "nothing in the project is deleted now"
        return epic_id, project_id
    if not location.epic_name:
        raise invalid_field("epic_id", "must name the epic, or `epic_name` one of a project")
    if location.project_id:
        project = await visible(connection, location.project_id, viewer)
    elif location.project_name:
        project = await named(connection, location.project_name, viewer)
    else:
        raise invalid_field("project_id", "must name the project of `epic_name`, or `project_name` it")
    if await entered(connection, UUID(project.id), viewer, alone=alone) is None:
        raise errors.project_not_found(location.project_id or location.project_name)
    epic_id = await epics.find_or_insert(connection, UUID(project.id), location.epic_name, viewer.name)
    return epic_id, UUID(project.id)


def _assessed(name: str, change: Change) -> Change:
    """A task that is about to be made, with a score where nobody has said one."""
    if "ra_score" in change.values:
        return change
    values = {**change.values, "ra_score": assessment.score(name, change)}
    return replace(change, values=values, assessed=("ra_score",))


async def _write(connection: Connection, task_id: UUID, change: Change, viewer: Viewer, kind: str) -> Task:
    task = await locked(connection, task_id)
    require_fenced(task, change.fencing_token, viewer, change.agent_id)
    values = changed(task, change)
    if "resources" in values:
        require_readable(values["resources"])
        if task.leased:
            raise invalid_field("resources", "stay as they are while the task is leased; release it first")
    if "required_evidence" in values and (task.leased or task.status == "completed"):
        raise invalid_field("required_evidence", "stays as it is while the task is leased, and once it is completed")
    for name, value in values.items():
        if isinstance(value, Mapping):
            require_small(name, value)
    if not values and kind != "created":
        return task
    payload = {"fields": sorted(values), **({"assessed": [*change.assessed]} if change.assessed else {})}
    wanted = values.pop("dependencies", None)
    if wanted is not None:
        await _depend(connection, task, wanted)
    try:
        await store.update(connection, task_id, values, kind, viewer.name, payload)
    except UniqueViolation:
        raise errors.name_taken(values["name"]) from None
    if kind == "created" or wanted is not None:
        await store.announce(connection, UUID(task.project_id))
    return await found(connection, task_id)


async def _transition(
    connection: Connection, project_id: UUID, task: Task, wanted: TransitionRequest, viewer: Viewer
) -> Task:
    """Brings a task whose row is locked to a status; a lease that it has ends with it."""
    require_fenced(task, wanted.fencing_token, viewer)
    values: dict[str, Any] = changed(task, Change({"status": wanted.status}, etag=wanted.etag))
    if not values:
        return task
    transitions.require_allowed(task, wanted.status)
    if wanted.status == "completed" or task.status == "blocked":
        values["failed_attempts"] = 0
    if wanted.status == "completed":
        works = await work.of_lease(connection, UUID(task.id), task.fencing_token)
        require_shown(task, wanted.evidence, works, wanted.read)
        values["evidence"] = [asdict(each) for each in wanted.evidence]
    elif wanted.evidence:
        raise invalid_field("evidence", "stands with the status completed alone")
    elif task.evidence:
        values["evidence"] = []
    payload = {"from": task.status, "to": wanted.status, **({"note": wanted.note} if wanted.note else {})}
    if task.leased:
        payload["fencing_token"] = str(task.fencing_token)
    await store.update(connection, UUID(task.id), values, "transitioned", viewer.name, payload)
    if task.leased:
        await leases_store.end(connection, UUID(task.id), wanted.status, wanted.note)
    await store.announce(connection, project_id)
    return await found(connection, UUID(task.id))


async def _depend(connection: Connection, task: Task, wanted: list[str]) -> None:
    """Has a task wait for others; the caller holds the project's lock alone."""
    ids = [uuid_of(each) for each in wanted]
    by_id = dict(zip(ids, wanted, strict=True))
    if unknown := await dependencies.unknown(connection, UUID(task.project_id), ids):
        raise errors.dependency_not_found(by_id[unknown])
    if circular := await dependencies.waiting(connection, UUID(task.id), ids):
        raise errors.dependency_cycle(task.id, str(circular))
    await dependencies.replace(connection, UUID(task.id), ids)


def _of_dependencies(change: Change) -> bool:
    return "dependencies" in {*change.merged, *change.replaced}


def require_small(name: str, document: Mapping[str, Any]) -> None:
    """Refuses a document that is larger than one may be.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    if len(orjson.dumps(document)) > MAX_DOCUMENT_BYTES:
        raise invalid_field(name, f"must be at most {MAX_DOCUMENT_BYTES} bytes as JSON")
