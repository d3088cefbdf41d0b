"""`qmcp tools limits` and what callers over HTTP are told, against the real system."""

import asyncio

import aiohttp
from qmcp.client.cli.failures import NOT_FOUND

from tests.client.command import Ended, qmcp
from tests.stack import Stack


async def test_a_limit_is_set_at_a_shell_told_in_headers_and_holds_over_http(guarded: Stack) -> None:
    env = {"QMCP_URL": guarded.edge_url, "QMCP_API_KEY": guarded.admin_key}

    async def ended(*words: str, code: int = 0) -> Ended:
        found = await asyncio.to_thread(qmcp, "tools", "limits", *words, env=env)
        assert found.code == code, found
        return found

    url = f"{guarded.edge_url}/v1/tools/limited/one"
    async with aiohttp.ClientSession(headers={"x-api-key": guarded.admin_key}) as session:
        async with session.put(url, json={"http": {"url": "https://limited.invalid/"}}) as answer:
            assert answer.status in (200, 201)
        words = ("--quota", "1", "--window", "month", "--tool", "limited/*", "--each-caller", "--reason", "Dear.")
        made = (await ended("set", "shelled", *words, "--json")).json
        assert (made["quota"], made["tools"]) == ({"invocations": 1, "window": "month"}, ["limited/*"])
        assert (await ended("get", "shelled", "--json")).json == made
        assert "1 a month" in (await ended("list")).out
        assert [each["remaining"] for each in (await ended("left", "limited/one", "--json")).json] == [1]
        async with session.post(f"{url}:invoke", json={}) as answer:
            assert answer.status == 200
            headers = answer.headers
            assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("1", "0")
        async with session.post(f"{url}:invoke", json={}) as answer:
            assert answer.status == 429
            assert (await answer.json())["details"][0]["reason"] == "TOOL_LIMIT_REACHED"
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["x-ratelimit-remaining"] == "0"
            assert int(answer.headers["x-ratelimit-reset"]) > 0
    assert "shelled" in (await ended("left", "limited/one")).out
    assert (await ended("remove", "shelled", "--json")).json == {"deleted": "shelled"}
    await ended("get", "shelled", code=NOT_FOUND)
