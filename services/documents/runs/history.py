"""Runs that have ended: found again, listed, and their archives as they were; and what is let go of."""

from collections.abc import AsyncIterator
from uuid import UUID

from servicekit import pagination
from servicekit.identity.visibility import Viewer
from servicekit.leased_work import LeasedWork
from servicekit.postgres import Connection, Database
from services.documents import errors
from services.documents.inputs import store as inputs
from services.documents.models import ENDED, HELD, DocumentRun, RunFilter
from services.documents.runs.store import runs as store


class History:
    """Reads runs."""

    def __init__(self, database: Database, leased: LeasedWork) -> None:
        self._database = database
        self._leased = leased

    async def get(self, run_id: str, viewer: Viewer) -> DocumentRun:
        """One run.

        Raises:
            ServiceError: RUN_NOT_FOUND.
        """
        async with self._database.connection() as connection:
            run = await store.get(connection, store.uuid_of(run_id))
        if run is None or not viewer.sees(run.audience):
            raise errors.run_not_found(run_id)
        if run.task_id and run.status in ENDED:
            # Whoever hears of its end may show it as evidence at once.
            await self._leased.tell(run.id)
        return run

    async def page(
        self, wanted: RunFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[DocumentRun], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size,
            page_token,
            (wanted.skill, wanted.outcome, wanted.template_sha256, wanted.correlation_id, wanted.batch_id),
            lambda at, each: (pagination.time(at), UUID(each)),
            width=2,
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, wanted, viewer, asked.after, asked.limit)
        return asked.page(found, lambda run: (run.created_at.isoformat(), run.id))

    async def archive(self, run: DocumentRun) -> AsyncIterator[bytes]:
        """Its archive, piece by piece, each read when the one before was taken.

        Raises:
            ServiceError: ARCHIVE_NOT_FOUND, RUN_NOT_RELEASED.
        """
        if run.status == HELD:
            raise errors.run_not_released(run.id, run.human_request_id)
        number = 0
        while True:
            async with self._database.connection() as connection:
                piece = await store.archive_piece(connection, UUID(run.id), number)
            if piece is None:
                break
            yield piece
            number += 1
        if not number:
            raise errors.archive_not_found(run.id)


class Forgetting:
    """What is let go of when its time is over."""

    def __init__(self, max_archives_bytes: int, keep_days: float) -> None:
        """Takes how many bytes archives have together at most, and how long a run stays on record."""
        self._max_archives_bytes = max_archives_bytes
        self._keep_days = keep_days

    async def archives(self, connection: Connection) -> None:
        await store.forget_archives(connection, self._max_archives_bytes)

    async def runs(self, connection: Connection) -> None:
        await store.forget_runs(connection, self._keep_days)
        async with connection.transaction():
            await inputs.forget_templates(connection)
