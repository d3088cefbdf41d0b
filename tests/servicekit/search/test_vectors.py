"""One suite for every vector store: the engine in the process, and a server through its client."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servicekit.search.errors import SearchAwayError
from servicekit.search.vectors import KEYWORDS, Point, Vectors, Wanted, words
from servicekit.search.vectors.embedded import EmbeddedVectors
from tests.servicekit.search.qdrant import API_KEY, client, running_qdrant

NAME = "qmcp-conformance"


def point(item_id: str, text: str, meaning: list[float], owner: str = "ada", audience: Sequence[str] = ()) -> Point:
    payload = {"owner": owner, "kind": "note", "user_id": "u", "group_id": "g", "at": datetime(2026, 1, 1, tzinfo=UTC)}
    return Point(item_id, meaning, words.of_entry(text), {**payload, "audience": audience})


@pytest.fixture(params=["embedded", "server"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Vectors]:
    """A store without collections. `QMCP_TEST_QDRANT_URL` names a Qdrant server to try in place of ours."""
    if request.param == "embedded":
        embedded = EmbeddedVectors(tmp_path / "qdrant")
        yield embedded
        await embedded.close()
    elif url := os.environ.get("QMCP_TEST_QDRANT_URL"):
        server = client(url, os.environ.get("QMCP_TEST_QDRANT_API_KEY", ""), 30)
        await server.drop(NAME)
        yield server
        await server.drop(NAME)
        await server.close()
    else:
        async with running_qdrant(tmp_path / "server") as (url, _):
            server = client(url, API_KEY, 30)
            yield server
            await server.close()


async def test_a_store_keeps_replaces_finds_and_forgets_points(store: Vectors) -> None:
    with pytest.raises(SearchAwayError):
        await store.count(NAME)
    assert NAME not in await store.collections()
    await store.create(NAME, 3)
    # What is made already stays as it is.
    await store.upsert(NAME, [point("a", "the pump is loud", [1, 0, 0])])
    await store.create(NAME, 3)
    assert NAME in await store.collections()
    await store.upsert(
        NAME, [point("a", "the pump is silent", [0, 1, 0]), point("any id/ü", "the valve leaks", [0, 0, 1])]
    )
    assert await store.count(NAME) == 2
    [found, _] = await store.query(NAME, Wanted([0, 1, 0], None, 5))
    assert (found.item_id, found.similarity) == ("a", pytest.approx(1))
    assert [each.item_id for each in await store.query(NAME, Wanted(None, words.of_query("loud"), 5))] == []
    [found] = await store.query(NAME, Wanted(None, words.of_query("leaking valve"), 5))
    assert (found.item_id, found.similarity) == ("any id/ü", None)
    await store.delete(NAME, ["a", "never was"])
    assert await store.count(NAME) == 1
    await store.drop(NAME)
    await store.drop("qmcp-never-was")
    assert NAME not in await store.collections()


async def test_both_lists_are_fused_and_each_is_filtered_by_itself(store: Vectors) -> None:
    await store.create(NAME, 2)
    # Another's points are nearer, in meaning and in words, than ours will ever be.
    others = [point(f"other{number}", "code QX-17", [1, 0], owner="eve") for number in range(40)]
    ours = [
        point("meant", "something else", [0.9, 0.1]),
        point("worded", "code QX-17", [0, 1]),
        point("far", "no", [0.1, 0.9]),
    ]
    await store.upsert(NAME, [*others, *ours])
    wanted = Wanted([1, 0], words.of_query("code QX-17"), 2, {"owner": "ada"}, {"group_id": "another"})
    # One leads by its meaning, one by its words, and the limit has room for both only because each list led.
    assert {each.item_id for each in await store.query(NAME, wanted)} == {"meant", "worded"}
    assert await store.query(NAME, Wanted([1, 0], words.of_query("code"), 2, {"owner": "bob"})) == []
    assert await store.query(NAME, Wanted([1, 0], None, 2, {"owner": "ada"}, {"group_id": "g"})) == []
    # What has many values is found by any of several.
    await store.upsert(NAME, [point("shared", "for two", [1, 0], owner="eve", audience=["person ada", "group b"])])
    for marks, seen in [(["group a", "group b"], ["shared"]), (["person eve"], []), ([], [])]:
        wanted = Wanted([1, 0], words.of_query("for two"), 2, {"audience": marks})
        assert [each.item_id for each in await store.query(NAME, wanted)] == seen


async def test_a_collection_without_meanings_finds_by_words(store: Vectors) -> None:
    await store.create(NAME, 0)
    await store.upsert(NAME, [Point("a", None, words.of_entry("an odd pelican"), {"owner": "ada"})])
    [found] = await store.query(NAME, Wanted(None, words.of_query("pelicans"), 3, {"owner": "ada"}))
    assert (found.item_id, found.similarity) == ("a", None)


async def test_an_engine_finds_its_points_again_and_another_process_is_kept_out(tmp_path: Path) -> None:
    store = EmbeddedVectors(tmp_path / "qdrant")
    await store.create(NAME, 2)
    await store.upsert(NAME, [point("a", "kept", [1, 0])])
    second = EmbeddedVectors(tmp_path / "qdrant")
    with pytest.raises(SearchAwayError, match="another process"):
        await second.collections()
    await store.close()
    assert await second.count(NAME) == 1
    # A folder that is lost, and one that cannot be read, is no collection any more.
    shutil.rmtree(tmp_path / "qdrant")
    assert await second.collections() == []
    with pytest.raises(SearchAwayError):
        await second.count(NAME)
    await second.create(NAME, 2)
    assert await second.count(NAME) == 0
    await second.close()
    for file in (tmp_path / "qdrant" / NAME).rglob("*.json"):
        file.write_text("{")
    third = EmbeddedVectors(tmp_path / "qdrant")
    with pytest.raises(SearchAwayError, match="cannot be read"):
        await third.count(NAME)
    assert await third.collections() == []
    await third.close()


async def test_a_server_that_is_away_or_refuses_is_one_error_and_its_fields_are_indexed(tmp_path: Path) -> None:
    async with running_qdrant(tmp_path) as (url, collections):
        store = client(url, API_KEY, 5)
        await store.create(NAME, 2)
        assert sorted(collections.indexed[NAME]) == sorted([*KEYWORDS, "at"])
        stranger = client(url, "", 5)
        collections.away = True
        for asked in (store.collections(), store.count(NAME), store.drop(NAME), store.create(NAME, 2)):
            with pytest.raises(SearchAwayError, match="the Qdrant server"):
                await asked
        collections.away = False
        with pytest.raises(SearchAwayError):
            await stranger.collections()
    with pytest.raises(SearchAwayError):
        await store.collections()
    await store.close()
    await stranger.close()
