"""A Qdrant server, over HTTP: for any number of replicas."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

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

CONFLICT = 409
NOT_FOUND = 404


class ServerVectors:
    """The collections of a server."""

    kind = "server"

    def __init__(self, url: str, api_key: str, timeout_seconds: float) -> None:
        self._client = AsyncQdrantClient(
            url,
            # As a header: as an argument it would warn of plain HTTP, where networks are guarded by others.
            headers={"api-key": api_key} if api_key else {},
            timeout=max(1, round(timeout_seconds)),
            # It would ask the server on the way, and warn in its own words.
            check_compatibility=False,
        )

    async def collections(self) -> list[str]:
        async with _away():
            return [each.name for each in (await self._client.get_collections()).collections]

    async def create(self, collection: str, dimension: int) -> None:
        meaning = {MEANING: models.VectorParams(size=dimension, distance=models.Distance.COSINE)} if dimension else {}
        words = {WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)}
        async with _away():
            try:
                await self._client.create_collection(collection, vectors_config=meaning, sparse_vectors_config=words)
            except UnexpectedResponse as error:
                # Another replica was first.
                if error.status_code != CONFLICT:
                    raise
            for name in KEYWORDS:
                schema = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=name == "owner")
                await self._client.create_payload_index(collection, name, field_schema=schema)
            await self._client.create_payload_index(collection, TIME, field_schema=models.PayloadSchemaType.DATETIME)

    async def drop(self, collection: str) -> None:
        async with _away():
            try:
                await self._client.delete_collection(collection)
            except UnexpectedResponse as error:
                if error.status_code != NOT_FOUND:
                    raise

    async def upsert(self, collection: str, points: Sequence[Point]) -> None:
        async with _away():
            await self._client.upsert(collection, [_point(each) for each in points], wait=True)

    async def delete(self, collection: str, item_ids: Sequence[str]) -> None:
        ids: list[models.ExtendedPointId] = [point_id(each) for each in item_ids]
        async with _away():
            await self._client.delete(collection, models.PointIdsList(points=ids), wait=True)

    async def count(self, collection: str) -> int:
        async with _away():
            return (await self._client.count(collection, exact=True)).count

    async def query(self, collection: str, wanted: Wanted) -> list[Hit]:
        chosen = models.Filter(
            must=[_matches(name, value) for name, value in wanted.must.items()],
            must_not=[_matches(name, value) for name, value in wanted.must_not.items()],
        )
        limit = FUSED * wanted.limit
        lists = []
        if wanted.meaning is not None:
            meaning = list(wanted.meaning)
            lists.append(models.Prefetch(query=meaning, using=MEANING, filter=chosen, limit=limit))
        if wanted.words is not None:
            words = models.SparseVector(indices=list(wanted.words.indices), values=list(wanted.words.values))
            lists.append(models.Prefetch(query=words, using=WORDS, filter=chosen, limit=limit))
        async with _away():
            found = await self._client.query_points(
                collection,
                prefetch=lists,
                query=models.RrfQuery(rrf=models.Rrf(k=RRF_K, weights=list(RRF_WEIGHTS) if len(lists) > 1 else None)),
                limit=wanted.limit,
                with_payload=["item_id"],
                with_vectors=[MEANING] if wanted.meaning is not None else False,
            )
        return [_hit(each, wanted) for each in found.points]

    async def close(self) -> None:
        await self._client.close()


@asynccontextmanager
async def _away() -> AsyncIterator[None]:
    """Everything that a server may answer, or not answer, is one error."""
    try:
        yield
    except (ApiException, ResponseHandlingException, httpx.HTTPError, OSError) as error:
        raise SearchAwayError(f"the Qdrant server: {error}") from error


def _matches(name: str, value: str | Sequence[str]) -> models.FieldCondition:
    match = models.MatchValue(value=value) if isinstance(value, str) else models.MatchAny(any=list(value))
    return models.FieldCondition(key=name, match=match)


def _point(point: Point) -> models.PointStruct:
    words = models.SparseVector(indices=list(point.words.indices), values=list(point.words.values))
    meaning = {} if point.meaning is None else {MEANING: list(point.meaning)}
    return models.PointStruct(id=point.id, vector={WORDS: words, **meaning}, payload=point.stored)


def _hit(found: models.ScoredPoint, wanted: Wanted) -> Hit:
    assert found.payload is not None, "it was asked for"
    vectors = found.vector if isinstance(found.vector, dict) else {}
    return Hit(found.payload["item_id"], found.score, cosine(wanted.meaning, vectors.get(MEANING)))  # type: ignore[arg-type]
