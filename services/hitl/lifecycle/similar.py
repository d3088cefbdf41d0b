"""What was asked before in like words, so that a human sees how it was decided."""

from servicekit.postgres import Database
from services.hitl import errors
from services.hitl.lifecycle.store import similar as store

DEFAULT_LIMIT = 5


class Similar:
    """Finds requests that ended by the words of their prompts."""

    def __init__(self, database: Database, *, enabled: bool) -> None:
        self._database = database
        self._enabled = enabled

    async def find(self, human_request_id: str, limit: int) -> list[str]:
        """The ids of at most `limit` (0: five) other requests that ended, best match first.

        Raises:
            ServiceError: SIMILAR_OFF, HUMAN_REQUEST_NOT_FOUND.
        """
        if not self._enabled:
            raise errors.similar_off()
        async with self._database.connection() as connection:
            found = await store.ended(connection, human_request_id, limit or DEFAULT_LIMIT)
        if found is None:
            raise errors.human_request_not_found(human_request_id)
        return found
