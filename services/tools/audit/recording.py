"""The audit: intents are recorded before anything runs, endings after it, each acknowledged once it is durable."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat as uuid

from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.postgres import CONNECTION_ERRORS, Connection, Database, UniqueViolation
from services.tools.audit.receipts import Chain, intent_digests
from services.tools.audit.store import approvals, invocations, receipts
from services.tools.models import Approval, Begun, Ending, FinalStatus, Intent, Json

# Told an intent that was recorded although nobody waits any more.
Orphaned = Callable[[Intent], None]


class Recorder:
    """Writes intents and endings of one process, many in a transaction; endings get their place in the chain there.

    Intents and endings share a committer: with one of each, batches were half as large and commits twice as many.
    """

    def __init__(self, database: Database, replica: UUID, metrics: CommitMetrics, orphaned: Orphaned) -> None:
        self._database = database
        self._replica = replica
        self._orphaned = orphaned
        self._chain: Chain | None = None
        # Invocations whose ending other replicas may be waiting for.
        self._announced: set[UUID] = set()
        # Endings written so far.
        self.written = 0
        self._commits: GroupCommit[Intent | Ending, UUID | Ending] = GroupCommit(
            "audit", self._write, metrics, abandoned=self._abandoned
        )

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Takes records while the block lasts, and writes what is queued when it ends."""
        async with self._database.held() as self._held, self._commits:
            yield

    def intent(
        self,
        *,
        tool_name: str,
        tool_etag: str,
        arguments: Json,
        principal: str,
        correlation_id: str,
        idempotency_key: str,
        begun_as: Begun = "running",
        refused: bool = False,
    ) -> Intent:
        """A new intent, with its id, its time and its digest.

        Raises:
            ValueError: when the arguments are no JSON.
        """
        text, salt, digest = intent_digests(arguments)
        return Intent(
            id=uuid.uuid7(),
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
            replica=self._replica,
            created_at=datetime.now(UTC),
        )

    def announce(self, invocation_id: UUID) -> None:
        """Tells all replicas when this invocation has ended; others are found by those who look again."""
        self._announced.add(invocation_id)

    async def begin(self, intent: Intent) -> UUID:
        """Records an intent.

        Returns:
            The id of the invocation that holds the idempotency_key: the intent's own, or that of an earlier one.
        """
        committed = self._commits.submit(intent)
        try:
            holder = await committed
        except asyncio.CancelledError:
            # Cancelled in the very turn in which the commit was answered: the committer took it for delivered.
            if not committed.cancelled() and committed.exception() is None:
                self._abandoned(intent, committed.result())
            raise
        assert isinstance(holder, UUID)
        return holder

    async def end(self, ending: Ending) -> Ending:
        """Records how an intent ended; returns the ending on record, which is another where somebody was faster."""
        standing = await self._commits.submit(ending)
        assert isinstance(standing, Ending)
        return standing

    def end_unwatched(self, ending: Ending) -> None:
        """The same for a caller that may not wait, because it is being cancelled."""
        # A future that is cancelled reports nothing; if the commit fails, the committer logs it.
        self._commits.submit(ending).cancel()

    def _abandoned(self, operation: Intent | Ending, answer: UUID | Ending) -> None:
        if isinstance(operation, Intent) and answer == operation.id:
            self._orphaned(operation)

    async def _write(self, batch: Sequence[Intent | Ending]) -> Sequence[UUID | Ending]:
        intents = [operation for operation in batch if isinstance(operation, Intent)]
        endings = [operation for operation in batch if isinstance(operation, Ending)]
        try:
            connection = await self._held.get()
            holders, standing = await self._write_both(connection, intents, endings)
        except CONNECTION_ERRORS:
            self._held.drop()
            # Whether the last batch is in the chain cannot be known now; a new chain begins behind what is on record.
            self._chain = None
            raise
        return [holders[op.id] if isinstance(op, Intent) else standing[op.intent.id] for op in batch]

    async def _write_both(
        self, connection: Connection, intents: Sequence[Intent], endings: Sequence[Ending]
    ) -> tuple[Mapping[UUID, UUID], Mapping[UUID, Ending]]:
        """Who holds the idempotency_key of each intent, and which ending of each invocation is on record."""
        standing: dict[UUID, Ending] = {}
        fresh = endings
        if self._chain is None:
            chain = Chain.begin(uuid.uuid7())
            await receipts.insert_chain(connection, chain.id)
            self._chain = chain
            standing, fresh = await _unrecorded(connection, endings)
        try:
            inserted = await self._append(connection, intents, fresh)
        except UniqueViolation:
            # Somebody else has ended one of them: the sweep of another replica, or this very batch names one twice.
            standing, fresh = await _unrecorded(connection, endings)
            inserted = await self._append(connection, intents, fresh)
        # Whoever ended these before us has told their watchers.
        self._announced.difference_update(standing)
        standing.update((ending.intent.id, ending) for ending in fresh)
        return await self._holders(connection, intents, inserted), standing

    async def _append(self, connection: Connection, intents: Sequence[Intent], endings: Sequence[Ending]) -> set[UUID]:
        assert self._chain is not None
        chain, links = self._chain.extended(endings)
        awaiting = [intent.id for intent in intents if intent.begun_as == "awaiting_approval"]
        if awaiting:
            async with connection.transaction():
                inserted = await invocations.append(connection, intents, endings, links)
                await approvals.insert(connection, [identity for identity in awaiting if identity in inserted])
        else:
            # One statement is a transaction, and the only one that most batches need.
            inserted = await invocations.append(connection, intents, endings, links)
        self._chain = chain
        self.written += len(endings)
        if self._announced:
            announced = [ending.intent.id for ending in endings if ending.intent.id in self._announced]
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


async def _unrecorded(connection: Connection, endings: Sequence[Ending]) -> tuple[dict[UUID, Ending], Sequence[Ending]]:
    """The endings that are on record already, and those that are not; of doubles the first."""
    found = await invocations.get_many(connection, [ending.intent.id for ending in endings])
    standing = {invocation.intent.id: invocation.ending for invocation in found if invocation.ending is not None}
    fresh: dict[UUID, Ending] = {}
    for ending in endings:
        if ending.intent.id not in standing:
            fresh.setdefault(ending.intent.id, ending)
    return standing, list(fresh.values())


def ended(
    intent: Intent,
    status: FinalStatus,
    *,
    result: str | None = None,
    error: str = "",
    error_reason: str = "",
    approval: Approval | None = None,
) -> Ending:
    """An ending now."""
    return Ending(intent, status, result, storable(error), error_reason, datetime.now(UTC), approval)


def storable(text: str) -> str:
    """The text with what Postgres cannot hold replaced: zero characters, and halves of surrogate pairs."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
