"""What comes in: judged, and written before it is acknowledged, or kept for a while where its sender wants that."""

from servicekit.idempotency import Claim
from services.metrics.ingestion.collecting import EventCollector
from services.metrics.ingestion.event_buffer import EventBuffer
from services.metrics.ingestion.event_writer import EventWriter, Writing
from services.metrics.models import Events, Source


class Ingestion:
    """Takes in the events of requests."""

    def __init__(self, writer: EventWriter, buffer: EventBuffer, retention_days: int) -> None:
        self._writer = writer
        self._buffer = buffer
        self._days = retention_days

    def collector(self, source: Source) -> EventCollector:
        """What judges the events of a request."""
        return EventCollector(source, self._days)

    async def take(self, events: Events, claim: Claim | None, *, buffered: bool) -> bytes | None:
        """Takes events in; they are durable when it returns, unless they are buffered.

        Returns:
            What the first request with the same key was answered; None where this is the first, or has no key.

        Raises:
            ServiceError: IDEMPOTENCY_KEY_REUSED, OVERLOADED, UNAVAILABLE.
        """
        writing = Writing(events, claim)
        if buffered and claim is None:
            self._buffer.put(writing)
            return None
        # A key says nothing before it is on record.
        return await self._writer.write(writing)

    async def flush(self) -> int:
        """Has all replicas write what they keep; of this one it is written, and told how many events that were."""
        return await self._buffer.flush_everywhere()
