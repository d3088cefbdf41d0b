"""Claims: the best that is ready, to one caller each, however many ask; who finds none waits until there is one."""

import asyncio
from functools import partial
from uuid import UUID

from servicekit.errors import overloaded
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board import resources
from services.tasks.board.access import entered, uuid_of
from services.tasks.board.leases import Leases
from services.tasks.board.store import leases as store
from services.tasks.board.store import tasks
from services.tasks.metrics import Tally, TasksMetrics
from services.tasks.models import ClaimRequest, Task

# After a notification that was lost.
LOOK_AGAIN_SECONDS = 5.0
# As many of the best are looked at where some need resources that others hold.
MAX_LOOKED_AT = 200


class _NothingReadyError(Exception):
    """What was tried is undone, so that the caller's idempotency key is still unused."""


class Claiming:
    """Answers ClaimTask."""

    def __init__(self, database: Database, leases: Leases, metrics: TasksMetrics, max_waiters: int) -> None:
        self._database = database
        self._leases = leases
        self._metrics = metrics
        self._max_waiters = max_waiters
        self._waiters = Waiters()
        self._closing = False

    def tell(self, payload: str | None) -> None:
        """There may be a task in a project; None: anywhere."""
        self._waiters.wake(payload)

    def close(self) -> None:
        """Lets everybody go: the server stops, and another replica will take them."""
        self._closing = True
        self._waiters.wake(None)

    async def claim(self, wanted: ClaimRequest, viewer: Viewer, once: Once[list[Task], Answer]) -> Answer:
        """Takes leases of the best that are ready; of none where none is in the time.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PERMISSION_DENIED, OVERLOADED where as many wait here as may.
        """
        project_id = str(uuid_of(wanted.project_id))
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wanted.wait_seconds
        if len(self._waiters) >= self._max_waiters:
            raise overloaded()
        with self._waiters.registered(project_id) as told:
            self._metrics.set_waiters(len(self._waiters))
            try:
                while True:
                    told.clear()
                    tally = Tally()
                    try:
                        answer = await once.run(self._database, partial(self._claim, wanted, viewer, tally))
                    except _NothingReadyError:
                        left = give_up - loop.time()
                    else:
                        self._metrics.count(tally)
                        return answer
                    if left <= 0 or self._closing:
                        return await once.answered([])
                    await wait_for(told, min(left, LOOK_AGAIN_SECONDS))
            finally:
                self._metrics.set_waiters(len(self._waiters) - 1)

    async def _claim(self, wanted: ClaimRequest, viewer: Viewer, tally: Tally, connection: Connection) -> list[Task]:
        project = await entered(connection, uuid_of(wanted.project_id), viewer)
        if project is None:
            raise errors.project_not_found(wanted.project_id)
        project_id = UUID(project.id)
        in_need = await store.needs(connection, project_id)
        if in_need:
            await store.lock_resources(connection, project_id)
        await self._leases.expire_in(connection, project_id, tally)
        looked_at = MAX_LOOKED_AT if in_need else wanted.count
        found = await store.ready(connection, project_id, wanted.tag, looked_at, with_resources=in_need)
        chosen = list(found)
        if in_need:
            chosen = resources.free(found, await store.held(connection, project_id), wanted.count)
        ids = [UUID(each) for each in chosen]
        lease = wanted.lease
        given = set(await store.grant(connection, ids, viewer.name, lease.agent_id, lease.seconds, ["pending"]))
        if not given:
            raise _NothingReadyError
        tally.given += len(given)
        return await tasks.get_many(connection, [each for each in ids if each in given])
