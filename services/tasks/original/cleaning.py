"""What is left of epics and projects that were deleted: nothing, unless somebody wrote into the database by hand."""

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Database
from services.tasks.board.access import worker
from services.tasks.board.store import projects
from services.tasks.models import Deleted
from services.tasks.original import store


class Cleaning:
    """Answers CleanUpOrphanedTasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, viewer: Viewer) -> Deleted:
        """Deletes it in all projects that the viewer works on, one after the other."""
        works_on, deleted = worker(viewer), Deleted()
        async with self._database.connection() as connection:
            affected = await store.with_orphans(connection, works_on)
        for project_id in affected:
            async with self._database.transaction() as connection:
                await projects.lock(connection, project_id, alone=True)
                more = await store.delete_orphans(connection, project_id)
            deleted = Deleted(0, deleted.epics + more.epics, deleted.tasks + more.tasks, deleted.leases + more.leases)
        return deleted
