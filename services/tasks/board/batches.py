"""Claims and completions of many callers: those of one project that come together share a transaction.

The round trips, the board's lock and the commit are had once for all of them, and their idempotency keys are recorded
in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.message import Message

from servicekit.errors import ServiceError
from servicekit.group_commit import CommitMetrics
from servicekit.idempotency import Answer, Claim, Once, claim_all, record_all
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks.board import resources
from services.tasks.board.access import refusal, uuid_of
from services.tasks.board.leases import Leases
from services.tasks.board.merging import Merging
from services.tasks.board.store import batches as store
from services.tasks.board.store import leases as leases_store
from services.tasks.board.store import tasks as tasks_store
from services.tasks.metrics import Tally, TasksMetrics
from services.tasks.models import ClaimRequest, HeldTask, NewLease, Project, ReadyTask, Task

# As many of the best are looked at together where some need resources that others hold; then those behind them.
LOOKED_AT = 200
# Of so many tasks it is known here to which project they belong.
MAX_KNOWN = 100_000
# So many projects are known here as they were last found.
MAX_ENTERED = 1_000


@dataclass(frozen=True, slots=True)
class Operation:
    """What one caller wants: to be given tasks, or to complete the one that it holds."""

    wanted: ClaimRequest | HeldTask
    viewer: Viewer
    # Under which the answer is recorded that is made of the tasks.
    key: Claim | None
    answer: Callable[[list[Task]], Message]


@dataclass(slots=True)
class Outcome:
    """What became of an operation: nothing, unless it says."""

    operation: Operation
    tasks: Sequence[Task] = ()
    error: ServiceError | None = None
    # What was answered under its key, now or earlier.
    response: bytes | None = None
    # Another of the same batch has its key.
    again: bool = False


class Batches:
    """Does what several want in one transaction, where nothing is to be said of it but that it is done."""

    def __init__(self, database: Database, leases: Leases, metrics: TasksMetrics, commits: CommitMetrics) -> None:
        self._database = database
        self._leases = leases
        self._metrics = metrics
        self._size = commits.size.labels("batches")
        self._duration = commits.duration.labels("batches")
        # By projects, so that one that is locked for a while holds nobody else up.
        self._operations: Merging[Operation, Outcome] = Merging(self._write, self._give_back)
        self._projects: Merging[UUID, UUID | None] = Merging(self._look_up)
        # To which project tasks belong, for good: those that were claimed here, and are about to be completed.
        self._known: dict[str, UUID] = {}
        # Projects as they were last found; one that has changed since is found again.
        self._entered: dict[UUID, Project] = {}
        commits.queued.labels("batches").set_function(lambda: self._operations.waiting)

    async def claim(self, wanted: ClaimRequest, viewer: Viewer, once: Once[list[Task], Answer]) -> Answer | None:
        """Gives leases of the best that are ready; None where none is.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PERMISSION_DENIED.
        """
        operation = Operation(wanted, viewer, once.claim(), once.answer)
        outcome = await self._done(uuid_of(wanted.project_id), operation)
        if outcome.response is not None:
            return once.recorded(outcome.response)
        return await once.answered(list(outcome.tasks)) if outcome.tasks else None

    async def complete(self, held: HeldTask, viewer: Viewer, once: Once[Task, Answer]) -> Answer | None:
        """Completes a task that its caller holds; None where it must be looked at alone, also to say why not."""
        project_id = self._known.get(str(held.task_id)) or await self._projects.submit("", held.task_id)
        if project_id is None:
            return None
        operation = Operation(held, viewer, once.claim(), lambda tasks: once.answer(tasks[0]))
        outcome = await self._done(project_id, operation)
        if outcome.response is not None:
            return once.recorded(outcome.response)
        return await once.answered(outcome.tasks[0]) if outcome.tasks else None

    async def _done(self, project_id: UUID, operation: Operation) -> Outcome:
        while (outcome := await self._operations.submit(str(project_id), operation)).again:
            # By now it is known what was answered under the key.
            pass
        if outcome.error is not None:
            raise outcome.error
        return outcome

    async def _look_up(self, _: str, task_ids: Sequence[UUID]) -> Sequence[UUID | None]:
        async with self._database.connection() as connection:
            found = await tasks_store.projects_of(connection, task_ids)
        return [found.get(each) for each in task_ids]

    async def _write(self, project: str, operations: Sequence[Operation]) -> Sequence[Outcome]:
        project_id, tally = UUID(project), Tally()
        outcomes = list(map(Outcome, operations))
        self._size.observe(len(operations))
        with self._duration.time():
            await self._commit(project_id, outcomes, tally)
        self._metrics.count(tally)
        self._remember(outcomes)
        return outcomes

    async def _commit(self, project_id: UUID, outcomes: Sequence[Outcome], tally: Tally) -> None:
        if all(each.operation.key is None for each in outcomes):
            # One statement is a transaction of its own: two round trips less.
            async with self._database.connection() as connection:
                if await self._write_at_once(connection, project_id, outcomes, tally):
                    return
        async with self._database.transaction() as connection:
            keyed = await _with_keys_of_theirs(connection, outcomes)
            is_open = [each for each in outcomes if _is_open(each)]
            if not (keyed and await self._write_at_once(connection, project_id, is_open, tally)):
                await self._write_in(connection, project_id, is_open, tally)
            for each in keyed:
                if each.tasks:
                    each.response = each.operation.answer(list(each.tasks)).SerializeToString()
            await record_all(connection, [(_key(each), each.response) for each in keyed])

    async def _write_at_once(
        self, connection: Connection, project_id: UUID, outcomes: Sequence[Outcome], tally: Tally
    ) -> bool:
        """Does all of it in one statement; False where nothing was done, for it may need more than one."""
        project = self._entered.get(project_id)
        tags = {each.operation.wanted.tag for each in outcomes if isinstance(each.operation.wanted, ClaimRequest)}
        if project is None or len(tags) > 1:
            return False
        # Most come from few callers.
        viewers = {id(each.operation.viewer.principal): each.operation.viewer for each in outcomes}
        denied = {key: refusal(project, project.id, viewer) for key, viewer in viewers.items()}
        allowed = [each for each in outcomes if not denied[id(each.operation.viewer.principal)]]
        by_place, held = _held(allowed)
        claims = [each for each in allowed if isinstance(each.operation.wanted, ClaimRequest)]
        wanted = [
            (each, each.operation.viewer.name, _claimed(each).lease)
            for each in claims
            for _ in range(_claimed(each).count)
        ]
        done = await store.complete_and_grant(
            connection, project, held, "".join(tags), [(name, lease) for _, name, lease in wanted]
        )
        if done is None:
            return False
        completed, granted = done
        for place, task in completed.items():
            by_place[place].tasks = [task]
            tally.statuses.append(task.status)
        for place in sorted(granted):
            claim = wanted[place][0]
            claim.tasks = [*claim.tasks, granted[place]]
        tally.given += len(granted)
        for each in outcomes:
            if isinstance(each.operation.wanted, ClaimRequest):
                each.error = denied[id(each.operation.viewer.principal)]
        return True

    async def _write_in(
        self, connection: Connection, project_id: UUID, outcomes: Sequence[Outcome], tally: Tally
    ) -> None:
        entered = await store.enter(connection, project_id)
        project = entered.project if entered else None
        self._remember_project(project_id, project)
        claims: list[Outcome] = []
        completions: list[Outcome] = []
        for each in outcomes:
            refused = refusal(project, str(project_id), each.operation.viewer)
            if isinstance(each.operation.wanted, HeldTask):
                # Whoever is refused hears it alone.
                completions += [] if refused else [each]
            elif refused:
                each.error = refused
            else:
                claims.append(each)
        if entered is None:
            return
        in_need = entered.in_need or entered.expired
        if claims and in_need:
            await leases_store.lock_resources(connection, project_id)
        await store.lock_board(connection, project_id)
        # Before the claims: what depends on these may be ready then.
        await _complete(connection, project_id, completions, tally)
        if claims and entered.expired:
            await self._leases.expire_in(connection, project_id, tally)
            await store.number_events(connection)
        for tag in dict.fromkeys(_claimed(each).tag for each in claims):
            asking = [each for each in claims if _claimed(each).tag == tag]
            await _give(connection, project_id, asking, in_need=in_need)
        tally.given += sum(len(each.tasks) for each in claims)

    def _remember_project(self, project_id: UUID, project: Project | None) -> None:
        if project is None:
            self._entered.pop(project_id, None)
            return
        self._entered[project_id] = project
        while len(self._entered) > MAX_ENTERED:
            del self._entered[next(iter(self._entered))]

    def _remember(self, outcomes: Sequence[Outcome]) -> None:
        for each in outcomes:
            for task in each.tasks:
                if task.leased:
                    self._known[task.id] = uuid_of(task.project_id)
                else:
                    self._known.pop(task.id, None)
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    async def _give_back(self, outcome: Outcome) -> None:
        """Whoever had claimed these went away before they heard of it, and cannot ask what it was."""
        if outcome.response is None:
            for task in outcome.tasks:
                if task.leased:
                    await self._leases.give_back(task)


def _key(outcome: Outcome) -> Claim:
    assert outcome.operation.key is not None
    return outcome.operation.key


def _claimed(outcome: Outcome) -> ClaimRequest:
    assert isinstance(outcome.operation.wanted, ClaimRequest)
    return outcome.operation.wanted


def _is_open(outcome: Outcome) -> bool:
    return not (outcome.again or outcome.error or outcome.response is not None)


async def _with_keys_of_theirs(connection: Connection, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those whose idempotency key is used for the first time; of the others it is told what was answered under it."""
    keyed = [each for each in outcomes if each.operation.key is not None]
    mine: list[Outcome] = []
    for each, earlier in zip(keyed, await claim_all(connection, list(map(_key, keyed))), strict=True):
        if earlier is None:
            mine.append(each)
        elif isinstance(earlier, ServiceError):
            each.error = earlier
        elif earlier:
            each.response = earlier
        else:
            each.again = True
    return mine


async def _complete(connection: Connection, project_id: UUID, completions: Sequence[Outcome], tally: Tally) -> None:
    """Completes what needs no other word, each once, for the first who says to hold it."""
    by_place, held = _held(completions)
    by_id = {each.task_id: outcome for outcome, each in zip(by_place, held, strict=True)}
    if held:
        for task in await store.complete(connection, project_id, held):
            by_id[UUID(task.id)].tasks = [task]
            tally.statuses.append(task.status)


def _held(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[HeldTask]]:
    """Those that complete, the first of each task, and what they say to hold."""
    by_id: dict[UUID, Outcome] = {}
    held: list[HeldTask] = []
    for each in outcomes:
        wanted = each.operation.wanted
        if isinstance(wanted, HeldTask) and by_id.setdefault(wanted.task_id, each) is each:
            held.append(wanted)
    return list(by_id.values()), held


async def _give(connection: Connection, project_id: UUID, claims: Sequence[Outcome], *, in_need: bool) -> None:
    """The best with a tag, shared out among those who want such, in their order."""
    count = sum(_claimed(each).count for each in claims)
    left = await (_best_free if in_need else _best)(connection, project_id, _claimed(claims[0]).tag, count)
    holders: dict[UUID, Outcome] = {}
    grants: list[NewLease] = []
    for claim in claims:
        wanted = _claimed(claim)
        share, left = left[: wanted.count], left[wanted.count :]
        holders |= dict.fromkeys(share, claim)
        grants += [NewLease(each, claim.operation.viewer.name, wanted.lease) for each in share]
    given = {UUID(task.id): task for task in await store.grant(connection, project_id, grants)} if grants else {}
    for task_id, claim in holders.items():
        if task_id in given:
            claim.tasks = [*claim.tasks, given[task_id]]


async def _best(connection: Connection, project_id: UUID, tag: str, count: int) -> list[UUID]:
    """The best that are ready, where nothing needs resources."""
    found = await leases_store.ready(connection, project_id, tag, count)
    return [each.id for each in found]


async def _best_free(connection: Connection, project_id: UUID, tag: str, count: int) -> list[UUID]:
    """The best that are ready and can have what they need, however many cannot; the caller has the resources' lock."""
    taken = resources.Taken((await leases_store.held(connection, project_id)).values())
    chosen: list[UUID] = []
    last: ReadyTask | None = None
    while len(chosen) < count:
        found = await leases_store.ready_after(connection, project_id, tag, last, LOOKED_AT)
        chosen += [each.id for each in found if taken.take(each.resources)]
        if len(found) < LOOKED_AT:
            break
        last = found[-1]
    return await store.lock_free(connection, chosen[:count])
