"""What one key takes leaves the others theirs, on the system that `make run` starts with QMCP_AUTH=on."""

import asyncio
from collections import Counter

import httpx

from tests.stack import Stack

WATCH = "/v1/human/requests:watch"
ECHO = "/v1/tools/echo"
HELLO = {"input": {"message": "hello"}}
# Streams of one caller, unless its key or role says otherwise.
SHARE = 100


async def test_an_agent_that_watches_as_often_as_it_can_leaves_the_others_theirs(guarded: Stack) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=guarded.edge_url, limits=limits, timeout=60) as http:

        async def key(owner: str) -> dict[str, str]:
            body = {"owner": owner, "roles": ["agent"]}
            made = await http.post("/v1/keys", json=body, headers={"x-api-key": guarded.admin_key})
            return {"x-api-key": made.json()["api_key"]}

        async def watch(who: dict[str, str]) -> httpx.Response:
            return await http.send(http.build_request("GET", WATCH, headers=who), stream=True)

        one, two = await key("watcher"), await key("neighbour")
        answers = await asyncio.gather(*(watch(one) for _ in range(SHARE + 10)))
        assert Counter(answer.status_code for answer in answers) == {200: SHARE, 429: 10}
        refused = next(answer for answer in answers if answer.status_code == 429)
        await refused.aread()
        info = refused.json()["details"][0]
        assert (info["reason"], info["metadata"]["kind"]) == ("CONCURRENCY_LIMITED", "streams")
        assert refused.headers["retry-after"] == "1"
        other = await watch(two)
        assert other.status_code == 200
        assert (await http.post(ECHO, json=HELLO, headers=one)).status_code == 200
        for answer in (*answers, other):
            await answer.aclose()
