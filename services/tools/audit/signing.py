"""Signs checkpoints, when they are due, with the key of this installation."""

import asyncio
import hashlib
from datetime import UTC, datetime
from time import monotonic

from servicekit.postgres import Database
from services.tools.audit.canonical import canonical
from services.tools.audit.checkpoints import NOTHING_BEFORE, SigningKey
from services.tools.audit.models import Checkpoint
from services.tools.audit.receipts import timestamp
from services.tools.audit.recording import Recorder
from services.tools.audit.store import receipts as store
from services.tools.metrics import ToolMetrics


class CheckpointSigner:
    """Every replica has one; where two are at it, one signs."""

    def __init__(
        self, database: Database, recorder: Recorder, key: SigningKey, seconds: float, rows: int, metrics: ToolMetrics
    ) -> None:
        """Prepares it to sign after so many seconds or receipts of this replica, whatever comes first."""
        self._database = database
        self._recorder = recorder
        self._key = key
        self._seconds = seconds
        self._rows = rows
        self._metrics = metrics

    async def run(self) -> None:
        """Signs, for ever."""
        while True:
            await self._due()
            await self.sign()
            self._metrics.checkpoint_looked_after()

    async def sign(self) -> Checkpoint | None:
        """Signs where the chains stand that moved; None where none did, or another replica is at it."""
        async with self._database.transaction() as connection:
            if not await store.lock_checkpoints(connection):
                return None
            previous = await store.last_checkpoint(connection)
            heads = await store.unsigned_heads(connection)
            if not heads:
                return None
            sequence = 1 if previous is None else previous.sequence + 1
            before = NOTHING_BEFORE if previous is None else hashlib.sha256(previous.content.encode()).hexdigest()
            chains = [{"digest": digest.hex(), "id": str(id_), "sequence": last} for id_, last, digest in heads]
            signed_at = datetime.now(UTC)
            content = canonical(
                {"chains": chains, "previous": before, "sequence": sequence, "signed_at": timestamp(signed_at)}
            )
            checkpoint = Checkpoint(sequence, signed_at, content, self._key.sign(content), self._key.key_id)
            await store.insert_checkpoint(connection, checkpoint)
            await store.note_signed(connection, heads)
            return checkpoint

    async def _due(self) -> None:
        """Until the next checkpoint is due: by time, or by the number of receipts written."""
        written = self._recorder.written
        give_up = monotonic() + self._seconds
        while monotonic() < give_up and self._recorder.written - written < self._rows:  # noqa: ASYNC110 - see below
            # Polled: an event set by every outcome would cost each of them something.
            await asyncio.sleep(min(0.2, self._seconds))
