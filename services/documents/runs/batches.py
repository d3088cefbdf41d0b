"""Batches: many runs of one template that were started together, each of which ends for itself."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit import pagination
from servicekit.idempotency import Answer, Once
from servicekit.identity.detached_work import Sponsor
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Connection, Database
from services.documents import errors
from services.documents.forms.multipart import Form
from services.documents.models import Batch, BatchFilter, BatchItem, Caller, NewBatch
from services.documents.runs import batch_archive
from services.documents.runs.producing import Producer
from services.documents.runs.starting import LOOK_SECONDS
from services.documents.runs.store import batches as store
from services.documents.runs.store import runs as runs_store
from services.documents.runs.store import started as started_store


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """How many runs a batch may have, and how many batches of one caller may go on."""

    max_items: int
    max_open: int


class Batches:
    """Starts batches, tells how far they are, stops them, and gives out what came of them."""

    def __init__(self, database: Database, producer: Producer, waiters: Waiters, bounds: BatchBounds) -> None:
        self._database = database
        self._producer = producer
        self._waiters = waiters
        self._bounds = bounds

    async def start(
        self, form: Form, tasks: Sequence[bytes], caller: Caller, sponsor: Sponsor, once: Once[Batch, Answer]
    ) -> Answer:
        """Puts all on record, to be done, or nothing.

        Args:
            form: with the template and how to run.
            tasks: one for each run.
            caller: for whom.
            sponsor: by what they may go on.
            once: has it started once.

        Raises:
            ServiceError: as of a run whose form is not sound, naming the payload; TOO_MANY_REQUESTS.
        """
        if len(tasks) > self._bounds.max_items:
            raise errors.invalid_field("payloads", f"must be {self._bounds.max_items} at most")
        checked = await self._producer.check_all(form, tasks)
        options = checked.options
        new = NewBatch(
            options.skill,
            options.preset,
            form.files["template"].content,
            list(zip(tasks, checked.digests, strict=True)),
            form.fields,
            caller,
            sponsor,
        )

        async def start(connection: Connection) -> Batch:
            await started_store.lock_owner(connection, caller.principal)
            if await store.count_open(connection, caller.principal) >= self._bounds.max_open:
                raise errors.too_many_batches(self._bounds.max_open)
            return await store.insert(connection, new)

        return await once.run(self._database, start)

    async def get(self, batch_id: str, viewer: Viewer) -> Batch:
        """One batch.

        Raises:
            ServiceError: BATCH_NOT_FOUND.
        """
        async with self._database.connection() as connection:
            batch = await store.get(connection, runs_store.uuid_of(batch_id))
        if batch is None or not viewer.sees(batch.audience):
            raise errors.batch_not_found(batch_id)
        return batch

    async def page(
        self, wanted: BatchFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Batch], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size,
            page_token,
            (wanted.skill, wanted.correlation_id),
            lambda at, each: (pagination.time(at), UUID(each)),
            width=2,
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, wanted, viewer, asked.after, asked.limit)
        return asked.page(found, lambda batch: (batch.created_at.isoformat(), batch.id))

    async def watch(self, batch_id: str, viewer: Viewer) -> AsyncGenerator[Batch, None]:
        """How far it is, and each change, until all of it has ended.

        Raises:
            ServiceError: BATCH_NOT_FOUND.
        """
        told = -1
        with self._waiters.registered(batch_id) as changed:
            while True:
                changed.clear()
                batch = await self.get(batch_id, viewer)
                if batch.ended_count != told:
                    told = batch.ended_count
                    yield batch
                if batch.ended_at is not None:
                    return
                await wait_for(changed, LOOK_SECONDS)

    async def cancel(self, batch_id: str, viewer: Viewer) -> Batch:
        """Stops it; one that has ended stays as it is.

        Raises:
            ServiceError: BATCH_NOT_FOUND, PERMISSION_DENIED.
        """
        batch = await self.get(batch_id, viewer)
        viewer.require_own(batch.created_by)
        async with self._database.transaction() as connection:
            await store.cancel(connection, UUID(batch.id))
        return await self.get(batch_id, viewer)

    async def archive(self, batch: Batch) -> AsyncIterator[bytes]:
        """What came of it as one zip, in pieces; of the archives of its runs one at a time is in memory.

        Raises:
            ServiceError: BATCH_NOT_ENDED, ARCHIVE_NOT_FOUND.
        """
        if batch.ended_at is None:
            raise errors.batch_not_ended(batch.id)
        async with self._database.connection() as connection:
            items = await store.items(connection, UUID(batch.id))
        if not any(each.archive_bytes for each in items):
            raise errors.archive_not_found(batch.id)
        zipped = batch_archive.BatchArchive(batch, items)
        yield zipped.taken()
        for item in items:
            if item.archive_bytes:
                content = await self._content(item)
                await beside(len(content), zipped.add, item, content)
                yield zipped.taken()
        zipped.close()
        yield zipped.taken()

    async def _content(self, item: BatchItem) -> bytes:
        async with self._database.connection() as connection:
            pieces = await runs_store.archive(connection, UUID(item.run_id))
        if not pieces:
            # Its time of keeping ended meanwhile.
            raise errors.archive_not_found(item.run_id)
        return b"".join(pieces)
