"""What of a call goes on: its caller's token, exchanged for that caller alone, and headers that an operator lets pass."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from aiohttp import web

from tests.hitl.fake_access import FakeAccess
from tests.servicekit.issuer import AUDIENCE, Issuer, serving_issuer
from tests.stack import Server
from tests.tools.audit import rows_of_every_table
from tests.tools.authorization_server import Clock, Parties, parties
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Replica, invoke_request, pb, python, refusal, replica, settings_for, tool, until
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADERS = {"Authorization": "${oauth.exchange}"}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class World:
    """A service whose callers come with tokens or keys, an authorization server, and a server that echoes nothing."""

    def __init__(
        self, service: Replica, partner: Parties, peer: Upstream, issuer: Issuer, access: FakeAccess, hitl: FakeHitl
    ) -> None:
        self.service = service
        self.partner = partner
        self.peer = peer
        self.issuer = issuer
        self.hitl = hitl
        grants = ["tools.invoke", "tools.read", "tools.write"]
        access.roles["agent"] = grants
        self.key = access.key("ada", "agent", permissions=grants)

    async def call(self, method: str, request: Any, token: str = "", **headers: str) -> Any:
        who = ("authorization", f"Bearer {token}") if token else ("x-api-key", self.key)
        return await getattr(self.service.stub, method)(request, metadata=[who, *headers.items()])

    async def update(self, **fields: Any) -> Any:
        return await self.call("UpdateTool", pb.UpdateToolRequest(tool=tool(**fields)))

    async def invoke(self, name: str, token: str = "", **headers: str) -> Any:
        return await self.call("InvokeTool", invoke_request(name, {}), token, **headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("callers")
    (folder / "secrets").mkdir()
    (folder / "key").write_text("qmcp_0123456789abcdef_secret")
    access, hitl = FakeAccess(), FakeHitl()
    async with (
        postgres.database("tools") as url,
        parties(Clock()) as partner,
        upstream() as peer,
        serving_issuer() as issuer,
        access.open(),
        hitl.open(),
    ):
        client = partner.client(grant_type=EXCHANGE, audience="https://crm.example", scope="read")
        (folder / "secrets" / "exchange").write_text(json.dumps(client))
        settings = settings_for(
            url,
            folder,
            auth="on",
            access_address=access.address,
            access_key_file=folder / "key",
            oidc_issuer=issuer.url,
            oidc_audience=AUDIENCE,
            hitl_address=hitl.address,
            tools_secrets_dir=folder / "secrets",
            tools_caller_headers="X-Tenant,Accept-Language",
        )
        async with replica(settings) as service:
            made = World(service, partner, peer, issuer, access, hitl)
            http = {"url": f"{partner.url}/resource", "headers": HEADERS}
            await made.update(name="crm", http=http)
            yield made


@pytest.fixture
def fresh(world: World) -> World:
    world.partner.forget()
    world.peer.requests.clear()
    return world


async def test_each_caller_is_sent_with_what_its_own_token_was_exchanged_for(fresh: World) -> None:
    tokens = [fresh.issuer.token(sub=f"user-{number}") for number in range(20)]
    with structlog.testing.capture_logs() as lines:
        made = await asyncio.gather(*(fresh.invoke("crm", token) for token in tokens for _ in range(3)))
    assert {one.status for one in made} == {"success"}, made[0].error
    assert len(fresh.partner.asked) == 20, "one exchange for each"
    asked = fresh.partner.asked[0]
    wanted = ("grant_type", "audience", "scope", "subject_token_type")
    assert [asked[name] for name in wanted] == [
        EXCHANGE,
        "https://crm.example",
        "read",
        "urn:ietf:params:oauth:token-type:access_token",
    ]
    # The server tells each its own token, and the answer has it masked.
    users = {fresh.partner.exchanged[used] for used in fresh.partner.used}
    assert users == set(tokens)
    for one in made:
        assert python(one.result)["token"] == "[masked]"
    for one in made[:3]:
        assert one.principal.endswith("user-0")
    kept = await rows_of_every_table(fresh.service.settings.database_url)
    own = f"{lines}{[{**python(one.result), 'of': None} for one in made]}"
    assert not [token for token in fresh.partner.tokens if token in own]
    assert not [token for token in tokens if token in f"{own}{kept}{made}"]


async def test_what_a_token_was_exchanged_for_serves_that_token_alone(fresh: World) -> None:
    first = fresh.issuer.token(sub="short")
    other = fresh.issuer.token(sub="short", jti="another")
    for token in (first, other, other):
        assert (await fresh.invoke("crm", token)).status == "success"
    assert len(fresh.partner.asked) == 2, "each token has its own"
    # Its token ends before the one that it was exchanged for would.
    assert fresh.partner.tokens[0] in fresh.partner.used
    assert not [token for token in fresh.partner.used[1:] if token == fresh.partner.tokens[0]]


async def test_a_caller_with_a_key_is_refused_and_nothing_is_sent(fresh: World) -> None:
    made = await fresh.invoke("crm")
    assert (made.status, made.error_reason) == ("failed", "CALLER_TOKEN_REQUIRED")
    assert not fresh.partner.asked
    assert not fresh.partner.used


async def test_what_the_server_refuses_is_told_without_the_token(fresh: World) -> None:
    token = fresh.issuer.token(sub="refused")
    fresh.partner.answer = lambda _: web.json_response(
        {"error": "invalid_target", "error_description": f"not for {token}"}, status=400
    )
    with structlog.testing.capture_logs() as lines:
        made = await fresh.invoke("crm", token)
    assert (made.status, made.error_reason, "(invalid_target)" in made.error) == (
        "failed",
        "TOKEN_REQUEST_FAILED",
        True,
    )
    assert [line["told"] for line in lines if line["event"] == "token_request_failed"] == ["not for [masked]"]


async def test_what_was_approved_later_has_no_caller_and_a_server_of_all_has_none_either(fresh: World) -> None:
    http = {"url": f"{fresh.partner.url}/resource", "headers": HEADERS, "caller_headers": ["X-Tenant"]}
    await fresh.update(name="asked", http=http, approval={"mode": "always"})
    anna = fresh.issuer.token(sub="anna")
    begun = await fresh.invoke("asked", anna)
    await fresh.hitl.asked_about(begun.id)
    await fresh.hitl.answer(begun.id, "approve", by="ben")

    async def found() -> Any:
        one = await fresh.call("GetInvocation", request, anna)
        return one if one.completed_at.seconds else None

    request = pb.GetInvocationRequest(id=begun.id)
    late = await until(found)
    assert (late.status, late.error_reason) == ("failed", "CALLER_TOKEN_REQUIRED")
    server = pb.CreateMcpServerRequest()
    server.server.name = "crm"
    server.server.http.url = "https://crm.example/mcp"
    server.server.http.headers.update(HEADERS)
    refused = await refusal(fresh.call("CreateMcpServer", server))
    assert (refused.reason, "a connection serves them all" in refused.message) == ("INVALID_REQUEST", True)


async def test_headers_that_an_operator_lets_pass_go_where_a_tool_names_them_and_the_log_has_their_names(
    fresh: World,
) -> None:
    names = ["X-Tenant", "accept-language"]
    await fresh.update(name="tenant", http={"url": fresh.peer.url("/x"), "method": "GET", "caller_headers": names})
    sent = {"x-tenant": "acme tEnAnT", "accept-language": "de", "x-other": "no", "cookie": "a=b"}
    with structlog.testing.capture_logs() as lines:
        assert (await fresh.invoke("tenant", **sent)).status == "success"
        assert (await fresh.invoke("tenant")).status == "success"

        async def logged() -> list[Any]:
            return [line["passed_headers"] for line in lines if "passed_headers" in line]

        assert await until(logged) == [sorted(names)]
    with_them, without = (request.headers for request in fresh.peer.requests)
    assert (with_them["X-Tenant"], with_them["Accept-Language"]) == ("acme tEnAnT", "de")
    assert not {"X-Other", "Cookie", "X-Api-Key", "Authorization"} & with_them.keys()
    assert not {"X-Tenant", "Accept-Language"} & without.keys()
    assert "tEnAnT" not in str(lines)
    assert "tEnAnT" not in await rows_of_every_table(fresh.service.settings.database_url)
    # What the owner says goes over it.
    http = {"url": fresh.peer.url("/x"), "caller_headers": ["X-Tenant"], "headers": {"x-tenant": "ours"}}
    await fresh.update(name="tenant", http=http)
    assert (await fresh.invoke("tenant", **sent)).status == "success"
    assert fresh.peer.requests[-1].headers.getall("X-Tenant") == ["ours"]
    kept = await fresh.call("GetTool", pb.GetToolRequest(name="tenant"))
    assert list(kept.http.caller_headers) == ["X-Tenant"]


async def test_a_header_that_may_not_pass_is_refused_when_a_tool_names_it_and_when_a_setting_does(
    fresh: World, tmp_path: Path
) -> None:
    for name in ("X-Other", "Authorization"):
        http = {"url": fresh.peer.url("/x"), "caller_headers": [name]}
        assert (await refusal(fresh.update(name="odd", http=http))).reason == "HEADER_NOT_ALLOWED"
    for name in ("Authorization", "x-api-key", "Cookie", "Host", "Connection", "X-Forwarded-For", "Proxy-X", "a b"):
        with pytest.raises(ValueError, match="may pass on"):
            settings_for("postgresql://x", tmp_path, tools_caller_headers=f"X-Tenant,{name}")
