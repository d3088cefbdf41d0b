"""Writes requests and answers, many in a transaction: exactly one outcome a request, and each caller hears after it.

Whoever changes a request holds the lock of its row; a batch locks in the order of the ids, so two never wait for each
other. The commit of a batch is one write to the disk and one NOTIFY, however many answers are in it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from servicekit.errors import ServiceError
from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from services.hitl import errors
from services.hitl.delivery.store import deliveries
from services.hitl.lifecycle import rules
from services.hitl.lifecycle.store import events, requests, responses
from services.hitl.links import store as links
from services.hitl.metrics import HitlMetrics
from services.hitl.models import Answer, HumanRequest, NewEvent, RequestSpec, Response

# What to do to a request that is locked and not overdue; gives back what it is then and what is to be told.
Change = Callable[[HumanRequest, datetime], rules.Outcome]


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A request that shall be made, and the digest of its body."""

    spec: RequestSpec
    body_digest: bytes
    # Of the body, bytes.
    size: int


@dataclass(frozen=True, slots=True)
class ExpireRequest:
    """A request whose time may be up."""

    human_request_id: str


@dataclass(slots=True)
class _Work:
    """What one transaction does: reads under locks, changes in memory, writes at the end."""

    now: datetime
    standing: dict[str, HumanRequest]
    changed: set[str] = field(default_factory=set)
    responses: list[Response] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)

    def take(self, outcome: rules.Outcome) -> HumanRequest:
        request = outcome.request
        self.standing[request.id] = request
        self.changed.add(request.id)
        if outcome.response is not None:
            self.responses.append(outcome.response)
        self.events += outcome.events
        return request

    def current(self, human_request_id: str) -> HumanRequest | None:
        """A request as it stands, and after its time where that is up."""
        request = self.standing.get(human_request_id)
        if request is not None and request.status == "pending" and request.expires_at <= self.now:
            request = self.take(rules.timed_out(request, self.now))
        return request

    async def write(self, connection: Connection) -> None:
        if self.changed:
            await requests.save(connection, [self.standing[each] for each in sorted(self.changed)])
        if self.responses:
            await responses.insert(connection, self.responses)
        if self.events:
            await deliveries.queue(connection, await events.insert(connection, self.events))
            await events.notify(connection)


class RequestWriter:
    """Everything that changes requests goes through here."""

    def __init__(self, database: Database, commits: CommitMetrics, metrics: HitlMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._commits: GroupCommit[
            CreateRequest | Answer | ExpireRequest, HumanRequest | Response | ServiceError | None
        ] = GroupCommit("requests", self._flush, commits, size=_size)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Takes work while the block lasts, and does what is queued when it ends."""
        async with self._database.held() as self._held, self._commits:
            yield

    async def ready(self) -> bool:
        """Whether requests and answers can be written."""
        return await self._commits.ready()

    async def create(self, wanted: CreateRequest) -> HumanRequest:
        """Records a request; gives back the one on record where it is the same again and still pending.

        Raises:
            ServiceError: HUMAN_REQUEST_EXISTS, HUMAN_REQUEST_REPEATED.
        """
        created = await self._submit(wanted)
        assert isinstance(created, HumanRequest)
        return created

    async def create_in(self, connection: Connection, wanted: CreateRequest) -> HumanRequest:
        """The same in a transaction of the caller's, for an effect that is recorded with its human_request_id."""
        work = await self._begin(connection, [])
        created = (await self._create(connection, work, [wanted]))[id(wanted)]
        if isinstance(created, ServiceError):
            raise created
        await work.write(connection)
        self._metrics.count(work.events, {created.id: created})
        return created

    async def answer(self, answer: Answer) -> Response:
        """Records an answer, or gives back the one of which this is a repetition.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND, LINK_NOT_VALID, and those of `rules.answered`.
        """
        response = await self._submit(answer)
        assert isinstance(response, Response)
        return response

    async def expire(self, human_request_ids: Sequence[str]) -> None:
        """Ends, answers or escalates those of them whose time is up."""
        await asyncio.gather(
            *(self._commits.submit(ExpireRequest(human_request_id)) for human_request_id in human_request_ids)
        )

    async def change(
        self, connection: Connection, human_request_id: str, viewer: Viewer, change: Change
    ) -> HumanRequest:
        """Changes one request in a transaction of the caller's.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND, also where it is not shown to the viewer, and what `change` raises.
        """
        work = await self._begin(connection, [human_request_id])
        request = rules.require_seen(work.current(human_request_id), human_request_id, viewer)
        changed = work.take(change(request, work.now))
        await work.write(connection)
        self._metrics.count(work.events, work.standing)
        return changed

    async def record(self, connection: Connection, event: NewEvent) -> None:
        """Writes an event that changes nothing (a delivery, a new link), in a transaction of the caller's."""
        await self.change(
            connection, event.human_request_id, ITSELF, lambda request, _: rules.Outcome(request, None, [event])
        )

    async def _submit(self, operation: CreateRequest | Answer) -> HumanRequest | Response | None:
        outcome = await self._commits.commit(operation)
        # Refusals come as values: an exception would undo the batch, and with it the answers of others.
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome

    async def _flush(
        self, batch: Sequence[CreateRequest | Answer | ExpireRequest]
    ) -> Sequence[HumanRequest | Response | ServiceError | None]:
        async with self._held.used() as connection, connection.transaction():
            outcomes, work = await self._write(connection, batch)
        self._metrics.count(work.events, work.standing)
        return outcomes

    async def _write(
        self, connection: Connection, batch: Sequence[CreateRequest | Answer | ExpireRequest]
    ) -> tuple[list[HumanRequest | Response | ServiceError | None], _Work]:
        wanted = [each for each in batch if isinstance(each, CreateRequest)]
        work = await self._begin(
            connection, [each.human_request_id for each in batch if not isinstance(each, CreateRequest)]
        )
        created = await self._create(connection, work, wanted) if wanted else {}
        outcomes: list[HumanRequest | Response | ServiceError | None] = []
        for each in batch:
            if isinstance(each, CreateRequest):
                outcomes.append(created.pop(id(each)))
            elif isinstance(each, Answer):
                outcomes.append(await self._answer(connection, work, each))
            else:
                work.current(each.human_request_id)
                outcomes.append(None)
        await work.write(connection)
        return outcomes, work

    async def _begin(self, connection: Connection, ids: Sequence[str]) -> _Work:
        if not ids:
            return _Work(await requests.clock(connection), {})
        await requests.lock(connection, ids)
        # Read after the lock, and the clock after that: what waited for the lock may be late now.
        standing = await requests.get_many(connection, ids)
        return _Work(await requests.clock(connection), standing)

    async def _create(
        self, connection: Connection, work: _Work, wanted: Sequence[CreateRequest]
    ) -> dict[int, HumanRequest | ServiceError]:
        """What became of each, by the identity of what was wanted."""
        # Locked in one order here too, for an id that somebody else is about to take is waited for.
        ordered = sorted(wanted, key=lambda each: each.spec.id)
        fresh = await requests.insert(connection, [(each.spec, each.body_digest) for each in ordered])
        found = await requests.get_many(connection, [each.spec.id for each in ordered])
        outcomes: dict[int, HumanRequest | ServiceError] = {}
        for each in ordered:
            request = found[each.spec.id]
            if request.body_digest != each.body_digest:
                outcomes[id(each)] = errors.human_request_exists(request.id)
                continue
            if request.is_over:
                outcomes[id(each)] = errors.human_request_repeated(request.id, request.status)
                continue
            outcomes[id(each)] = request
            if request.id in fresh:
                fresh.discard(request.id)
                work.standing[request.id] = request
                detail = {"request_type": request.spec.request_type, "prompt": request.spec.prompt[:500]}
                work.events.append(NewEvent(request.id, "created", request.spec.requester, detail))
        return outcomes

    async def _answer(self, connection: Connection, work: _Work, answer: Answer) -> Response | ServiceError:
        try:
            request = work.current(answer.human_request_id)
            request = rules.require_seen(request, answer.human_request_id, answer.viewer)
            response = await beside(answer.size, rules.earlier, request, answer)
            if response is not None:
                return response
            outcome = await beside(answer.size, rules.answered, request, answer, work.now)
            if answer.token_digest is not None and not await links.use(connection, answer.token_digest):
                return errors.link_not_valid()
        except ServiceError as error:
            return error
        work.take(outcome)
        assert outcome.response is not None
        return outcome.response


def _size(operation: CreateRequest | Answer | ExpireRequest) -> int:
    """About what it brings to write."""
    return 0 if isinstance(operation, ExpireRequest) else operation.size
