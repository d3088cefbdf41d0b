"""Claims: the best that is ready, to one caller each, however many ask; who finds none waits until there is one."""

import asyncio
from functools import partial
from uuid import UUID

from servicekit.errors import overloaded
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board import resources
from services.tasks.board.access import entered, uuid_of
from services.tasks.board.claim_queue import ClaimQueue
from services.tasks.board.leases import Leases
from services.tasks.board.store import leases as store
from services.tasks.board.store import tasks
from services.tasks.metrics import Tally, TasksMetrics
from services.tasks.models import ClaimRequest, ReadyTask, Task

# As many of the best are looked at together where some need resources that others hold; then those behind them.
LOOKED_AT = 200


class _NothingReadyError(Exception):
    """What was tried is undone, so that the caller's idempotency key is still unused."""


class Claiming:
    """Answers ClaimTask."""

    def __init__(self, database: Database, leases: Leases, metrics: TasksMetrics, max_waiters: int) -> None:
        self._database = database
        self._leases = leases
        self._metrics = metrics
        self._max_waiters = max_waiters
        self._queue = ClaimQueue()
        self._closing = False

    def tell(self, payload: str | None) -> None:
        """There may be a task in a project; None: anywhere."""
        self._queue.tell(payload)

    def close(self) -> None:
        """Lets everybody go: the server stops, and another replica will take them."""
        self._closing = True
        self._queue.wake_all()

    async def claim(self, wanted: ClaimRequest, viewer: Viewer, once: Once[list[Task], Answer]) -> Answer:
        """Takes leases of the best that are ready; of none where none is in the time.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PERMISSION_DENIED, OVERLOADED where as many wait here as may.
        """
        project_id = str(uuid_of(wanted.project_id))
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wanted.wait_seconds
        if len(self._queue) >= self._max_waiters:
            raise overloaded()
        with self._queue.entered((project_id, wanted.tag)) as place:
            self._metrics.set_waiters(len(self._queue))
            try:
                while True:
                    place.look()
                    tally = Tally()
                    try:
                        answer = await once.run(self._database, partial(self._claim, wanted, viewer, tally))
                    except _NothingReadyError:
                        left = give_up - loop.time()
                    else:
                        place.served = True
                        self._metrics.count(tally)
                        return answer
                    if left <= 0 or self._closing:
                        return await once.answered([])
                    await place.wait(left)
            finally:
                self._metrics.set_waiters(len(self._queue) - 1)

    async def _claim(self, wanted: ClaimRequest, viewer: Viewer, tally: Tally, connection: Connection) -> list[Task]:
        project = await entered(connection, uuid_of(wanted.project_id), viewer)
        if project is None:
            raise errors.project_not_found(wanted.project_id)
        project_id = UUID(project.id)
        in_need = await store.needs(connection, project_id)
        if in_need:
            await store.lock_resources(connection, project_id)
        await self._leases.expire_in(connection, project_id, tally)
        ids = await (_best_free if in_need else _best)(connection, project_id, wanted)
        lease = wanted.lease
        given = set(await store.grant(connection, ids, viewer.name, lease.agent_id, lease.seconds, ["pending"]))
        if not given:
            raise _NothingReadyError
        tally.given += len(given)
        return await tasks.get_many(connection, [each for each in ids if each in given])


async def _best(connection: Connection, project_id: UUID, wanted: ClaimRequest) -> list[UUID]:
    """The best that are ready, where nothing needs resources."""
    found = await store.ready(connection, project_id, wanted.tag, wanted.count)
    return [each.id for each in found]


async def _best_free(connection: Connection, project_id: UUID, wanted: ClaimRequest) -> list[UUID]:
    """The best that are ready and can have what they need, however many cannot; the caller has the resources' lock."""
    taken = resources.Taken((await store.held(connection, project_id)).values())
    chosen: list[UUID] = []
    last: ReadyTask | None = None
    while len(chosen) < wanted.count:
        found = await store.ready_after(connection, project_id, wanted.tag, last, LOOKED_AT)
        chosen += [each.id for each in found if taken.take(each.resources)]
        if len(found) < LOOKED_AT:
            break
        last = found[-1]
    return chosen[: wanted.count]
