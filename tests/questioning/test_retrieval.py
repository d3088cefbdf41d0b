"""The shipped set: what is meant is found among what looks alike, and nothing that looks alike is ever an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from servicekit.search.embeddings import embedder
from servicekit.search.index import Index, Scope
from servicekit.search.metrics import SearchMetrics
from servicekit.search.settings import SearchSettings
from servicekit.search.vectors import Hit, Wanted, cosine, words
from servicekit.search.vectors.embedded import EmbeddedVectors
from services.questioning.memory.likeness import Thresholds, telling, verdict
from services.questioning.memory.models import Asked
from services.questioning.settings import Settings
from tests.questioning.retrieval import always, entries, pairs

PAIRS = pairs()
ADA = {"owner": "ada"}
WITHIN = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Index]:
    model = embedder(SearchSettings(database_url="", embedding_model="minilm"))
    vectors = EmbeddedVectors(tmp_path_factory.mktemp("retrieval") / "qdrant")
    made = Index("set", vectors, model, SearchMetrics(CollectorRegistry()), always)
    await made.create()
    await made.bring_in([await made.point(each) for each in entries(PAIRS)])
    yield made
    await model.close()
    await vectors.close()


async def _recall(search: Callable[[str], Awaitable[list[Hit]]]) -> float:
    """In which part of the pairs what is meant is among the first five."""
    found = [each.item_id in {hit.item_id for hit in await search(each.asked)} for each in PAIRS]
    return sum(found) / len(found)


@pytest.mark.asyncio(loop_scope="module")
async def test_both_together_find_more_than_either_alone(index: Index) -> None:
    collection = await index.collection()

    async def by_both(text: str) -> list[Hit]:
        return await index.search(text, Scope(ADA, {}), WITHIN)

    async def by_meaning(text: str) -> list[Hit]:
        return await index.vectors.query(collection, Wanted(await index.model.embed(text), None, WITHIN, ADA))

    async def by_words(text: str) -> list[Hit]:
        query = words.of_query(text)
        return await index.vectors.query(collection, Wanted(None, query, WITHIN, ADA)) if query else []

    both, meaning, worded = await _recall(by_both), await _recall(by_meaning), await _recall(by_words)
    print(f"recall@5 of {len(PAIRS)} pairs among {await index.count()}: {both:.4f}, {meaning:.4f}, {worded:.4f}")
    assert len(PAIRS) >= 200
    assert both >= 0.95
    assert both > max(meaning, worded)


@pytest.mark.asyncio(loop_scope="module")
async def test_no_question_of_the_set_answers_another(index: Index) -> None:
    settings = Settings(database_url="")
    thresholds = Thresholds(settings.questioning_confirm_similarity, settings.questioning_prefill_similarity)
    texts = sorted({text for each in PAIRS for text in (each.stored, each.asked, each.unlike)})
    by_words: dict[tuple[str, ...], list[str]] = {}
    for text in texts:
        by_words.setdefault(tuple(telling(text)), []).append(text)
    # Whatever the model says of all the others, their words differ: as like as can be they are no answers.
    distinct = [group[0] for group in by_words.values()]
    assert not any(
        verdict(_whole(one), _whole(other), 1.0, thresholds) == "answered"
        for one, other in product(distinct[:200], distinct)
        if one != other
    )
    skipped = []
    for group in by_words.values():
        for one, other in product(group, group):
            similarity = cosine(await index.model.embed(one), await index.model.embed(other)) if one != other else 0
            if one != other and verdict(_whole(one), _whole(other), similarity, thresholds) == "answered":
                skipped.append((one, other))
    assert skipped == []


def _whole(text: str) -> Asked:
    return Asked(text, "text", (), text)
