"""Archives: what leaves the audit, in lines that verify together with what stays, and a signed statement of it."""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from servicekit.partitions import Partitioned, lowest_uuid7, partitions, time_of_uuid7
from servicekit.postgres import Connection, Database
from services.tools.audit.canonical import canonical
from services.tools.audit.checkpoints import NOTHING_BEFORE, SigningKey, is_signed, key_id
from services.tools.audit.models import Archive, ArchivedRun, Fault
from services.tools.audit.receipts import timestamp
from services.tools.audit.store import receipts as receipts_store
from services.tools.audit.store import retention as store
from services.tools.models import Invocation

OUTCOMES = Partitioned("outcomes", "uuid7")
# What is being recorded now has an id of a moment ago.
SETTLED = timedelta(days=1)


class Archiving:
    """States what leaves, and writes it."""

    def __init__(self, database: Database, key: SigningKey) -> None:
        self._database = database
        self._key = key

    async def end_before(self, connection: Connection, at: datetime) -> datetime | None:
        """The end of the last partition that is over by then, without anything open up to it; None: there is none."""
        oldest = await store.oldest_open(connection)
        latest = min(at, datetime.now(UTC) - SETTLED, *([time_of_uuid7(oldest)] if oldest is not None else []))
        pieces = await partitions(connection, OUTCOMES)
        return max((piece.until for piece in pieces if piece.until is not None and piece.until <= latest), default=None)

    async def end_of_archives(self, connection: Connection, until: datetime) -> datetime | None:
        """Up to where whole archives end that have nothing from then on; None: there is none."""
        ends = [archive.until for archive in await store.archives(connection) if archive.until <= lowest_uuid7(until)]
        return time_of_uuid7(max(ends)) if ends else None

    async def state(self, connection: Connection, until: datetime) -> Archive | None:
        """Signs what leaves up to the end of a partition, in the caller's transaction; what was stated last, if it was.

        None where more than that is in archives already.
        """
        await store.lock_archives(connection)
        earlier = await store.archives(connection)
        last = earlier[-1] if earlier else None
        end = lowest_uuid7(until)
        if last is not None and end <= last.until:
            return last if end == last.until else None
        runs = await store.runs(connection, last.until if last is not None else UUID(int=0), end)
        signed_at = datetime.now(UTC)
        sequence = 1 if last is None else last.sequence + 1
        content = canonical(
            {
                "chains": [_stated(run) for run in runs],
                "previous": NOTHING_BEFORE if last is None else hashlib.sha256(last.content.encode()).hexdigest(),
                "receipts": sum(run.last - run.first + 1 for run in runs),
                "sequence": sequence,
                "signed_at": timestamp(signed_at),
                "until": str(end),
            }
        )
        archive = Archive(sequence, signed_at, end, content, self._key.sign(content), self._key.key_id)
        await store.insert_archive(connection, archive)
        await store.note_archived(connection, runs)
        return archive

    async def export(self, created_before: datetime) -> AsyncGenerator[Archive | Invocation, None]:
        """The statement of what leaves, then its receipts by chain and sequence; nothing where nothing can leave."""
        async with self._database.transaction() as connection:
            until = await self.end_before(connection, created_before)
            archive = None if until is None else await self.state(connection, until)
        if archive is None:
            return
        yield archive
        async with self._database.snapshot() as connection:
            pieces = [(run.chain_id, run.first, run.last) for run in runs_of(archive)]
            async for row in receipts_store.rows_of(connection, pieces):
                if row.outcome is not None:
                    outcome, link = row.outcome, row.link
                    yield Invocation(
                        outcome.intent, outcome.status, outcome, link, row.redacted_fields, outcome.approval
                    )


class ArchiveVerifier:
    """Checks the statements of what left, in order; what they say counts where their signature does."""

    def __init__(self, public: Sequence[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in public}
        self._previous = NOTHING_BEFORE
        self._sequence = 0
        self.faults: list[Fault] = []
        self.runs: list[ArchivedRun] = []

    def check(self, archive: Archive) -> None:
        """Takes the next statement."""
        if not is_signed(archive, self._keys):
            self._fault("SIGNATURE_WRONG", "the signature does not fit the content and the key", archive)
        else:
            content = orjson.loads(archive.content)
            said = (content["sequence"], content["previous"], content["signed_at"], content["until"])
            follows = (archive.sequence, self._previous, timestamp(archive.signed_at), str(archive.until))
            if said != follows or archive.sequence != self._sequence + 1:
                self._fault(
                    "ARCHIVE_BROKEN", "it is not what was signed, or does not follow the one before it", archive
                )
            self.runs += runs_of(archive)
        self._previous = hashlib.sha256(archive.content.encode()).hexdigest()
        self._sequence = archive.sequence

    def _fault(self, kind: str, detail: str, archive: Archive) -> None:
        self.faults.append(Fault(kind, f"archive {archive.sequence}: {detail}", sequence=archive.sequence))


def runs_of(archive: Archive) -> Sequence[ArchivedRun]:
    """The runs that a statement names."""
    return [
        ArchivedRun(
            UUID(run["id"]), run["first"], run["last"], bytes.fromhex(run["previous"]), bytes.fromhex(run["digest"])
        )
        for run in orjson.loads(archive.content)["chains"]
    ]


def _stated(run: ArchivedRun) -> Mapping[str, object]:
    return {
        "digest": run.digest.hex(),
        "first": run.first,
        "id": str(run.chain_id),
        "last": run.last,
        "previous": run.previous_digest.hex(),
    }
