"""Claims: the best that is ready, to one caller each, however many ask; who finds none waits until there is one.

Those that come while others are served share the next transaction, which costs round trips and a commit.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from servicekit.errors import ServiceError, overloaded
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board import resources
from services.tasks.board.access import entered, uuid_of
from services.tasks.board.claim_queue import ClaimQueue
from services.tasks.board.leases import Leases
from services.tasks.board.merging import Merging
from services.tasks.board.store import leases as store
from services.tasks.board.store import tasks
from services.tasks.metrics import Tally, TasksMetrics
from services.tasks.models import ClaimRequest, NewLease, ReadyTask, Task

# As many of the best are looked at together where some need resources that others hold; then those behind them.
LOOKED_AT = 200


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """What one caller wants."""

    wanted: ClaimRequest
    viewer: Viewer


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
        self._merged: Merging[_Claim, list[Task] | ServiceError] = Merging(self._claim_together, self._give_back)

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
                        if once.key:
                            answer = await once.run(self._database, partial(self._claim, wanted, viewer, tally))
                        else:
                            answer = await once.answered(await self._claimed(project_id, wanted, viewer))
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
        """One that has an idempotency key: in its own transaction, with the record of its answer."""
        [answer] = await self._claim_in(connection, uuid_of(wanted.project_id), [_Claim(wanted, viewer)], tally)
        if isinstance(answer, ServiceError):
            raise answer
        if not answer:
            raise _NothingReadyError
        return answer

    async def _claimed(self, project_id: str, wanted: ClaimRequest, viewer: Viewer) -> list[Task]:
        """The others share transactions."""
        answer = await self._merged.submit(project_id, _Claim(wanted, viewer))
        if isinstance(answer, ServiceError):
            raise answer
        if not answer:
            raise _NothingReadyError
        return answer

    async def _claim_together(self, project_id: str, claims: Sequence[_Claim]) -> Sequence[list[Task] | ServiceError]:
        tally = Tally()
        async with self._database.transaction() as connection:
            answers = await self._claim_in(connection, UUID(project_id), claims, tally)
        self._metrics.count(tally)
        return answers

    async def _claim_in(
        self, connection: Connection, project_id: UUID, claims: Sequence[_Claim], tally: Tally
    ) -> Sequence[list[Task] | ServiceError]:
        """What each of them gets, the first first; or why it gets nothing."""
        refused = {each: await _refusal(connection, project_id, each) for each in {one.viewer for one in claims}}
        served = [each for each in claims if refused[each.viewer] is None]
        given: dict[int, list[UUID]] = {}
        if served:
            in_need = await store.needs(connection, project_id)
            if in_need:
                await store.lock_resources(connection, project_id)
            await self._leases.expire_in(connection, project_id, tally)
            for tag in dict.fromkeys(each.wanted.tag for each in served):
                asking = [each for each in served if each.wanted.tag == tag]
                given |= await _given(connection, project_id, tag, asking, in_need=in_need)
        ids = [each for several in given.values() for each in several]
        tally.given += len(ids)
        found = {task.id: task for task in await tasks.get_many(connection, ids)} if ids else {}
        return [refused[each.viewer] or [found[str(task_id)] for task_id in given.get(id(each), [])] for each in claims]

    async def _give_back(self, answer: list[Task] | ServiceError) -> None:
        """Whoever had claimed these went away before they heard of it."""
        if isinstance(answer, list):
            for task in answer:
                await self._leases.give_back(task)


async def _refusal(connection: Connection, project_id: UUID, viewer: Viewer) -> ServiceError | None:
    try:
        project = await entered(connection, project_id, viewer)
    except ServiceError as error:
        return error
    return None if project is not None else errors.project_not_found(str(project_id))


async def _given(
    connection: Connection, project_id: UUID, tag: str, claims: Sequence[_Claim], *, in_need: bool
) -> dict[int, list[UUID]]:
    """The best with a tag, shared out among claims in their order, by the identity of each."""
    count = sum(each.wanted.count for each in claims)
    left = await (_best_free if in_need else _best)(connection, project_id, tag, count)
    shares: dict[int, list[UUID]] = {}
    grants: list[NewLease] = []
    for claim in claims:
        share, left = left[: claim.wanted.count], left[claim.wanted.count :]
        shares[id(claim)] = share
        grants += [NewLease(each, claim.viewer.name, claim.wanted.lease) for each in share]
    given = set(await store.grant(connection, grants, ["pending"])) if grants else set()
    return {claim: [each for each in share if each in given] for claim, share in shares.items()}


async def _best(connection: Connection, project_id: UUID, tag: str, count: int) -> list[UUID]:
    """The best that are ready, where nothing needs resources."""
    found = await store.ready(connection, project_id, tag, count)
    return [each.id for each in found]


async def _best_free(connection: Connection, project_id: UUID, tag: str, count: int) -> list[UUID]:
    """The best that are ready and can have what they need, however many cannot; the caller has the resources' lock."""
    taken = resources.Taken((await store.held(connection, project_id)).values())
    chosen: list[UUID] = []
    last: ReadyTask | None = None
    while len(chosen) < count:
        found = await store.ready_after(connection, project_id, tag, last, LOOKED_AT)
        chosen += [each.id for each in found if taken.take(each.resources)]
        if len(found) < LOOKED_AT:
            break
        last = found[-1]
    return chosen[:count]
