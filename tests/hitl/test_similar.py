"""Similar requests: by the words of their prompts, ended ones only."""

from pathlib import Path

import pytest

from servicekit.errors import ServiceError
from servicekit.identity.visibility import ITSELF
from services.hitl.lifecycle.similar import Similar
from tests.hitl.environment import environment

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
        similar = Similar(env.database, enabled=True)
        assert (await similar.find("asked", ITSELF, 0))[:2] == ["same", "near"]
        assert "pending" not in await similar.find("asked", ITSELF, 20)
        assert await similar.find("asked", ITSELF, 1) == ["same"]
        assert await similar.find("same", ITSELF, 1) == ["near"]


async def test_any_prompt_can_be_looked_for(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        similar = Similar(env.database, enabled=True)
        for number, prompt in enumerate(ODD):
            await env.request(f"old{number}", prompt=prompt)
            await env.request(f"new{number}", prompt=prompt)
        await env.execute("UPDATE human_requests SET status = 'expired' WHERE id LIKE 'old%'")
        for number in range(len(ODD)):
            words = await env.execute("SELECT FROM human_requests WHERE id = $1 AND words <> ''", f"new{number}")
            found = await similar.find(f"new{number}", ITSELF, 20)
            assert found[:1] == ([f"old{number}"] if words else [])


async def test_it_is_off_unless_the_operator_wants_it(database: str, tmp_path: Path) -> None:
    async with environment(database, tmp_path) as env:
        with pytest.raises(ServiceError) as refused:
            await Similar(env.database, enabled=False).find("asked", ITSELF, 0)
        assert refused.value.reason == "SIMILAR_OFF"
