"""A board as it stands, piece by piece: epics first, then tasks, oldest first.

Nobody is held up while it is read, so a piece may have what happened after the first was read. Each has the number of
an event up to which it has everything for sure; whoever goes on from the first one's, with what things are like as
events tell it, ends with what there is.
"""

from datetime import datetime
from uuid import UUID

from servicekit import pagination
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import uuid_of
from services.tasks.board.store import projects
from services.tasks.models import BoardPage, Epic, Task
from services.tasks.watching import store

# Where a piece ends: of which kind its last is, when that was made, and its id.
Place = tuple[str, datetime, UUID]


class Snapshots:
    """Answers GetBoard."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, project_id: str, viewer: Viewer, page_size: int, page_token: str) -> tuple[BoardPage, str]:
        """A page, and the token of the next.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PAGE_TOKEN_INVALID.
        """
        asked = pagination.page_request(page_size, page_token, (project_id,), _place, width=3)
        async with self._database.connection() as connection:
            piece, after = await read(connection, uuid_of(project_id), viewer, asked.after, asked.size)
        _, token = (
            asked.page([after], lambda place: (place[0], place[1].isoformat(), str(place[2])), whole=False)
            if after
            else ([], "")
        )
        return piece, token


async def read(
    connection: Connection, project_id: UUID, viewer: Viewer, after: Place | None, limit: int
) -> tuple[BoardPage, Place | None]:
    """A piece of a board, and where it ends; None: that was the last.

    Raises:
        ServiceError: PROJECT_NOT_FOUND.
    """
    heads = await store.heads(connection, [project_id])
    project = await projects.counted(connection, project_id)
    if project is None or project_id not in heads or not viewer.sees(project.audience):
        raise errors.project_not_found(str(project_id))
    kind = after[0] if after else "epic"
    key = after[1:] if after else None
    epics: list[Epic] = []
    more = False
    if kind == "epic":
        epics, more = await store.epics_after(connection, project_id, key, limit)
    tasks: list[Task] = []
    if not more:
        of_tasks = key if kind == "task" else None
        tasks, more = await store.tasks_after(connection, project_id, of_tasks, limit - len(epics))
    page = BoardPage(heads[project_id].sequence, project, epics, tasks)
    if not more:
        return page, None
    if tasks:
        return page, ("task", tasks[-1].created_at, UUID(tasks[-1].id))
    return page, ("epic", epics[-1].created_at, UUID(epics[-1].id))


def _place(kind: str, at: str, item: str) -> Place:
    if kind not in {"epic", "task"}:
        raise ValueError(kind)
    return kind, pagination.time(at), UUID(item)
