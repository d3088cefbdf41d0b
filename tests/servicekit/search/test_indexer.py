"""The outbox: what a transaction has put there comes into the index, whoever dies, whatever is away."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from servicekit.postgres import Connection, Database, database
from servicekit.search import outbox
from servicekit.search.errors import SearchAwayError, UnfitTextError
from servicekit.search.index import Entry, Index, Scope
from servicekit.search.indexer import MAX_ATTEMPTS, Indexer
from servicekit.search.metrics import SearchMetrics
from servicekit.search.vectors.embedded import EmbeddedVectors
from tests.stack import Server
from tests.wire import until

ANYWHERE = Scope({"owner": "ada"}, {})


class Model:
    """Texts begin with the number of their direction."""

    def __init__(self, name: str = "model", dimension: int = 4) -> None:
        self.name = name
        self._dimension = dimension
        self.away = ""
        # How many texts it takes before it is away.
        self.takes = 1_000_000

    async def dimension(self) -> int:
        return self._dimension

    async def embed(self, text: str) -> Sequence[float]:
        if self.away:
            raise SearchAwayError(self.away)
        if text == "unfit":
            raise UnfitTextError("the model does not take it")
        if not self.takes:
            raise SearchAwayError("it is tired")
        self.takes -= 1
        return [1.0 if place == int(text[0]) else 0.0 for place in range(self._dimension)]

    async def close(self) -> None:
        pass


class Texts:
    """The truth."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def entries(self, _connection: Connection, item_ids: Sequence[str]) -> Sequence[Entry]:
        return [Entry(each, self.texts[each], {"owner": "ada"}) for each in item_ids if each in self.texts]

    async def after(self, _connection: Connection, item_id: str, limit: int) -> Sequence[str]:
        return sorted(each for each in self.texts if each > item_id)[:limit]

    async def count(self, _connection: Connection) -> int:
        return len(self.texts)


class Indexing:
    """An indexer that runs, with all that it works on."""

    def __init__(self, db: Database, folder: Path, texts: Texts, model: Model) -> None:
        self.db, self.texts, self.model = db, texts, model
        metrics = SearchMetrics(CollectorRegistry())
        self.vectors = EmbeddedVectors(folder)
        self.index = Index("test", self.vectors, model, metrics, self.is_whole)
        self.indexer = Indexer(db, self.index, texts, metrics)

    async def is_whole(self) -> bool:
        async with self.db.connection() as connection:
            return await outbox.is_whole(connection)

    async def change(self, item_id: str, text: str | None) -> None:
        if text is None:
            self.texts.texts.pop(item_id)
        else:
            self.texts.texts[item_id] = text
        async with self.db.transaction() as connection:
            await outbox.queue(connection, [item_id])
        self.indexer.wake()

    async def settled(self) -> None:
        async def nothing_waits() -> bool:
            async with self.db.connection() as connection:
                waits = (await outbox.waiting(connection)).waiting
                return waits == 0 and await outbox.is_whole(connection) and await self.index.exists()

        await until(nothing_waits, 30)

    async def found(self, text: str) -> list[str]:
        return [each.item_id for each in await self.index.search(text, ANYWHERE, 5) if (each.similarity or 0) > 0.5]


@asynccontextmanager
async def indexing(url: str, folder: Path, texts: Texts, model: Model) -> AsyncIterator[Indexing]:
    async with database(url, 4, "indexing") as db:
        made = Indexing(db, folder, texts, model)
        loop = asyncio.create_task(made.indexer.run())
        try:
            yield made
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
            await made.vectors.close()


async def test_what_changes_is_found_what_goes_is_not_and_a_lost_folder_is_made_again(
    postgres: Server, tmp_path: Path
) -> None:
    texts, folder = Texts(), tmp_path / "qdrant"
    async with postgres.database("questioning") as url, indexing(url, folder, texts, Model()) as made:
        for item_id, text in [("a", "1 one"), ("b", "2 two"), ("c", "3 three")]:
            await made.change(item_id, text)
        await made.settled()
        assert (await made.found("1"), await made.found("2")) == (["a"], ["b"])
        await made.change("a", "2 two as well")
        await made.change("c", None)
        await made.settled()
        assert (await made.found("1"), sorted(await made.found("2")), await made.found("3")) == ([], ["a", "b"], [])
        # What is rolled back is not brought in.
        texts.texts["d"] = "1 never said"
        async with made.db.connection() as connection:
            undone = connection.transaction()
            await undone.start()
            await outbox.queue(connection, ["d"])
            await undone.rollback()
        del texts.texts["d"]
        # The folder is lost while the engine has it open.
        shutil.rmtree(folder)
        made.indexer.wake()
        await made.settled()
        assert (sorted(await made.found("2")), await made.index.count()) == (["a", "b"], 2)
        condition = await made.indexer.condition()
        assert (condition.state, condition.store, condition.texts) == ("ready", "embedded", 2)
        # An operator's own: it is emptied and made again.
        await made.indexer.rebuild()
        await made.settled()
        assert sorted(await made.found("2")) == ["a", "b"]


async def test_while_it_is_made_again_nobody_is_given_a_part_for_the_whole(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.search.indexer.SAFETY_SECONDS", 0.05)
    monkeypatch.setattr("servicekit.search.indexer.BATCH", 1)
    model = Model()
    async with postgres.database("questioning") as url, indexing(url, tmp_path / "qdrant", Texts(), model) as made:
        for item_id in "abc":
            await made.change(item_id, "1 alike")
        await made.settled()
        assert sorted(await made.found("1")) == ["a", "b", "c"]

        async def half() -> bool:
            return not model.takes and await _counts(made, 1)

        async def begun_again() -> None:
            model.takes = 1
            made.indexer.wake()
            await until(half, 30)
            # One of three is there, and a text that changes meanwhile is still one that is missing.
            await made.change("c", "1 alike, too")
            with pytest.raises(SearchAwayError, match="made again"):
                await made.found("1")
            assert (await made.indexer.condition()).state == "catching_up"
            model.takes = 1_000
            await made.settled()
            assert sorted(await made.found("1")) == ["a", "b", "c"]
            assert (await made.indexer.condition()).state == "ready"

        await made.indexer.rebuild()
        await begun_again()
        await made.index.drop()
        await begun_again()
        # Whoever died when everything was not on its way yet leaves it to the next one.
        async with made.db.transaction() as connection:
            await outbox.begin_remake(connection)
        with pytest.raises(SearchAwayError):
            await made.found("1")
        made.indexer.wake()
        await made.settled()
        # What has just changed is missing for a moment, which is no reason to look in another way.
        model.takes = 0
        await made.change("d", "1 alike")
        assert sorted(await made.found("1")) == ["a", "b", "c"]


async def test_another_model_has_another_collection_which_is_made_by_itself(postgres: Server, tmp_path: Path) -> None:
    texts = Texts()
    async with postgres.database("questioning") as url:
        async with indexing(url, tmp_path / "qdrant", texts, Model()) as made:
            await made.change("a", "1 one")
            await made.settled()
        async with indexing(url, tmp_path / "qdrant", texts, Model("another", 7)) as made:
            await made.settled()
            assert await made.found("1") == ["a"]
            assert await made.index.collection() == "test-another-7"
            # The one before goes once this one was counted.
            await until(lambda: _only(made, "test-another-7"), 30)


async def _only(made: Indexing, name: str) -> bool:
    return await made.vectors.collections() == [name]


async def test_an_index_that_differs_from_the_database_is_made_again(postgres: Server, tmp_path: Path) -> None:
    texts = Texts()
    async with postgres.database("questioning") as url:
        async with indexing(url, tmp_path / "qdrant", texts, Model()) as made:
            await made.change("a", "1 one")
            await made.change("b", "2 two")
            await made.settled()
        # The database was restored from a backup, and the outbox knows of nothing.
        del texts.texts["a"]
        async with indexing(url, tmp_path / "qdrant", texts, Model()) as made:
            await until(lambda: _counts(made, 1), 30)
            await made.settled()
            assert (await made.found("1"), await made.found("2")) == ([], ["b"])


async def _counts(made: Indexing, number: int) -> bool:
    try:
        return await made.index.count() == number
    except SearchAwayError:
        return False


async def test_a_model_that_is_away_is_waited_for_and_a_text_that_it_never_takes_is_marked(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.search.indexer.SAFETY_SECONDS", 0.05)
    monkeypatch.setattr("servicekit.search.indexer.MAX_PAUSE_SECONDS", 0.01)
    model = Model()
    async with postgres.database("questioning") as url, indexing(url, tmp_path / "qdrant", Texts(), model) as made:
        model.away = "the model sleeps"
        await made.change("a", "1 one")

        async def tried() -> bool:
            async with made.db.connection() as connection:
                waiting = await outbox.waiting(connection)
            return waiting.last_error == model.away and waiting.waiting == 1 and waiting.failed == 0

        await until(tried, 30)
        with pytest.raises(SearchAwayError):
            await made.index.search("1", ANYWHERE, 5)
        model.away = ""
        await made.change("b", "unfit")

        async def marked() -> bool:
            async with made.db.connection() as connection:
                return (await outbox.waiting(connection)).failed == 1

        await until(marked, 30)
        await made.settled()
        # Never a vector of zeros in its place.
        assert (await made.found("1"), await made.index.count()) == (["a"], 1)
        async with made.db.connection() as connection:
            row = await connection.fetchrow("SELECT attempts, last_error FROM index_outbox WHERE item_id = 'b'")
            assert row is not None
            assert (row["attempts"], row["last_error"]) == (MAX_ATTEMPTS, "the model does not take it")
        # Changed, it is tried anew.
        await made.change("b", "2 fits now")
        await made.settled()
        assert await made.found("2") == ["b"]


async def test_a_claim_is_anothers_when_its_lease_is_over_and_a_change_meanwhile_stays(postgres: Server) -> None:
    async with postgres.database("questioning") as url, database(url, 4, "outbox") as db, db.connection() as connection:
        await outbox.queue(connection, ["a", "b"])
        [first] = await outbox.claim(connection, 1, 60)
        [second] = await outbox.claim(connection, 5, 60)
        assert {first.item_id, second.item_id} == {"a", "b"}
        assert await outbox.claim(connection, 5, 60) == []
        # Whoever has claimed the second dies; whoever has the first is overtaken by a change.
        await connection.execute("UPDATE index_outbox SET next_attempt_at = now() WHERE item_id = $1", second.item_id)
        await outbox.queue(connection, [first.item_id])
        await outbox.done(connection, [first])
        again = {each.item_id: each for each in await outbox.claim(connection, 5, 60)}
        assert again.keys() == {"a", "b"}
        assert (again[second.item_id].attempts, again[first.item_id].version) == (2, first.version + 1)
        await outbox.done(connection, list(again.values()))
        assert (await outbox.waiting(connection)).oldest is None


async def test_without_an_index_nothing_waits_and_who_has_one_again_begins_anew(
    postgres: Server, tmp_path: Path
) -> None:
    texts = Texts()
    async with postgres.database("questioning") as url:
        async with indexing(url, tmp_path / "qdrant", texts, Model()) as made:
            await made.change("a", "1 one")
            await made.settled()
        async with database(url, 2, "none") as db:
            loop = asyncio.create_task(Indexer(db, None, texts, SearchMetrics(CollectorRegistry())).run())

            async def left() -> bool:
                async with db.connection() as connection:
                    return not await outbox.followed(connection)

            assert await until(left, 60)
            # As many as there were: only from this it cannot be told that they are others.
            texts.texts = {"b": "2 two"}
            async with db.transaction() as connection:
                await outbox.queue(connection, ["a", "b"])
                assert (await outbox.waiting(connection)).waiting == 0
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
        async with indexing(url, tmp_path / "qdrant", texts, Model()) as made:

            async def anew() -> bool:
                try:
                    return (await made.found("1"), await made.found("2")) == ([], ["b"])
                except SearchAwayError:
                    return False

            assert await until(anew, 60)
            await made.change("b", "3 three")
            await made.settled()
            assert await made.found("3") == ["b"]
