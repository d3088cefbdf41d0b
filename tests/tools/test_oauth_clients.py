"""`${oauth.NAME}`: a token for each lifetime, had before it is needed, shown to nobody; against Authlib's server."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from aiohttp import web

from servicekit.errors import ServiceError
from services.tools.catalogue import credentials, token_endpoint
from services.tools.catalogue.named_secrets import MAX_KNOWN_TOKENS, Secrets
from tests.tools.audit import rows_of_every_table
from tests.tools.authorization_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    LIFETIME_SECONDS,
    Clock,
    Parties,
    page,
    parties,
    silent_server,
)
from tests.tools.mcp_registration import refreshed, registered
from tests.tools.mcp_upstream import http_server
from tests.tools.service import Replica, pb, python, refusal, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADERS = {"Authorization": "${oauth.partner}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers() -> AsyncIterator[Parties]:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(credentials, "monotonic", clock)
        async with parties(clock) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def partner(shared: Replica, servers: Parties) -> Parties:
    """The servers, declared as `partner`, with nothing left of the test before; the tool `partner` calls them."""
    servers.forget()
    # Another client than that of the test before, whose token may serve yet.
    servers.clock.now += 10 * LIFETIME_SECONDS
    declare(shared, servers.client(audience=f"test at {servers.clock()}"))
    await shared.update(name="partner", http={"url": f"{servers.url}/resource", "headers": HEADERS})
    return servers


def declare(replica: Replica, client: Any, name: str = "partner") -> None:
    (folder(replica) / name).write_text(client if isinstance(client, str) else json.dumps(client))


def folder(replica: Replica) -> Path:
    found = replica.settings.tools_secrets_dir
    assert found is not None
    return found


async def all_that_is_kept(replica: Replica) -> str:
    """Rows, answers, exports and metrics."""
    exports = (
        replica.stub.ExportInvocations(pb.ExportInvocationsRequest()),
        replica.stub.ExportReceipts(pb.ExportReceiptsRequest()),
    )
    exported = b"".join([chunk.data for export in exports for chunk in [one async for one in export]])
    listed = await replica.listed(tool_name="partner")
    events = await replica.events(listed[0].id)
    rows = await rows_of_every_table(replica.settings.database_url)
    return f"{listed}{events}{exported!r}{rows}{await page(replica.settings.metrics_port)}"


async def test_a_thousand_calls_over_three_expiries_cost_a_token_each_and_show_none(
    shared: Replica, partner: Parties
) -> None:
    async def at_once() -> list[Any]:
        return await asyncio.gather(*(shared.invoke("partner", {"n": n}) for n in range(50)))

    made = await at_once()
    assert len(partner.asked) == 1, "they waited for one request"
    for times in range(1, 20):
        if times in (5, 10, 15):
            partner.clock.now += LIFETIME_SECONDS
        made += await at_once()
    assert (len(made), {one.status for one in made}) == (1_000, {"success"})
    assert partner.used == [token for token in partner.tokens for _ in range(250)]
    assert [asked["proved by"] for asked in partner.asked] == ["client_secret_basic"] * 4
    seen = f"{made}{await all_that_is_kept(shared)}"
    assert '"of"' in seen, "the server said them, and something is there to be searched"
    pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    assert not [secret for secret in ("cAnArY", pair[16:40], *partner.tokens) if secret in seen]


async def test_a_token_is_renewed_while_it_serves_and_a_renewal_that_fails_is_seen_by_nobody(
    shared: Replica, partner: Parties
) -> None:
    async def call() -> str:
        assert (await shared.invoke("partner")).status == "success"
        return partner.used[-1]

    first = await call()
    partner.clock.now += LIFETIME_SECONDS - 61
    assert (await call(), len(partner.asked)) == (first, 1)
    partner.clock.now += 30
    partner.answer = lambda _: web.Response(status=503)
    assert await call() == first

    async def asked(times: int) -> bool:
        return len(partner.asked) == times

    await until(lambda: asked(2))
    assert await call() == first, "and it is not tried again at once"
    assert len(partner.asked) == 2
    partner.answer = None
    partner.clock.now += credentials.PAUSE_SECONDS

    async def renewed() -> bool:
        return await call() != first

    await until(renewed)
    assert (len(partner.asked), partner.used[-1]) == (3, partner.tokens[-1])


async def test_a_401_makes_one_new_token_and_the_call_is_not_sent_again(shared: Replica, partner: Parties) -> None:
    await shared.invoke("partner")
    [first] = partner.tokens
    # As a server does that has forgotten its tokens.
    partner.issued[first] = 0.0
    made = await asyncio.gather(*(shared.invoke("partner") for _ in range(8)))
    failed = [one for one in made if one.status == "failed"]
    assert {one.error_reason for one in failed} == {"UPSTREAM_FAILED"}
    assert (len(partner.used), partner.used.count(first)) == (9, 1 + len(failed)), "one request each"
    assert first not in f"{made}"
    assert "[masked]" in failed[0].error
    assert (await shared.invoke("partner")).status == "success"
    assert (len(partner.asked), partner.used[-1]) == (2, partner.tokens[-1])
    # Where the next is refused as well, not every call makes one.
    partner.issued[partner.tokens[-1]] = 0.0
    made = [await shared.invoke("partner") for _ in range(3)]
    assert ({one.status for one in made}, len(partner.asked)) == ({"failed"}, 2)
    partner.clock.now += credentials.REFUSED_AGAIN_SECONDS
    assert (await shared.invoke("partner")).status == "failed"
    assert (await shared.invoke("partner")).status == "success"
    assert len(partner.asked) == 3


def echo(request: web.Request) -> str:
    """What a careless server says of what it was sent."""
    return f"{request.headers['Authorization']} {CLIENT_SECRET}"


ANSWERS: dict[str, Callable[[web.Request], web.Response]] = {
    "500": lambda request: web.Response(status=500, text=echo(request)),
    "401 (invalid_client)": lambda request: web.json_response(
        {"error": "invalid_client", "error_description": echo(request)}, status=401
    ),
    "400.": lambda request: web.json_response({"error": CLIENT_SECRET}, status=400),
    "302": lambda _: web.Response(status=302, headers={"Location": "/resource"}),
    "without an access_token": lambda _: web.json_response({"token_type": "Bearer"}),
    "that a header can carry": lambda _: web.json_response({"access_token": "a\r\nX-B: c", "token_type": "Bearer"}),
    "another type": lambda _: web.json_response({"access_token": "abcdef", "token_type": "mac"}),
    "200, without": lambda _: web.Response(text="x" * 100_000),
}


@pytest.mark.parametrize("said", ANSWERS)
async def test_without_a_token_nothing_is_sent_and_the_invocation_says_why(
    shared: Replica, partner: Parties, said: str
) -> None:
    partner.answer = ANSWERS[said]
    with structlog.testing.capture_logs() as lines:
        made = await shared.invoke("partner")
    assert (made.status, made.error_reason) == ("failed", "TOKEN_REQUEST_FAILED")
    assert said in made.error
    assert "'partner'" in made.error
    assert (len(partner.asked), partner.used) == (1, [])
    assert [line["credential"] for line in lines if line["event"] == "token_request_failed"] == ["partner"]
    [pair] = [each.pair[:12] for each in Secrets(folder(shared)).clients(HEADERS).values()]
    assert not [secret for secret in ("cAnArY", pair) if secret in f"{made}{lines}"]


async def test_what_is_no_answer_is_told_too(
    shared: Replica, partner: Parties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_endpoint, "REQUEST_SECONDS", 0.5)
    async with silent_server() as port:
        for address, said in (
            (f"127.0.0.1:{port}", "did not answer within 0.5 s"),
            ("127.0.0.1:1", "could not be reached"),
            ("10.0.0.1", "may not be reached. An operator may allow"),
        ):
            declare(shared, partner.client(token_url=f"http://{address}/token"))
            made = await shared.invoke("partner")
            assert (made.status, made.error_reason) == ("failed", "TOKEN_REQUEST_FAILED")
            assert said in made.error
            assert "/token" not in made.error
    assert not partner.used


async def test_the_client_is_declared_in_one_document_and_a_change_of_it_counts_at_once(
    shared: Replica, partner: Parties
) -> None:
    wanted = {
        "scope": "read write",
        "audience": "https://api.example",
        "token_endpoint_auth_method": "client_secret_post",
    }
    await shared.invoke("partner")
    declare(shared, partner.client(**wanted))
    assert (await shared.invoke("partner")).status == "success"
    asked = partner.asked[-1]
    assert (asked.pop("client_id"), asked.pop("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
    assert asked == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "audience": "https://api.example",
        "proved by": "client_secret_post",
    }
    partner.secret = "cAnArY-rotated"
    declare(shared, partner.client(client_secret=partner.secret))
    assert (await shared.invoke("partner")).status == "success"
    assert (len(partner.asked), partner.used) == (3, partner.tokens)
    declare(shared, partner.client(scope="all"))
    partner.secret = CLIENT_SECRET
    made = await shared.invoke("partner")
    assert (made.error_reason, "invalid_scope" in made.error) == ("TOKEN_REQUEST_FAILED", True)
    (folder(shared) / "partner").unlink()
    assert (await shared.invoke("partner")).error_reason == "SECRET_NOT_FOUND"


@pytest.mark.parametrize(
    ("expires_in", "requests"),
    [(None, 2), ("300", 2), (299.5, 2), ("soon", 2), ([], 2), (0, 3), (-1, 3), (1e300, 1), ("Infinity", 2)],
)
async def test_how_long_a_token_is_good_is_read_as_servers_write_it(
    shared: Replica, partner: Parties, expires_in: Any, requests: int
) -> None:
    partner.answer = lambda _: web.json_response({"access_token": "cAnArY-given", "expires_in": expires_in})
    partner.issued["cAnArY-given"] = partner.clock() + LIFETIME_SECONDS
    for seconds in (0, 0, token_endpoint.DEFAULT_LIFETIME_SECONDS):
        partner.clock.now += seconds
        assert (await shared.invoke("partner")).status == "success"
    assert len(partner.asked) == requests


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("word", "it is no JSON object"),
        ('{"token_url": ', "it is no JSON object"),
        ('["https://a.example"]', "it is no JSON object"),
        ({"client_secret": None}, "it has no client_secret"),
        ({"client_id": ""}, "it has no client_id"),
        ({"scope": ["read"]}, "its scope is no text"),
        ({"tokenUrl": "https://a.example"}, "it has a field 'tokenUrl'"),
        ({"token_url": "https://anna:cAnArY@a.example/token"}, "its token_url has a user in it"),
        ({"token_url": "ftp://a.example/token"}, "its token_url is none of https or http"),
        ({"token_url": "https://a.example/token#a"}, "its token_url is none of https or http"),
        ({"token_url": "a.example"}, "its token_url is no URL"),
        ({"token_endpoint_auth_method": "mtls"}, "its token_endpoint_auth_method is neither"),
        ({"token_endpoint_auth_method": "none"}, "with which there are no client credentials"),
        ({"grant_type": "password"}, "its grant_type is none of"),
        ({"grant_type": "refresh_token"}, "go together"),
        ({"refresh_token": "cAnArY"}, "go together"),
        ({"resource": "https://a.example"}, "are of a token exchange alone"),
    ],
)
async def test_what_declares_no_client_is_refused_when_a_tool_names_it(
    shared: Replica, servers: Parties, document: Any, why: str
) -> None:
    declare(shared, {**servers.client(), **document} if isinstance(document, dict) else document, "odd")
    if isinstance(document, dict) and None in document.values():
        declare(shared, servers.client(**document), "odd")
    source = {"url": "https://a.example", "headers": {"Authorization": "${oauth.odd}"}}
    refused = await refusal(shared.create(name="odd", http=source))
    assert (refused.code.name, refused.reason, refused.metadata["secret"]) == (
        "FAILED_PRECONDITION",
        "SECRET_NOT_FOUND",
        "odd",
    )
    assert why in refused.message
    assert "cAnArY" not in refused.message


async def test_an_mcp_server_is_sent_tokens_too(shared: Replica, partner: Parties) -> None:
    async with http_server() as upstream:
        made = await registered(shared, name="by-token", http={"url": upstream.url, "headers": HEADERS})
        assert made.state == "available", made.reason
        assert python((await shared.invoke("by-token/add", {"a": 1, "b": 2})).result)["result"] == 3
        sent = {headers["authorization"] for _, headers in upstream.requests}
        assert (sent, len(partner.asked)) == ({f"Bearer {partner.tokens[0]}"}, 1)
        upstream.answers_calls_with = "401"
        failed = await shared.invoke("by-token/add", {"a": 1, "b": 2})
        assert (failed.status, failed.error_reason) == ("failed", "UPSTREAM_FAILED")
        upstream.answers_calls_with = ""
        await refreshed(shared, "by-token")
        assert (await shared.invoke("by-token/add", {"a": 1, "b": 2})).status == "success"
        assert upstream.requests[-1][1]["authorization"] == f"Bearer {partner.tokens[-1]}"
        assert len(partner.asked) == 2
        partner.clock.now += LIFETIME_SECONDS
        partner.answer = lambda _: web.Response(status=503)
        sent_before = len(upstream.requests)
        failed = await shared.invoke("by-token/add", {"a": 1, "b": 2})
        assert "answered 503. Nothing was sent." in failed.error
        assert len(upstream.requests) == sent_before
        await shared.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name="by-token"))


async def test_the_last_tokens_of_a_client_are_masked_and_one_is_for_no_environment(tmp_path: Path) -> None:
    (tmp_path / "client").write_text(json.dumps(Parties(Clock()).client()))
    secrets = Secrets(tmp_path)
    for number in range(MAX_KNOWN_TOKENS + 1):
        secrets.learn_token("client", f"cAnArY-token-{number:02}")
    mask = secrets.mask()
    known = [number for number in range(MAX_KNOWN_TOKENS + 1) if "cAnArY" not in mask.text(f"cAnArY-token-{number:02}")]
    assert known == list(range(1, MAX_KNOWN_TOKENS + 1))
    assert mask.text(f"so {CLIENT_SECRET} it is") == "so [masked] it is", "before it was ever used"
    with pytest.raises(ServiceError, match="headers of requests"):
        secrets.fill({"TOKEN": "${oauth.client}"})
