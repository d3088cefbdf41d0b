"""An index: a collection of a vector store that belongs to a model, and searches in it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

from cachetools import LRUCache

from servicekit.postgres import Database
from servicekit.search import outbox
from servicekit.search.embeddings import Embedder, embedder
from servicekit.search.errors import SearchAwayError, UnfitTextError
from servicekit.search.metrics import SearchMetrics
from servicekit.search.settings import SearchSettings
from servicekit.search.vectors import Hit, Payload, Point, Vectors, Wanted

# Questions are put in the same words again and again: the meanings of so many texts are remembered.
REMEMBERED = 2_000
IsWhole = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A text that can be found, with what it is filtered by."""

    item_id: str
    text: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Scope:
    """In what is looked: fields, with the value that each must have, or one of which is enough, or that it must not."""

    must: Mapping[str, str | Sequence[str]]
    must_not: Mapping[str, str]


class Index:
    """Finds entries; brings them in and takes them out."""

    def __init__(self, name: str, vectors: Vectors, model: Embedder, metrics: SearchMetrics, is_whole: IsWhole) -> None:
        """Finds by what is given.

        Args:
            name: what the names of its collections begin with.
            vectors: where they are.
            model: by which texts are understood.
            metrics: of searches.
            is_whole: whether it lacks nothing but what has just changed.
        """
        self.name = name
        self._is_whole = is_whole
        self.vectors = vectors
        self.model = model
        self._metrics = metrics
        self._remembered: LRUCache[str, Sequence[float] | None] = LRUCache(REMEMBERED)

    async def collection(self) -> str:
        """Its name says what its vectors are, so that another model has another collection."""
        return f"{self.name}-{self.model.name}-{await self.model.dimension()}"

    async def exists(self) -> bool:
        """Whether it is there; it is not before it was made, and after it was lost."""
        return await self.collection() in await self.vectors.collections()

    async def create(self) -> None:
        """Makes it, empty."""
        await self.vectors.create(await self.collection(), await self.model.dimension())

    async def drop(self) -> None:
        """Takes it away."""
        await self.vectors.drop(await self.collection())

    async def drop_others(self) -> None:
        """Takes away what models have left that are asked no more."""
        mine = await self.collection()
        for name in await self.vectors.collections():
            if name.startswith(f"{self.name}-") and name != mine:
                await self.vectors.drop(name)

    async def count(self) -> int:
        """How many entries it has."""
        return await self.vectors.count(await self.collection())

    async def point(self, entry: Entry) -> Point:
        """An entry as the store takes it. Raises as the model does."""
        from servicekit.search.vectors import words  # noqa: PLC0415 - the engine, where no server is

        return Point(entry.item_id, await self._meaning(entry.text), words.of_entry(entry.text), entry.payload)

    async def bring_in(self, points: Sequence[Point]) -> None:
        """Puts entries in, in the place of those with the same ids."""
        await self.vectors.upsert(await self.collection(), points)

    async def take_out(self, item_ids: Sequence[str]) -> None:
        """Takes entries out."""
        await self.vectors.delete(await self.collection(), item_ids)

    async def search(self, text: str, scope: Scope, limit: int) -> list[Hit]:
        """The entries that say most nearly what a text says, best first.

        Raises:
            SearchAwayError: the index, or its model, is not there now, or it is being made again and lacks something.
        """
        from servicekit.search.vectors import words  # noqa: PLC0415 - as above

        try:
            if text not in self._remembered:
                self._remembered[text] = await self._meaning(text)
            wanted = Wanted(self._remembered[text], words.of_query(text), limit, scope.must, scope.must_not)
            if wanted.meaning is None and wanted.words is None:
                return []
            started = perf_counter()
            await self._require_whole()
            found = await self.vectors.query(await self.collection(), wanted)
            # It may have been taken away, and been half there, in between.
            await self._require_whole()
        except UnfitTextError:
            return []
        except SearchAwayError:
            self._metrics.away.inc()
            raise
        self._metrics.searches.observe(perf_counter() - started)
        self._metrics.hits.observe(len(found))
        return found

    async def _require_whole(self) -> None:
        if not await self._is_whole():
            raise SearchAwayError("it is being made again")

    async def _meaning(self, text: str) -> Sequence[float] | None:
        started = perf_counter()
        vector = await self.model.embed(text)
        if vector is not None:
            self._metrics.embeddings.labels(self.model.name).observe(perf_counter() - started)
        return vector


@asynccontextmanager
async def index(
    service: str, settings: SearchSettings, metrics: SearchMetrics, database: Database
) -> AsyncIterator[Index | None]:
    """The index of a service, and of its database; None where the settings name no place for one."""
    if not (settings.qdrant_url or settings.qdrant_folder):
        yield None
        return
    vectors = _vectors(settings)
    model = embedder(settings)

    async def is_whole() -> bool:
        async with database.connection() as connection:
            return await outbox.is_whole(connection)

    try:
        yield Index(f"{settings.qdrant_collection_name}-{service}", vectors, model, metrics, is_whole)
    finally:
        await model.close()
        await vectors.close()


def _vectors(settings: SearchSettings) -> Vectors:
    # Imported where it is used: the client of the server takes a second to import, the engine has 35 MB.
    if settings.qdrant_url:
        from servicekit.search.vectors.server import ServerVectors  # noqa: PLC0415

        key = settings.qdrant_api_key.get_secret_value()
        return ServerVectors(settings.qdrant_url, key, settings.qdrant_timeout_seconds)
    from servicekit.search.vectors.embedded import EmbeddedVectors  # noqa: PLC0415

    assert settings.qdrant_folder is not None
    return EmbeddedVectors(settings.qdrant_folder)
