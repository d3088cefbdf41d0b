"""The audit: intents are recorded before anything runs, outcomes after it, each acknowledged once it is durable."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from servicekit.call_buckets import Bucket
from servicekit.database_errors import CONNECTION_ERRORS, UniqueViolation
from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.large import beside
from servicekit.leased_work import NO_LEASE, Lease
from servicekit.postgres import COMMIT, Connection, Database
from servicekit.row_ids import new_row_id
from servicekit.waiting import waiting_for
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.charging import Charged, ChargedIntent, ChargedIntents
from services.tools.audit.outcome import cancelled
from services.tools.audit.receipts import Chain, intent_digests
from services.tools.audit.store import approvals, invocations, receipts, reconciliations
from services.tools.models import Begun, Intent, Json, Outcome


class Recorder:
    """Writes intents and outcomes of one process, many in a transaction; outcomes are chained there.

    Intents and outcomes share a committer: with one of each, batches were half as large and commits twice as many.
    """

    def __init__(self, database: Database, replica: UUID, metrics: CommitMetrics, awaiting: AwaitingApproval) -> None:
        self._database = database
        self.replica = replica
        self._awaiting = awaiting
        self._chain: Chain | None = None
        # Invocations whose outcome other replicas may be waiting for.
        self._announced: set[UUID] = set()
        # Outcomes written so far.
        self.written = 0
        self._commits: GroupCommit[Intent | Outcome, UUID | Outcome] = GroupCommit(
            "audit", self._write, metrics, abandoned=self._abandoned, size=_size
        )
        self._charged = ChargedIntents(database, metrics, awaiting, self._charged_abandoned)

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Takes records while the block lasts, and writes what is queued when it ends."""
        async with self._database.held() as self._held, self._commits, self._charged.recording():
            yield

    async def ready(self) -> bool:
        """Whether the audit can be written: nothing runs without it."""
        return await self._commits.ready() and await self._charged.commits.ready()

    def new_intent(
        self,
        *,
        tool_name: str,
        tool_etag: str,
        arguments: Json,
        principal: str,
        correlation_id: str,
        idempotency_key: str,
        reference: str = "",
        lease: Lease = NO_LEASE,
        grant_id: str = "",
        begun_as: Begun = "running",
        refused: bool = False,
        digests: tuple[str, bytes, bytes] | None = None,
        invocation_id: UUID | None = None,
    ) -> Intent:
        """A new intent, with its id where it has none yet, its time and its digest.

        Raises:
            ValueError: when the arguments are no JSON.
        """
        text, salt, digest = digests or intent_digests(arguments)
        return Intent(
            id=invocation_id or new_row_id(),
            tool_name=tool_name,
            tool_etag=tool_etag,
            input_params=text,
            input_salt=salt,
            input_digest=digest,
            principal=principal,
            correlation_id=correlation_id,
            idempotency_key=idempotency_key,
            begun_as=begun_as,
            refused=refused,
            replica=self.replica,
            created_at=datetime.now(UTC),
            task_id=lease.resource_id,
            fencing_token=lease.fencing_token,
            grant_id=grant_id,
            reference=reference,
        )

    def announce(self, invocation_id: UUID) -> None:
        """Tells all replicas when this invocation has ended; others are found by those who look again."""
        self._announced.add(invocation_id)

    async def record_intent(self, intent: Intent) -> UUID:
        """Records an intent.

        Returns:
            The id of the invocation that holds the idempotency_key: the intent's own, or that of an earlier one.
        """
        committed = self._commits.submit(intent)
        try:
            with waiting_for(COMMIT):
                holder = await committed
        except asyncio.CancelledError:
            # Cancelled in the very turn in which the commit was answered: the committer took it for delivered.
            if not committed.cancelled() and committed.exception() is None:
                self._abandoned(intent, committed.result())
            raise
        assert isinstance(holder, UUID)
        return holder

    async def record_charged(self, intent: Intent, buckets: Sequence[Bucket]) -> Charged:
        """Records an intent where each of these buckets has one for it, and takes those with it; else nothing."""
        charged = ChargedIntent(intent, buckets)
        committed = self._charged.commits.submit(charged)
        try:
            with waiting_for(COMMIT):
                return await committed
        except asyncio.CancelledError:
            if not committed.cancelled() and committed.exception() is None:
                self._charged_abandoned(charged, committed.result())
            raise

    async def record_outcome(self, outcome: Outcome) -> Outcome:
        """Records how an intent ended; returns the outcome on record, which is another where somebody was faster.

        Raises:
            ServiceError: UNAVAILABLE, where the database is away; it is recorded when that is back.
        """
        with waiting_for(COMMIT):
            standing = await self._commits.submit(outcome, kept=True)
        assert isinstance(standing, Outcome)
        return standing

    def record_outcome_unwatched(self, outcome: Outcome) -> None:
        """The same for a caller that may not wait, because it is being cancelled."""
        # A future that is cancelled reports nothing; if the commit fails, the committer logs it.
        self._commits.submit(outcome, kept=True).cancel()

    def _abandoned(self, operation: Intent | Outcome, answer: UUID | Outcome) -> None:
        """An intent was recorded, but its caller had gone: nothing was run. What awaits its approval goes on anyway."""
        if isinstance(operation, Intent) and answer == operation.id and operation.begun_as != "awaiting_approval":
            self.record_outcome_unwatched(cancelled(operation, "CALLER_GONE"))

    def _charged_abandoned(self, charged: ChargedIntent, answer: Charged) -> None:
        if answer.holder is not None:
            self._abandoned(charged.intent, answer.holder)

    async def _write(self, batch: Sequence[Intent | Outcome]) -> Sequence[UUID | Outcome]:
        intents = [operation for operation in batch if isinstance(operation, Intent)]
        outcomes = [operation for operation in batch if isinstance(operation, Outcome)]
        try:
            async with self._held.used() as connection:
                holders, standing = await self._write_both(connection, intents, outcomes)
        except CONNECTION_ERRORS:
            # Whether the last batch is in the chain cannot be known now; a new chain begins behind what is on record.
            self._chain = None
            raise
        return [holders[op.id] if isinstance(op, Intent) else standing[op.intent.id] for op in batch]

    async def _write_both(
        self, connection: Connection, intents: Sequence[Intent], outcomes: Sequence[Outcome]
    ) -> tuple[Mapping[UUID, UUID], Mapping[UUID, Outcome]]:
        """Who holds the idempotency_key of each intent, and which outcome of each invocation is on record."""
        standing: dict[UUID, Outcome] = {}
        fresh = outcomes
        if self._chain is None:
            chain = Chain.begin(new_row_id())
            await receipts.insert_chain(connection, chain.id)
            self._chain = chain
            standing, fresh = await _unrecorded(connection, outcomes)
        try:
            inserted = await self._append(connection, intents, fresh)
        except UniqueViolation:
            # Somebody else has ended one of them: the sweep of another replica, or this very batch names one twice.
            standing, fresh = await _unrecorded(connection, outcomes)
            inserted = await self._append(connection, intents, fresh)
        # Whoever ended these before us has told their watchers.
        self._announced.difference_update(standing)
        standing.update((outcome.intent.id, outcome) for outcome in fresh)
        return await self._holders(connection, intents, inserted), standing

    async def _append(
        self, connection: Connection, intents: Sequence[Intent], outcomes: Sequence[Outcome]
    ) -> set[UUID]:
        assert self._chain is not None
        chain, links = await beside(sum(map(_size, outcomes)), self._chain.extended, outcomes)
        uncertain = [outcome.intent.id for outcome in outcomes if outcome.uncertain]
        awaiting = {intent.id: intent.reference for intent in intents if intent.begun_as == "awaiting_approval"}
        if awaiting or uncertain:
            async with connection.transaction():
                inserted = await invocations.append(connection, intents, outcomes, links)
                await reconciliations.insert(connection, uncertain)
                await approvals.insert(connection, {each: awaiting[each] for each in awaiting if each in inserted})
            self._awaiting.add(awaiting)
        else:
            # One statement is a transaction, and the only one that most batches need.
            inserted = await invocations.append(connection, intents, outcomes, links)
        self._chain = chain
        self.written += len(outcomes)
        if self._announced:
            announced = [outcome.intent.id for outcome in outcomes if outcome.intent.id in self._announced]
            await invocations.notify(connection, announced)
            self._announced.difference_update(announced)
        return inserted

    async def _holders(
        self, connection: Connection, intents: Sequence[Intent], inserted: set[UUID]
    ) -> Mapping[UUID, UUID]:
        holders = {intent.id: intent.id for intent in intents}
        if len(inserted) == len(intents):
            return holders
        # Left out was an id that an interrupted try had written already, or an idempotency_key that is taken.
        left_out = [intent for intent in intents if intent.id not in inserted]
        written = await invocations.existing_ids(connection, [intent.id for intent in left_out])
        for intent in left_out:
            if intent.id not in written:
                holder = await invocations.id_of_idempotency_key(connection, intent.principal, intent.idempotency_key)
                assert holder is not None, "a row is only left out when another one holds its idempotency_key"
                holders[intent.id] = holder
        return holders


def _size(operation: Intent | Outcome) -> int:
    """How many characters it brings to write."""
    return len((operation.input_params if isinstance(operation, Intent) else operation.result) or "")


async def _unrecorded(
    connection: Connection, outcomes: Sequence[Outcome]
) -> tuple[dict[UUID, Outcome], Sequence[Outcome]]:
    """The outcomes that are on record already, and those that are not; of doubles the first."""
    found = await invocations.get_many(connection, [outcome.intent.id for outcome in outcomes])
    standing = {invocation.intent.id: invocation.outcome for invocation in found if invocation.outcome is not None}
    fresh: dict[UUID, Outcome] = {}
    for outcome in outcomes:
        if outcome.intent.id not in standing:
            fresh.setdefault(outcome.intent.id, outcome)
    return standing, list(fresh.values())
