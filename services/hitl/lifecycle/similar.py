"""What was asked before and is alike, so that a human sees how it was decided."""

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Database
from servicekit.search.errors import SearchAwayError
from servicekit.search.index import Index, Scope
from services.hitl import errors
from services.hitl.lifecycle.store import similar as store
from services.hitl.models import RESPOND, HumanRequest

DEFAULT_LIMIT = 5
# Of a long prompt the beginning says what is wanted.
MAX_PROMPT = 2_000
# The nearest of many may still be far away. Of the 237 pairs that mean the same in tests/questioning/retrieval.csv
# minilm puts 234 nearer to each other than this, and of all pairs that do not 1.2 in a hundred.
MIN_SIMILARITY = 0.35


class Similar:
    """Finds requests that ended, by what their prompts mean; by their words where no index is, or none just now."""

    def __init__(self, database: Database, index: Index | None, *, enabled: bool) -> None:
        self._database = database
        self._index = index
        self._enabled = enabled

    async def find(self, request: HumanRequest, viewer: Viewer, limit: int) -> list[str]:
        """The ids of at most `limit` (0: five) other requests that ended and the viewer sees, best match first.

        Raises:
            ServiceError: SIMILAR_OFF.
        """
        if not self._enabled:
            raise errors.similar_off()
        wanted = limit or DEFAULT_LIMIT
        try:
            found = await self._by_meaning(request, viewer, wanted)
        except SearchAwayError:
            found = None
        async with self._database.connection() as connection:
            if found is None:
                return await store.ended(connection, request.id, viewer, wanted)
            # The index may be a moment late; who sees what is said by the database.
            seen = await store.seen(connection, found, viewer)
        return [each for each in found if each in seen][:wanted]

    async def _by_meaning(self, request: HumanRequest, viewer: Viewer, limit: int) -> list[str] | None:
        if self._index is None:
            return None
        marks = viewer.marks(holders=[RESPOND])
        scope = Scope({} if marks is None else {"audience": marks}, {})
        # One more: it is like itself most of all, once it ended.
        hits = await self._index.search(request.spec.prompt[:MAX_PROMPT], scope, limit + 1)
        return [
            each.item_id
            for each in hits
            if each.item_id != request.id and (each.similarity is None or each.similarity >= MIN_SIMILARITY)
        ]
