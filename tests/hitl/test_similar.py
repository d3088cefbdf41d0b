"""Similar requests: by what their prompts mean, by their words where that cannot be told, ended ones only."""

from pathlib import Path

import pytest
import qdrant_edge

from servicekit.errors import ServiceError
from servicekit.identity.visibility import ITSELF
from services.hitl.lifecycle.similar import Similar
from tests.hitl.environment import environment
from tests.hitl.service import Start
from tests.servicekit.search.qdrant import API_KEY, running_qdrant
from tests.wire import query, until

ODD = [
    "it's",
    "a\\b",
    "'''",
    "& | ! ( ) :*",
    "\\",
    "<->",
    "ünïcödé 漢字",
    "-",
    "x" * 3000,
    "C:\\temp\\'quoted' path/a.b?c=d",
]


async def test_the_best_match_among_ended_requests_comes_first(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        prompts = {
            "asked": "Deploy the billing service to production?",
            "same": "Deploy the billing service to production?",
            "near": "Deploy the search service to staging?",
            "far": "What colour shall the logo have?",
            "pending": "Deploy the billing service to production!",
        }
        for name, prompt in prompts.items():
            await env.request(name, prompt=prompt)
        await env.execute("UPDATE human_requests SET status = 'responded' WHERE id IN ('same', 'near', 'far')")
        similar, asked = Similar(env.database, None, enabled=True), await env.load("asked")
        assert (await similar.find(asked, ITSELF, 0))[:2] == ["same", "near"]
        assert "pending" not in await similar.find(asked, ITSELF, 20)
        assert await similar.find(asked, ITSELF, 1) == ["same"]
        assert await similar.find(await env.load("same"), ITSELF, 1) == ["near"]


async def test_any_prompt_can_be_looked_for(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        similar = Similar(env.database, None, enabled=True)
        for number, prompt in enumerate(ODD):
            await env.request(f"old{number}", prompt=prompt)
            await env.request(f"new{number}", prompt=prompt)
        await env.execute("UPDATE human_requests SET status = 'expired' WHERE id LIKE 'old%'")
        for number in range(len(ODD)):
            words = await env.execute("SELECT FROM human_requests WHERE id = $1 AND words <> ''", f"new{number}")
            found = await similar.find(await env.load(f"new{number}"), ITSELF, 20)
            assert found[:1] == ([f"old{number}"] if words else [])


async def test_it_is_off_unless_the_operator_wants_it(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        await env.request("asked")
        with pytest.raises(ServiceError) as refused:
            await Similar(env.database, None, enabled=False).find(await env.load("asked"), ITSELF, 0)
        assert refused.value.reason == "SIMILAR_OFF"


async def test_what_means_the_same_is_found_on_a_server_by_words_while_it_is_away_and_no_more_once_it_is_deleted(
    start: Start, tmp_path: Path
) -> None:
    async with running_qdrant(tmp_path) as (address, collections):
        replica = await start(hitl_similar_requests=True, qdrant_url=address, qdrant_api_key=API_KEY)
        prompts = {
            "old": "May I roll the payment service out to production?",
            "worded": "May I paint the wall?",
            "far": "Which colour has the logo?",
        }
        for name, prompt in prompts.items():
            await replica.ask(name, prompt=prompt)
            await replica.answer(name)
        await replica.ask("new", prompt="Shall billing be deployed live now? May I?")

        async def found(*wanted: str) -> bool:
            similar = (await replica.call("FindSimilarHumanRequests", id="new")).requests
            assert all(each.response.decides for each in similar)
            return {each.id for each in similar} == set(wanted)

        # Not the wall, although it is asked for in the same words.
        assert await until(lambda: found("old"))
        assert list(collections.shards) == ["qmcp-hitl-minilm-384"]
        shown = await replica.metrics()
        assert shown["qmcp_vector_search_seconds_count{}"] >= 1
        named = {f'qmcp_index_{each}{{index="qmcp-hitl"}}' for each in ("waiting", "lag_seconds", "failed")}
        assert named <= {key.replace("'", '"') for key in shown}
        collections.away = True
        assert await until(lambda: found("worded", "old"))
        # It is still asked for what ends meanwhile, and loses nothing of it.
        await replica.ask("later", prompt="Is it fine to ship the invoicing system to the live environment?")
        await replica.answer("later")
        collections.away = False
        assert await until(lambda: found("old", "later"))
        await query(replica.settings.database_url, "DELETE FROM human_responses WHERE human_request_id = 'old'")
        await query(replica.settings.database_url, "DELETE FROM human_requests WHERE id = 'old'")
        assert await until(lambda: found("later"))
        [shard] = collections.shards.values()
        assert await until(lambda: has(shard, 3))


async def has(shard: qdrant_edge.EdgeShard, number: int) -> bool:
    return shard.count(qdrant_edge.CountRequest(exact=True)) == number
