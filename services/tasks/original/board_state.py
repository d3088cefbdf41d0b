"""All boards that somebody sees at once, as the original's board asked for them."""

from servicekit.identity.visibility import Viewer
from servicekit.pagination import fitting_into
from servicekit.postgres import Database
from services.tasks.board.store import epics, projects, tasks
from services.tasks.models import Epic, Project, Task
from services.tasks.original.models import State

# Of each kind, and in bytes of all together.
MAX_ITEMS = 2_000
MAX_BYTES = 2 * 1024 * 1024
# Whatever an item has besides its texts, about.
OVERHEAD_BYTES = 400


class BoardStates:
    """Answers GetBoardState."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self, viewer: Viewer) -> State:
        """The newest of each kind, as many as have room: projects first, then epics, then tasks."""
        limit = MAX_ITEMS + 1
        async with self._database.connection() as connection:
            of_projects = await projects.list_before(connection, "", "", viewer, None, limit)
            of_epics = await epics.list_before(connection, None, "", viewer, None, limit)
            of_tasks = await tasks.list_before(connection, (None, None, "", "", False), viewer, None, limit)
        found: list[Project | Epic | Task] = [*of_projects[:MAX_ITEMS], *of_epics[:MAX_ITEMS], *of_tasks[:MAX_ITEMS]]
        fitting = found[: fitting_into(MAX_BYTES, list(map(_size, found)))] if found else []
        return State(
            [each for each in fitting if isinstance(each, Project)],
            [each for each in fitting if isinstance(each, Epic)],
            [each for each in fitting if isinstance(each, Task)],
            {project.id: project.name for project in of_projects},
            {epic.id: epic.name for epic in of_epics},
            truncated=len(fitting) < len(of_projects) + len(of_epics) + len(of_tasks),
        )


def _size(item: Project | Epic | Task) -> int:
    texts = item.ra_tags if isinstance(item, Task) else ()
    return OVERHEAD_BYTES + 4 * (len(item.name) + len(item.description) + sum(map(len, texts)))
