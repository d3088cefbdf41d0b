"""Qdrant's engine in this process, with a folder of its own: for one replica, as on a laptop."""

import asyncio
import fcntl
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

import qdrant_edge as qdrant
import structlog

from servicekit.search.errors import SearchAwayError
from servicekit.search.vectors import (
    FUSED,
    KEYWORDS,
    MEANING,
    RRF_K,
    RRF_WEIGHTS,
    TIME,
    WORDS,
    Hit,
    Point,
    Wanted,
    cosine,
    point_id,
)

logger = structlog.get_logger(__name__)
Result = TypeVar("Result")

# What the engine writes into a collection's folder when it makes it.
MADE = "edge_config.json"


class EmbeddedVectors:
    """Collections are folders. One thread does all, beside the loop."""

    kind = "embedded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "vectors")
        self._opened: dict[str, qdrant.EdgeShard] = {}
        self._lock: IO[str] | None = None

    async def collections(self) -> list[str]:
        return await self._run(self._names)

    async def create(self, collection: str, dimension: int) -> None:
        await self._run(self._create, collection, dimension)

    async def drop(self, collection: str) -> None:
        await self._run(self._drop, collection)

    async def upsert(self, collection: str, points: Sequence[Point]) -> None:
        await self._run(
            self._update, collection, qdrant.UpdateOperation.upsert_points([_point(each) for each in points])
        )

    async def delete(self, collection: str, item_ids: Sequence[str]) -> None:
        ids: list[qdrant.PointId] = [point_id(each) for each in item_ids]
        await self._run(self._update, collection, qdrant.UpdateOperation.delete_points(ids))

    async def count(self, collection: str) -> int:
        return await self._run(lambda: self._shard(collection).count(qdrant.CountRequest(exact=True)))

    async def query(self, collection: str, wanted: Wanted) -> list[Hit]:
        return await self._run(self._query, collection, wanted)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[..., Result], *args: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work, *args)

    def _guarded(self, work: Callable[..., Result], *args: object) -> Result:
        try:
            self._hold()
            return work(*args)
        except SearchAwayError:
            raise
        except Exception as error:
            # The engine raises nothing more exact than Exception.
            raise SearchAwayError(f"Qdrant's engine: {error}") from error

    def _hold(self) -> None:
        """Holds the folder: two processes that write to one would ruin it. The lock goes with the process."""
        if self._lock is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        # Beside it, so that the lock is there when the folder is lost.
        lock = self._folder.with_name(f"{self._folder.name}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SearchAwayError(f"another process uses {self._folder}") from None
        self._lock = lock

    def _names(self) -> list[str]:
        found = sorted(each.parent.name for each in self._folder.glob(f"*/{MADE}"))
        for lost in set(self._opened) - set(found):
            # Its files are gone from under the engine.
            self._opened.pop(lost).close()
        return found

    def _create(self, collection: str, dimension: int) -> None:
        folder = self._folder / collection
        if collection in self._names():
            return
        # Half of one is left where its making was cut off.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        config = qdrant.EdgeConfig(
            vectors={MEANING: qdrant.EdgeVectorParams(size=dimension, distance=qdrant.Distance.Cosine)}
            if dimension
            else {},
            sparse_vectors={WORDS: qdrant.EdgeSparseVectorParams(modifier=qdrant.Modifier.Idf)},
            max_search_threads=1,
        )
        shard = qdrant.EdgeShard.create(str(folder), config)
        for name in KEYWORDS:
            schema = qdrant.KeywordIndexParams(is_tenant=name == "owner")
            shard.update(qdrant.UpdateOperation.create_field_index(name, schema))
        shard.update(qdrant.UpdateOperation.create_field_index(TIME, qdrant.PayloadSchemaType.Datetime))
        shard.flush()
        self._opened[collection] = shard

    def _drop(self, collection: str) -> None:
        if (shard := self._opened.pop(collection, None)) is not None:
            shard.close()
        shutil.rmtree(self._folder / collection, ignore_errors=True)

    def _shard(self, collection: str) -> qdrant.EdgeShard:
        if collection in self._opened:
            return self._opened[collection]
        folder = self._folder / collection
        if not (folder / MADE).exists():
            raise SearchAwayError(f"there is no collection {collection}")
        try:
            shard = qdrant.EdgeShard.load(str(folder))
        except Exception as error:
            # Nothing in it is the only copy, so what cannot be read is made again.
            logger.warning("collection_unreadable", collection=collection, error=str(error))
            shutil.rmtree(folder, ignore_errors=True)
            raise SearchAwayError(f"the collection {collection} cannot be read and is made again: {error}") from error
        self._opened[collection] = shard
        return shard

    def _update(self, collection: str, operation: qdrant.UpdateOperation) -> None:
        shard = self._shard(collection)
        shard.update(operation)
        shard.flush()

    def _query(self, collection: str, wanted: Wanted) -> list[Hit]:
        shard = self._shard(collection)
        chosen = qdrant.Filter(
            must=[_matches(name, value) for name, value in wanted.must.items()],
            must_not=[_matches(name, value) for name, value in wanted.must_not.items()],
        )
        limit = FUSED * wanted.limit
        lists = []
        if wanted.meaning is not None:
            nearest = qdrant.Query.Nearest(list(wanted.meaning), using=MEANING)
            lists.append(qdrant.Prefetch(limit, query=nearest, filter=chosen))
        if wanted.words is not None:
            words = qdrant.SparseVector(list(wanted.words.indices), list(wanted.words.values))
            lists.append(qdrant.Prefetch(limit, query=qdrant.Query.Nearest(words, using=WORDS), filter=chosen))
        request = qdrant.QueryRequest(
            wanted.limit,
            # The stubs of the package say that this is no Fusion.
            query=qdrant.Fusion.Rrf(k=RRF_K, weights=list(RRF_WEIGHTS) if len(lists) > 1 else None),  # type: ignore[arg-type]
            prefetches=lists,
            with_payload=["item_id"],
            with_vector=[MEANING] if wanted.meaning is not None else False,
        )
        return [_hit(each, wanted) for each in shard.query(request)]

    def _close(self) -> None:
        for shard in self._opened.values():
            shard.close()
        self._opened.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _matches(name: str, value: str | Sequence[str]) -> qdrant.FieldCondition:
    match = qdrant.MatchValue(value) if isinstance(value, str) else qdrant.MatchAny(list(value))
    return qdrant.FieldCondition(name, match)


def _point(point: Point) -> qdrant.Point:
    words: qdrant.NamedVector = qdrant.SparseVector(list(point.words.indices), list(point.words.values))
    vectors = {WORDS: words} | ({} if point.meaning is None else {MEANING: list(point.meaning)})
    return qdrant.Point(point.id, vectors, point.stored)


def _hit(found: qdrant.ScoredPoint, wanted: Wanted) -> Hit:
    assert found.payload is not None, "it was asked for"
    vectors = found.vector if isinstance(found.vector, dict) else {}
    meaning = vectors.get(MEANING)
    return Hit(found.payload["item_id"], found.score, cosine(wanted.meaning, meaning))  # type: ignore[arg-type]
