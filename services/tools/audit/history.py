"""Reads the audit: lists, watches, exports, summaries, redaction, verification."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from servicekit import pagination
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Database
from services.tools import errors
from services.tools.audit.archiving import ArchiveVerifier
from services.tools.audit.checkpoints import CheckpointVerifier
from services.tools.audit.models import Archive, Checkpoint, Fault, InvocationFilter, ToolSummary, Verification
from services.tools.audit.receipts import Verifier
from services.tools.audit.store import invocations as store
from services.tools.audit.store import lists, shown, summaries
from services.tools.audit.store import receipts as receipts_store
from services.tools.audit.store import retention as retention_store
from services.tools.models import Event, Invocation
from services.tools.reach import seen_by

EXPORT_PAGE = 500
ROWS_A_TURN = 100
MAX_SUMMARIES = 1_000
HEARTBEAT_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 1.0


class History:
    """What was recorded, as far as whoever looks is shown it."""

    def __init__(self, database: Database, waiters: Waiters, keys: Sequence[Ed25519PublicKey]) -> None:
        self._database = database
        self._waiters = waiters
        self._keys = keys

    async def get(self, invocation_id: str, viewer: Viewer) -> Invocation:
        """One invocation.

        Raises:
            ServiceError: INVOCATION_NOT_FOUND, also for what is no UUID or not shown to the viewer.
        """
        try:
            parsed = UUID(invocation_id)
        except ValueError:
            raise errors.invocation_not_found(invocation_id) from None
        async with self._database.connection() as connection:
            found = await store.get(connection, parsed)
            names = await shown.tool_names(connection, seen_by(viewer.principal))
        is_shown = found is not None and (names is None or names.has(found.intent.tool_name))
        if found is None or not is_shown or not viewer.sees(found.audience):
            raise errors.invocation_not_found(invocation_id)
        return found

    async def page(
        self,
        wanted: InvocationFilter,
        viewer: Viewer,
        page_size: int,
        page_token: str,
        offset: int,
        *,
        full: bool,
    ) -> tuple[list[Invocation], str]:
        """A page, newest first, and the token of the next; long documents are in it only where it is `full`."""
        asked = pagination.page_request(page_size, page_token, wanted.fields, UUID)
        async with self._database.reading() as connection:
            whose = lists.Whose(viewer, await shown.tool_names(connection, seen_by(viewer.principal)))
            found, whole = await lists.list_before(
                connection, wanted, whose, asked.after, asked.limit, offset, full=full
            )
        return asked.page(found, lambda invocation: [str(invocation.intent.id)], whole=whole)

    async def watch(self, invocation_id: str, viewer: Viewer, after_sequence: int) -> AsyncIterator[Event | None]:
        """Events after a sequence number until the invocation has ended; None where nothing happens for a while."""
        invocation = await self.get(invocation_id, viewer)
        identity = invocation.intent.id
        sequence = after_sequence
        with self._waiters.registered(str(identity)) as woken:
            beat_at = monotonic() + HEARTBEAT_SECONDS
            while True:
                woken.clear()
                # First the state, then the events: an outcome that is there has all events before it. It is looked at
                # each second, so without its documents, which may be long.
                async with self._database.connection() as connection:
                    standing = await lists.get_basic(connection, identity)
                    if standing is None or not viewer.sees(standing.audience):
                        raise errors.invocation_not_found(invocation_id)
                    events = await store.events_after(connection, identity, max(sequence, 1))
                    last = events[-1][0] if events else await store.last_event(connection, identity)
                    approval = standing.approval
                    if events and approval is not None:
                        # What happened since the state was looked at may follow from a decision.
                        after = await lists.get_basic(connection, identity)
                        approval = None if after is None else after.approval
                if sequence < 1:
                    sequence = 1
                    intent = invocation.intent
                    asked = standing.approval and replace(standing.approval, decision=None)
                    yield Event(1, intent.created_at, Invocation(intent, intent.begun_as, approval=asked))
                for number, at, progress in events:
                    sequence = number
                    running = Invocation(invocation.intent, "running", approval=approval)
                    yield Event(number, at, progress or running)
                if standing.outcome is not None:
                    invocation = await self.get(invocation_id, viewer)
                    assert invocation.outcome is not None
                    yield Event(last + 1, invocation.outcome.completed_at, invocation)
                    return
                if events:
                    beat_at = monotonic() + HEARTBEAT_SECONDS
                elif monotonic() >= beat_at:
                    beat_at = monotonic() + HEARTBEAT_SECONDS
                    yield None
                await wait_for(woken, LOOK_AGAIN_SECONDS)

    async def summarize(self, wanted: InvocationFilter, viewer: Viewer) -> list[ToolSummary]:
        """Per tool, over the last 24 hours where no begin is given."""
        created_after = wanted.created_after or datetime.now(UTC) - timedelta(hours=24)
        async with self._database.reading() as connection:
            names = await shown.tool_names(connection, seen_by(viewer.principal))
            return await summaries.summary(connection, wanted, created_after, viewer, MAX_SUMMARIES, names)

    async def export(self, wanted: InvocationFilter, viewer: Viewer) -> AsyncGenerator[list[Invocation], None]:
        """Everything, oldest first, in pages; rows that arrive meanwhile are not in it."""
        bounded = replace(wanted, created_before=wanted.created_before or datetime.now(UTC))
        after = None
        async with self._database.snapshot() as connection:
            whose = lists.Whose(viewer, await shown.tool_names(connection, seen_by(viewer.principal)))
            while True:
                page, more = await lists.list_after(connection, bounded, whose, after, EXPORT_PAGE)
                if page:
                    yield page
                    after = page[-1].intent.id
                if not more:
                    return

    async def redact(self, invocation_id: str, fields: list[str], viewer: Viewer, reason: str) -> Invocation:
        """Erases documents of an ended invocation; their digests stay."""
        invocation = await self.get(invocation_id, viewer)
        if not invocation.ended:
            raise errors.invocation_not_ended(invocation_id)
        async with self._database.transaction() as connection:
            for field in fields:
                await store.redact(connection, invocation.intent.id, field)
                await store.insert_redaction(connection, invocation.intent.id, field, viewer.name, reason)
        return await self.get(invocation_id, viewer)

    async def receipt(self, invocation_id: str, viewer: Viewer) -> tuple[Invocation, Checkpoint | None]:
        """An ended invocation with its link, and the first checkpoint that covers it."""
        invocation = await self.get(invocation_id, viewer)
        if invocation.outcome is None or invocation.link is None:
            raise errors.invocation_not_ended(invocation_id)
        link = invocation.link
        async with self._database.connection() as connection:
            checkpoint = await receipts_store.first_covering(
                connection, link.chain_id, link.sequence, invocation.outcome.completed_at
            )
        return invocation, checkpoint

    async def verify(
        self, viewer: Viewer, completed_after: datetime | None, completed_before: datetime | None
    ) -> Verification:
        """Recomputes receipts from the rows, and checks chains and checkpoints.

        All of them, whoever asks: a chain holds or it does not. What is told is of the viewer's own receipts, and of
        checkpoints and archives, which are everybody's.
        """
        archives = ArchiveVerifier(self._keys)
        checkpoints = CheckpointVerifier(self._keys)
        whole = completed_after is None and completed_before is None
        receipts = Verifier(whole=whole)
        told, unsigned = 0, 0
        faults: list[Fault] = []
        # One snapshot, so that what is written meanwhile confuses nothing.
        async with self._database.snapshot() as connection:
            whose = lists.Whose(viewer, await shown.tool_names(connection, seen_by(viewer.principal)))
            for archive in await retention_store.archives(connection):
                archives.check(archive)
            receipts.pass_over(archives.runs)
            async for checkpoint in receipts_store.checkpoints(connection):
                checkpoints.check(checkpoint)
            if whole:
                for (chain_id, sequence), digest in checkpoints.stated.items():
                    receipts.expect(UUID(chain_id), sequence, digest)
            count = 0
            async for row in receipts_store.rows(connection, completed_after, completed_before):
                found = await beside(row.size, receipts.check, row)
                if whose.includes(row.outcome.intent.tool_name if row.outcome else "", row.audience):
                    told += 1
                    unsigned += row.link.sequence > checkpoints.covered.get(str(row.link.chain_id), 0)
                    faults += found
                count += 1
                if count % ROWS_A_TURN == 0:
                    # Others want to be served meanwhile.
                    await asyncio.sleep(0)
        # What is missing from a chain, nobody can say whose it was.
        missing = receipts.finish()
        faults += missing if viewer.sees_all else []
        return Verification(told, checkpoints.count, unsigned, [*faults, *checkpoints.faults, *archives.faults])

    async def export_receipts(
        self, viewer: Viewer, completed_after: datetime | None, completed_before: datetime | None
    ) -> AsyncGenerator[Archive | Invocation | Checkpoint, None]:
        """Statements of what left, ended invocations by chain and sequence, then all checkpoints."""
        async with self._database.snapshot() as connection:
            whose = lists.Whose(viewer, await shown.tool_names(connection, seen_by(viewer.principal)))
            for archive in await retention_store.archives(connection):
                yield archive
            async for row in receipts_store.rows(connection, completed_after, completed_before):
                if row.outcome is not None and whose.includes(row.outcome.intent.tool_name, row.audience):
                    outcome, link = row.outcome, row.link
                    yield Invocation(
                        outcome.intent, outcome.status, outcome, link, row.redacted_fields, outcome.approval
                    )
            async for checkpoint in receipts_store.checkpoints(connection):
                yield checkpoint
