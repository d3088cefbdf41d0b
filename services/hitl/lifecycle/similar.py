"""What was asked before in like words, so that a human sees how it was decided."""

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Database
from services.hitl import errors
from services.hitl.lifecycle.store import similar as store

DEFAULT_LIMIT = 5


class Similar:
    """Finds requests that ended by the words of their prompts."""

    def __init__(self, database: Database, *, enabled: bool) -> None:
        self._database = database
        self._enabled = enabled

    async def find(self, human_request_id: str, viewer: Viewer, limit: int) -> list[str]:
        """The ids of at most `limit` (0: five) other requests that ended and the viewer sees, best match first.

        Raises:
            ServiceError: SIMILAR_OFF.
        """
        if not self._enabled:
            raise errors.similar_off()
        async with self._database.connection() as connection:
            return await store.ended(connection, human_request_id, viewer, limit or DEFAULT_LIMIT)
