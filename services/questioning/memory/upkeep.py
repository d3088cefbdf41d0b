"""How the memory is, and how it is made again."""

from servicekit.search.errors import SearchAwayError
from servicekit.search.indexer import Condition, Indexer
from services.questioning import errors


class Upkeep:
    """What operators ask of the memory."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer

    async def condition(self) -> Condition:
        return await self._indexer.condition()

    async def rebuild(self) -> Condition:
        """Has everything brought in again.

        Raises:
            ServiceError: MEMORY_AWAY.
        """
        try:
            await self._indexer.rebuild()
        except SearchAwayError as error:
            raise errors.memory_away(str(error)) from error
        return await self._indexer.condition()
