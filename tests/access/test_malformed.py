"""More than a thousand credentials that are none are refused as such, quickly, and leave no trace of what they held."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from servicekit.identity import credentials
from tests.access import environment
from tests.access.corpus import CANARY, malformed
from tests.access.environment import Access, Files, who_with
from tests.access.processes import child
from tests.contract.running import Running
from tests.servicekit.issuer import AUDIENCE, serving_issuer
from tests.stack import Stack

AT_ONCE = 20
REFUSED = {"UNAUTHENTICATED", "PERMISSION_DENIED"}


async def answers_to(running: Running, corpus: list[dict[str, str]]) -> Counter[str]:
    """How the calls end; each within its time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(headers: dict[str, str]) -> str:
        async with room:
            return await who_with(running, headers, 5)

    return Counter(await asyncio.gather(*map(one, corpus)))


async def test_over_grpc_all_are_refused_and_nothing_of_them_is_seen_again(
    database: str, tools_database: str, files: Files, tmp_path: Path
) -> None:
    async with serving_issuer() as issuer:
        port = environment.free_port()
        oidc = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE, "log_level": "DEBUG"}
        async with (
            child(
                "access", environment.ACCESS, database, tmp_path, files.of_access(grpc_port=port, **oidc)
            ) as access_process,
            child("tools", environment.TOOLS, tools_database, tmp_path, files.of_tools(port, **oidc)) as tools_process,
        ):
            access = Access(access_process.running, files, port)
            issued = await access.key("agent")
            corpus = malformed(issued.api_key)
            assert len(corpus) > 1_500
            ended = await answers_to(tools_process.running, corpus)
            assert set(ended) <= REFUSED, ended
            # The one of nobody's is not let in while the right one is.
            assert await environment.who(tools_process.running, issued.api_key) == "somebody"
            token = {"authorization": f"Bearer {issuer.token()}"}
            assert await who_with(tools_process.running, token) == "oidc:alice"
            # Access itself is as careful as those who ask it.
            answers = await asyncio.gather(*(access.running.call("WhoAmI", None, headers) for headers in corpus[::5]))
            assert {answer.code.name for answer in answers} <= REFUSED  # type: ignore[union-attr]
            said = "".join(answer.message for answer in answers)  # type: ignore[misc]
            async with httpx.AsyncClient() as http:
                pages = [(await http.get(each.metrics_url)).text for each in (access_process, tools_process)]
            await asyncio.sleep(1.5)
            denials = await access.must("ListDenials", page_size=500)
            logs = access_process.log + tools_process.log
            seen = "".join([said, *pages, str(denials), logs])
            assert "request_completed" in logs
            assert "request_failed" not in logs
            secrets = [text[22:] for text in (issued.api_key, files.admin, files.service)]
            assert not [word for word in (CANARY, *secrets, issuer.token().split(".")[2]) if word in seen]


async def test_a_credential_larger_than_headers_may_be_is_refused_too(access: Access, tools: Running) -> None:
    """gRPC refuses these before we see them: with a code of its own, and never in."""
    for size in (9_000, 20_000, 100_000):
        for headers in ({"x-api-key": "k" * size}, {"authorization": f"Bearer {'a.' * (size // 2)}"}):
            assert await who_with(tools, headers) in {"UNAUTHENTICATED", "RESOURCE_EXHAUSTED"}


@pytest.mark.promise("Q40")
def test_over_http_they_are_refused_too(guarded: Stack) -> None:
    body = {"input": {"message": "hello"}}
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as http:
        admin = {"x-api-key": guarded.admin_key}
        issued = http.post("/v1/keys", json={"owner": "somebody", "roles": ["agent"]}, headers=admin).raise_for_status()
        # A third of each kind: what services make of all of them is tried over gRPC.
        corpus = malformed(issued.json()["api_key"])[::3]
        ended = Counter(
            http.post("/v1/tools/echo:invoke", json=body, headers=headers).status_code for headers in corpus
        )
        assert set(ended) <= {401, 403}, ended
        assert http.post("/v1/tools/echo:invoke", json=body, headers={"x-api-key": issued.json()["api_key"]}).is_success
    time.sleep(0.3)
    secret = issued.json()["api_key"][22:]
    assert CANARY not in guarded.output()
    assert secret not in guarded.output()


async def test_several_credentials_are_refused_whatever_their_order_even_where_all_are_good(
    access: Access, tools: Running
) -> None:
    good, other = (await access.key("agent")).api_key, (await access.key("agent")).api_key
    wrong = credentials.generate()[0]
    several = [
        *(
            [("x-api-key", one) for one in order]
            for order in ((good, wrong), (wrong, good), (good, good), (good, other))
        ),
        *([("authorization", f"Bearer {one}") for one in order] for order in ((good, wrong), (wrong, good))),
        *([("x-api-key", one), ("authorization", f"Bearer {two}")] for one, two in ((good, other), (wrong, good))),
    ]
    for running, name in ((tools, "ListTools"), (access.running, "WhoAmI")):
        rpc = running.channel.unary_unary(f"/{running.service.full_name}/{name}")
        for headers in several:
            call = rpc(running.request(name).SerializeToString(), metadata=tuple(headers))
            assert (await call.code()).name == "UNAUTHENTICATED", headers
            assert "several credentials" in (await call.details() or "")
        agreeing = (("x-api-key", good), ("authorization", f"Bearer {good}"))
        assert (await rpc(running.request(name).SerializeToString(), metadata=agreeing).code()).name == "OK"


def test_over_http_several_credentials_are_refused_too(guarded: Stack) -> None:
    good = guarded.admin_key
    wrong = credentials.generate()[0]
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as http:
        for first, second in ((good, wrong), (wrong, good), (good, good)):
            headers = [("x-api-key", first), ("x-api-key", second)]
            answer = http.get("/v1/keys", headers=headers)
            assert answer.status_code == 401
            assert "several credentials" in answer.json()["message"]
        disagreeing = {"x-api-key": good, "authorization": f"Bearer {wrong}"}
        assert http.get("/v1/keys", headers=disagreeing).status_code == 401
        assert http.get("/v1/keys", headers={**disagreeing, "authorization": f"Bearer {good}"}).is_success


def test_headers_within_the_edges_limit_reach_the_services_and_the_others_are_431(guarded: Stack) -> None:
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as http:
        admin = {"x-api-key": guarded.admin_key}
        for headers, status in (
            ({"x-note": "x" * 15_000, **admin}, 200),
            ({"x-api-key": "k" * 15_000}, 401),
            ({"authorization": f"Bearer {'a.' * 7_000}"}, 401),
            ({"x-note": "x" * 16_400, **admin}, 431),
        ):
            assert [http.get("/v1/keys", headers=headers).status_code for _ in range(5)] == [status] * 5
        long = http.get("/v1/keys", params={"owner": "x" * 15_000}, headers=admin)
        assert (long.status_code, long.json()["details"][0]["reason"]) == (400, "INVALID_REQUEST")
