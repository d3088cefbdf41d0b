"""The audit: intents are recorded before anything runs, endings after it, each acknowledged once it is durable."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import uuid_utils.compat as uuid

from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.postgres import CONNECTION_ERRORS, Connection, Database, UniqueViolation
from services.tools.models import Ending, FinalStatus, Intent, Json
from services.tools.receipts import Chain, intent_digests
from services.tools.store import invocations, receipts

# Told an intent that was recorded although nobody waits any more.
Orphaned = Callable[[Intent], None]


class Recorder:
    """Writes intents and endings of one process, many in a transaction; endings get their place in the chain there."""

    def __init__(self, database: Database, writer: UUID, metrics: CommitMetrics, orphaned: Orphaned) -> None:
        self._database = database
        self._writer = writer
        self._orphaned = orphaned
        self._chain: Chain | None = None
        # Invocations whose ending other replicas may be waiting for.
        self._announced: set[UUID] = set()
        # Endings written so far.
        self.written = 0

        def abandoned(intent: Intent, holder: UUID) -> None:
            if holder == intent.id:
                orphaned(intent)

        self._intents = GroupCommit("intents", self._write_intents, metrics, abandoned=abandoned)
        self._endings = GroupCommit("endings", self._write_endings, metrics)

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Takes records while the block lasts, and writes what is queued when it ends."""
        async with self._endings, self._intents:
            yield

    def intent(
        self,
        *,
        tool_name: str,
        tool_etag: str,
        arguments: Json,
        principal: str,
        correlation_id: str,
        request_id: str,
        begun_as: Literal["pending", "running"] = "running",
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
            request_id=request_id,
            begun_as=begun_as,
            refused=refused,
            writer=self._writer,
            created_at=datetime.now(UTC),
        )

    def announce(self, invocation_id: UUID) -> None:
        """Tells all replicas when this invocation has ended; others are found by those who look again."""
        self._announced.add(invocation_id)

    async def begin(self, intent: Intent) -> UUID:
        """Records an intent.

        Returns:
            The id of the invocation that holds the request_id: the intent's own, or that of an earlier one.
        """
        committed = self._intents.submit(intent)
        try:
            return await committed
        except asyncio.CancelledError:
            # Cancelled in the very turn in which the commit was answered: the committer took it for delivered.
            if not committed.cancelled() and committed.exception() is None and committed.result() == intent.id:
                self._orphaned(intent)
            raise

    async def end(self, ending: Ending) -> Ending:
        """Records how an intent ended; returns the ending on record, which is another where somebody was faster."""
        return await self._endings.submit(ending)

    def end_unwatched(self, ending: Ending) -> None:
        """The same for a caller that may not wait, because it is being cancelled."""
        # The future may fail while nobody looks; the committer has logged it then.
        self._endings.submit(ending).cancel()

    async def _write_intents(self, intents: Sequence[Intent]) -> Sequence[UUID]:
        async with self._database.connection() as connection:
            inserted = await invocations.insert_intents(connection, intents)
            if len(inserted) == len(intents):
                return [intent.id for intent in intents]
            # Left out was an id that an interrupted try had written already, or a request_id that is taken.
            left_out = [intent.id for intent in intents if intent.id not in inserted]
            inserted |= await invocations.existing_ids(connection, left_out)
            return [
                intent.id if intent.id in inserted else await self._holder(connection, intent) for intent in intents
            ]

    async def _holder(self, connection: Connection, intent: Intent) -> UUID:
        holder = await invocations.id_of_request(connection, intent.principal, intent.request_id)
        assert holder is not None, "a row is only left out when another one holds its request_id"
        return holder

    async def _write_endings(self, endings: Sequence[Ending]) -> Sequence[Ending]:
        try:
            async with self._database.connection() as connection:
                if self._chain is None:
                    chain = Chain.begin(uuid.uuid7())
                    await receipts.insert_chain(connection, chain.id)
                    self._chain = chain
                    return await self._write_unrecorded(connection, endings)
                try:
                    return await self._append(connection, endings)
                except UniqueViolation:
                    return await self._write_unrecorded(connection, endings)
        except CONNECTION_ERRORS:
            # Whether the last batch is in the chain cannot be known now; a new chain begins behind what is on record.
            self._chain = None
            raise

    async def _append(self, connection: Connection, endings: Sequence[Ending]) -> Sequence[Ending]:
        assert self._chain is not None
        chain, links = self._chain.extended(endings)
        await invocations.insert_endings(connection, endings, links)
        self._chain = chain
        self.written += len(endings)
        announced = [ending.intent.id for ending in endings if ending.intent.id in self._announced]
        if announced:
            await invocations.notify(connection, announced)
            self._announced.difference_update(announced)
        return endings

    async def _write_unrecorded(self, connection: Connection, endings: Sequence[Ending]) -> Sequence[Ending]:
        """Appends those that have no ending yet; of the others, and of doubles within the batch, the first stands."""
        found = await invocations.get_many(connection, [ending.intent.id for ending in endings])
        standing = {i.intent.id: i.ending for i in found if i.ending is not None}
        fresh: dict[UUID, Ending] = {}
        for ending in endings:
            if ending.intent.id not in standing:
                fresh.setdefault(ending.intent.id, ending)
        await self._append(connection, list(fresh.values()))
        return [standing.get(ending.intent.id) or fresh[ending.intent.id] for ending in endings]


def ended(
    intent: Intent, status: FinalStatus, *, result: str | None = None, error: str = "", error_reason: str = ""
) -> Ending:
    """An ending now. Text that Postgres cannot hold is replaced."""
    return Ending(
        intent, status, result, error.replace("\0", "\N{REPLACEMENT CHARACTER}"), error_reason, datetime.now(UTC)
    )
