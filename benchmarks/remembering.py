"""How long it takes to find what was said before, with the model, among ten thousand messages; and what is found."""

import asyncio
import os
import random
import time
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from benchmarks.measuring import Plan
from benchmarks.processes import LOAD_CORES, SERVER_CORES
from benchmarks.report import Row, Section
from servicekit.search.embeddings import embedder
from servicekit.search.index import Index, Scope
from servicekit.search.metrics import SearchMetrics
from servicekit.search.settings import SearchSettings
from servicekit.search.vectors import Point, Wanted, words
from servicekit.search.vectors.embedded import EmbeddedVectors
from tests.questioning.retrieval import always, entries, pairs

MESSAGES = 10_000
SEARCHES = 300
WITHIN = 5
ADA = {"owner": "ada", "user_id": "ada"}


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    # There is nobody who calls, so what is under test has all cores.
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {*SERVER_CORES, *LOAD_CORES})
    try:
        return asyncio.run(_bench(folder))
    finally:
        os.sched_setaffinity(0, own)


async def _bench(folder: Path) -> Section:
    model = embedder(SearchSettings(database_url="", embedding_model="minilm"))
    vectors = EmbeddedVectors(folder / "qdrant")
    index = Index("bench", vectors, model, SearchMetrics(CollectorRegistry()), always)
    await index.create()
    wanted = pairs()
    points = [await index.point(each) for each in entries(wanted)]
    await index.bring_in(points)
    collection = await index.collection()
    found = dict.fromkeys(("both", "meaning", "words"), 0)
    for each in wanted:
        meaning, worded = await model.embed(each.asked), words.of_query(each.asked)
        for name, query in (("both", (meaning, worded)), ("meaning", (meaning, None)), ("words", (None, worded))):
            if query != (None, None):
                hits = await vectors.query(collection, Wanted(*query, WITHIN, ADA))
                found[name] += each.item_id in {hit.item_id for hit in hits}
    recalls = {name: number / len(wanted) for name, number in found.items()}

    # As many more, whose directions are near to those that are there.
    chance = np.random.default_rng(5)
    for start in range(len(points), MESSAGES, 500):
        near = [points[chance.integers(len(points))] for _ in range(min(500, MESSAGES - start))]
        await index.bring_in([_near(start + number, each, chance) for number, each in enumerate(near)])
    drawn = random.Random(3)
    times = []
    for number in range(SEARCHES):
        # Words of its own, so that the model is asked and nothing is remembered.
        text = f"{drawn.choice(wanted).asked} ({number})"
        started = time.perf_counter()
        await index.search(text, Scope(ADA, {}), WITHIN)
        times.append(time.perf_counter() - started)
    count = await index.count()
    await model.close()
    await vectors.close()
    p50, p95 = np.quantile(times, (0.5, 0.95)) * 1_000
    section = Section(f"What was said before, among {count:,} messages")
    section.rows = [
        Row("similar contexts with the model, 10,000 messages, p50, p95", "p95 < 10 ms", f"{p50:.1f}, {p95:.1f} ms"),
        Row(f"recall@5 of {len(wanted)} pairs, by meaning and words", "≥ 0.95", f"{recalls['both']:.3f}"),
        Row("by meaning alone, by words alone", "less", f"{recalls['meaning']:.3f}, {recalls['words']:.3f}"),
    ]
    section.table = [
        ("", "p50 ms", "p95 ms", "recall@5"),
        ("by meaning and words", f"{p50:.2f}", f"{p95:.2f}", f"{recalls['both']:.4f}"),
        ("by meaning", "", "", f"{recalls['meaning']:.4f}"),
        ("by words", "", "", f"{recalls['words']:.4f}"),
    ]
    section.notes = ["Found is counted, so it is the same on every machine."]
    return section


def _near(number: int, point: Point, chance: np.random.Generator) -> Point:
    assert point.meaning is not None
    moved = np.asarray(point.meaning) + chance.normal(0, 0.05, len(point.meaning))
    meaning = (moved / np.linalg.norm(moved)).tolist()
    return Point(f"more{number}", meaning, words.of_entry(f"what was said in call {number}"), point.payload)
