"""Lists single events, newest first."""

from datetime import UTC, datetime, timedelta

from servicekit import pagination
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Database
from services.metrics.queries.models import Selection, SingleEvent
from services.metrics.queries.store import history as store
from services.metrics.queries.store.history import Place

# Events have no index in whose order they could be read, so they are looked for in times that grow, the newest first.
FIRST_TIME = timedelta(minutes=1)
GROWTH = 8
MAX_TIME = timedelta(days=400)


class History:
    """Events as they came."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        selection: Selection,
        within: tuple[datetime | None, datetime | None],
        viewer: Viewer,
        page_size: int,
        page_token: str,
    ) -> tuple[list[SingleEvent], str]:
        """A page, newest first, and the token of the next."""
        bound = (selection.service, selection.type, selection.principal, *within)
        asked = pagination.page_request(page_size, page_token, bound, _place, 3)
        since, until = within
        newest = min(each for each in (until, asked.after and asked.after[0], datetime.now(UTC)) if each is not None)
        found: list[SingleEvent] = []
        length = FIRST_TIME
        async with self._database.reading() as connection:
            top: datetime | None = until
            while len(found) < asked.limit:
                bottom = newest - length if length < MAX_TIME else None
                if since is not None and (bottom is None or bottom < since):
                    bottom = since
                found += await store.newest(
                    connection, selection, viewer, (bottom, top), asked.after, asked.limit - len(found)
                )
                if bottom is None or bottom == since:
                    break
                top, length = bottom, length * GROWTH
        return asked.page(found, lambda event: (event.at.isoformat(), str(event.request), str(event.position)))


def _place(at: str, request: str, position: str) -> Place:
    return pagination.time(at), int(request), int(position)
