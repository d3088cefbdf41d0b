"""Leases: taken, renewed, given back; and what is written under one, or refused because another has it."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from servicekit import pagination
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board import resources, transitions
from services.tasks.board.access import entered_for, found, locked, number_of, shown, uuid_of
from services.tasks.board.store import leases as store
from services.tasks.board.store import projects, tasks, work
from services.tasks.metrics import Tally, TasksMetrics
from services.tasks.models import Attempt, EndedWork, HeldLease, LeaseRequest, NewLease, NewWork, Task

# Why a lease is given back that nobody has heard of.
GONE = "whoever claimed it went away before they heard of it"
# Leases that one look takes away.
MAX_SWEPT = 200
FROM = tuple(status for status, ways in transitions.TRANSITIONS.items() if "in_progress" in ways)


class Leases:
    """Gives leases of tasks, and takes them back."""

    def __init__(self, database: Database, metrics: TasksMetrics, max_attempts: int, max_park_seconds: int) -> None:
        """Takes how many attempts may fail, and how long what nobody ends keeps a lease at most."""
        self._database = database
        self._metrics = metrics
        self._max_attempts = max_attempts
        self._max_park_seconds = max_park_seconds

    async def acquire(self, task_id: str, wanted: LeaseRequest, viewer: Viewer, once: Once[Task, Answer]) -> Answer:
        """Takes the lease of one.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, TASK_LEASED, TRANSITION_NOT_ALLOWED, DEPENDENCIES_OPEN,
                RESOURCES_HELD.
        """
        tally = Tally()

        async def acquire(connection: Connection) -> Task:
            project_id = await entered_for(connection, task_id, viewer)
            return await self.take(connection, (project_id, UUID(task_id)), wanted, viewer, tally)

        answer = await once.run(self._database, acquire)
        self._metrics.count(tally)
        return answer

    async def take(
        self, connection: Connection, place: tuple[UUID, UUID], wanted: LeaseRequest, viewer: Viewer, tally: Tally
    ) -> Task:
        """Takes the lease of one in a project that was entered; no row is locked yet. Raises as `acquire`.

        Args:
            connection: in a transaction.
            place: the project and the task.
            wanted: the lease.
            viewer: whose it will be.
            tally: hears what was done.
        """
        project_id, task_id = place
        task = await found(connection, task_id)
        if task.resources:
            await store.lock_resources(connection, project_id)
        task = await locked(connection, task_id)
        if task.lease_expires_at is not None and not task.leased:
            # Only now: who sweeps holds rows, and with these must not wait for a lock of the project.
            await self.expire_in(connection, project_id, tally)
            task = await locked(connection, task_id)
        if task.leased:
            self._metrics.conflict()
            raise errors.task_leased(task)
        if task.status != "in_progress":
            transitions.require_allowed(task, "in_progress")
        if task.open_dependencies:
            raise errors.dependencies_open(task.id, task.open_dependencies)
        await self._require_free(connection, project_id, task)
        if task.lease_expires_at is not None:
            # It has expired since leases were looked at.
            await store.end(connection, task_id, "expired", "")
        if not await store.grant(connection, NewLease(task_id, viewer.name, wanted), [*FROM, "in_progress"]):
            self._metrics.conflict()
            raise errors.task_leased(task)
        tally.given += 1
        return await found(connection, task_id)

    async def _require_free(self, connection: Connection, project_id: UUID, task: Task) -> None:
        if not task.resources:
            return
        if conflict := resources.conflict(task.resources, await store.held(connection, project_id)):
            self._metrics.conflict()
            raise errors.resources_held(task.id, *conflict)

    async def renew(self, task_id: str, token: int, seconds: int | None, viewer: Viewer) -> Task:
        """Has a lease last on.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, LEASE_LOST.
        """
        async with self._database.transaction() as connection:
            await entered_for(connection, task_id, viewer)
            renewed = await store.renew(connection, UUID(task_id), viewer.name, token, seconds)
            task = await found(connection, UUID(task_id))
            if not renewed:
                raise errors.lease_lost(task, token)
        return task

    async def release(
        self,
        task_id: str,
        said: HeldLease | Callable[[Task], HeldLease],
        outcome: str,
        reason: str,
        viewer: Viewer,
        once: Once[Task, Answer],
    ) -> Answer:
        """Gives a lease back, which may depend on how the task stands.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, LEASE_LOST.
        """

        async def release(connection: Connection) -> Task:
            project_id = await entered_for(connection, task_id, viewer)
            task = await locked(connection, UUID(task_id))
            held = said(task) if callable(said) else said
            require_fenced(task, held.fencing_token, viewer, held.agent_id)
            failed = task.failed_attempts + (outcome == "failed")
            limit = task.max_attempts or self._max_attempts
            status = "blocked" if outcome == "failed" and failed >= limit else "pending"
            payload = {"outcome": outcome, "fencing_token": held.fencing_token, "to": status, "reason": reason}
            values = {"status": status, "failed_attempts": failed}
            await tasks.update(connection, UUID(task_id), values, "released", viewer.name, payload)
            await store.end(connection, UUID(task_id), outcome, reason)
            await tasks.announce(connection, project_id)
            return await found(connection, UUID(task_id))

        return await once.run(self._database, release)

    async def give_back(self, task: Task) -> None:
        """Gives back a lease whose claimant has gone, unless it is over already."""
        async with self._database.transaction() as connection:
            await projects.lock(connection, UUID(task.project_id), alone=False)
            standing = await tasks.get(connection, UUID(task.id), lock=True)
            if standing is None or not _is_held(standing, task.fencing_token, task.lease_holder):
                return
            payload = {"outcome": "released", "fencing_token": task.fencing_token, "to": "pending", "reason": GONE}
            await tasks.update(connection, UUID(task.id), {"status": "pending"}, "released", task.lease_holder, payload)
            await store.end(connection, UUID(task.id), "released", GONE)
            await tasks.announce(connection, UUID(task.project_id))

    async def begin_work(self, wanted: NewWork) -> datetime:
        """Lets another service do something for the holder of a lease, which is kept meanwhile; says until when.

        Raises:
            ServiceError: TASK_NOT_FOUND, LEASE_LOST.
        """
        task_id = uuid_of(wanted.task_id)
        async with self._database.transaction() as connection:
            project_id = await tasks.project_of(connection, task_id)
            if project_id is None:
                raise errors.task_not_found(wanted.task_id)
            await projects.lock(connection, project_id, alone=False)
            task = await locked(connection, task_id)
            if not _is_held(task, wanted.fencing_token, wanted.holder):
                # Whoever has never had anything to do with it must not learn that there is such a task.
                project = await projects.get(connection, project_id)
                works_on = project is not None and wanted.holder in project.audience.people
                if works_on or await store.was_held_by(connection, task_id, wanted.holder):
                    raise errors.lease_lost(task, wanted.fencing_token)
                raise errors.task_not_found(wanted.task_id)
            return await work.begin(connection, wanted, self._max_park_seconds)

    async def end_work(self, ended: EndedWork) -> None:
        """Notes how that ended; what is not known, or has ended, is left as it is."""
        task_id = uuid_of(ended.task_id)
        async with self._database.transaction() as connection:
            project_id = await tasks.project_of(connection, task_id)
            if project_id is not None:
                await projects.lock(connection, project_id, alone=False)
                await tasks.get(connection, task_id, lock=True)
                await work.end(connection, ended)

    async def expire_in(self, connection: Connection, project_id: UUID | None, tally: Tally) -> None:
        """Takes away what has expired in a project; None: anywhere."""
        tally.expired += len(await store.expire(connection, project_id, self._max_attempts, MAX_SWEPT))

    async def sweep(self) -> int:
        """Takes away what has expired anywhere; how many these were."""
        tally = Tally()
        async with self._database.transaction() as connection:
            await self.expire_in(connection, None, tally)
        self._metrics.count(tally)
        self._metrics.swept()
        return tally.expired

    async def attempts(
        self, task_id: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Attempt], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (task_id,), number_of)
        async with self._database.connection() as connection:
            task = await shown(connection, task_id, viewer)
            found = await store.attempts_before(connection, UUID(task.id), asked.after, asked.limit)
        return asked.page(found, lambda attempt: (str(attempt.number),))


def require_fenced(task: Task, token: int, viewer: Viewer, agent_id: str = "") -> None:
    """Refuses who writes without being at a task that somebody is at, or with a lease that is over, or another agent's.

    Raises:
        ServiceError: TASK_LEASED, LEASE_LOST.
    """
    if token == 0:
        if task.leased:
            raise errors.task_leased(task)
    elif not _is_held(task, token, viewer.name) or agent_id not in ("", task.lease_agent):
        raise errors.lease_lost(task, token)


def _is_held(task: Task, token: int, holder: str) -> bool:
    return task.leased and task.fencing_token == token and task.lease_holder == holder
