"""Transport profiles: an authority and a certificate of one's own, and a proxy, by name; the guard of addresses holds."""

import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from qmcp.tools.v1 import invocation_pb2

from servicekit.ssrf import AddressPolicy
from services.tools.upstreams.profiles import TransportProfiles
from tests.certificates import Authority
from tests.stack import Server
from tests.tools.authorization_server import Clock, parties
from tests.tools.forward_proxy import Proxy, proxy
from tests.tools.mcp_registration import registered
from tests.tools.mcp_upstream import http_server
from tests.tools.service import Replica, pb, python, refusal, replica, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "cAnArY proxy"


@dataclass
class World:
    """A service with profiles, a server that takes calls with a certificate alone, and a proxy."""

    service: Replica
    folder: Path
    ours: Authority
    port: int
    proxy: Proxy
    clients: list[Any]

    async def called(self, profile: str, url: str = "") -> invocation_pb2.Invocation:
        http = {"url": url or f"https://localhost:{self.port}/x", "transport_profile": profile, "method": "GET"}
        await self.service.update(name="partner", http=http)
        return await self.service.invoke("partner")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("profiles")
    theirs, ours = Authority("theirs"), Authority("ours")
    theirs.write(folder / "theirs.pem")
    ours.write(folder / "ours.pem")
    server, client = theirs.issue(folder, "server", "partner.test"), ours.issue(folder, "client")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ours.pem"))
    context.load_cert_chain(server.certificate, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    clients: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        clients.append((request.headers.copy(), request.transport.get_extra_info("peercert")["serialNumber"]))
        return web.json_response({"path": request.path})

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    (folder / "secrets").mkdir()
    (folder / "secrets" / "proxy").write_text(f"qmcp:{PASSWORD}")
    mutual = {
        "ca_file": str(folder / "theirs.pem"),
        "certificate_file": str(client.certificate),
        "key_file": str(client.key),
    }
    async with proxy() as forward, postgres.database("tools") as url:
        by_proxy = {"proxy": f"http://127.0.0.1:{forward.port}", "proxy_authorization": "${basic.proxy}"}
        declared = {
            "mutual": mutual,
            "half": {"ca_file": mutual["ca_file"]},
            "proxy": by_proxy,
            "both": {**mutual, **by_proxy},
            "lost": {**by_proxy, "proxy_authorization": "${basic.lost}"},
        }
        (folder / "profiles.json").write_text(json.dumps(declared))
        settings = settings_for(
            url,
            folder,
            tools_transport_profiles_file=folder / "profiles.json",
            tools_secrets_dir=folder / "secrets",
        )
        async with replica(settings) as service:
            yield World(service, folder, ours, runner.addresses[0][1], forward, clients)
    await runner.cleanup()


async def test_a_server_of_another_authority_is_reached_by_a_profile_alone_and_sees_its_certificate(
    world: World,
) -> None:
    for profile, said in (("", "CERTIFICATE_VERIFY_FAILED"), ("half", "failed")):
        made = await world.called(profile)
        assert (made.status, made.error_reason, said in made.error) == ("failed", "UPSTREAM_FAILED", True), made.error
    assert not world.clients
    made = await world.called("mutual")
    assert (made.status, python(made.result)) == ("success", {"path": "/x"}), made.error
    # Renewed while the service runs.
    world.ours.issue(world.folder, "client")
    assert (await world.called("mutual")).status == "success"
    serials = {serial for _, serial in world.clients}
    assert len(serials) == 2
    kept = await world.service.stub.GetTool(pb.GetToolRequest(name="partner"))
    assert kept.http.transport_profile == "mutual"


async def test_a_proxy_is_told_where_to_go_and_alone_gets_its_password(world: World) -> None:
    world.clients.clear()
    world.proxy.heads.clear()
    made = await world.called("both")
    assert made.status == "success", made.error
    [head] = world.proxy.heads
    assert head.startswith(f"CONNECT localhost:{world.port} ")
    pair = base64.b64encode(f"qmcp:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {pair}\r\n" in head
    assert "Proxy-Authorization" not in world.clients[0][0]
    # Whatever this machine does not know the proxy may.
    world.proxy.hosts["partner.test"] = world.port
    assert (await world.called("both", "https://partner.test/y")).status == "success"
    world.proxy.hosts["away.test"] = 1
    made = await world.called("both", "https://away.test/y")
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert PASSWORD not in made.error
    assert pair not in made.error


async def test_tokens_and_mcp_servers_take_the_same_ways(world: World) -> None:
    world.proxy.heads.clear()
    async with parties(Clock()) as partner, http_server() as upstream:
        client = json.dumps(partner.client(transport_profile="proxy"))
        (world.folder / "secrets" / "client").write_text(client)
        headers = {"Authorization": "${oauth.client}"}
        http = {"url": f"{partner.url}/resource", "transport_profile": "proxy", "headers": headers}
        await world.service.update(name="with-token", http=http)
        for _ in range(2):
            made = await world.service.invoke("with-token")
            assert made.status == "success", made.error
        heads = [head.split()[:2] for head in world.proxy.heads]
        assert heads == [["POST", f"{partner.url}/token"]] + [["POST", f"{partner.url}/resource"]] * 2
        assert all("Proxy-Authorization: Basic " in head for head in world.proxy.heads)
        server = {"url": upstream.url, "transport_profile": "proxy"}
        added = await registered(world.service, name="by-proxy", http=server)
        assert (added.state, added.http.transport_profile) == ("available", "proxy"), added.reason
        assert (await world.service.invoke("by-proxy/add", {"a": 1, "b": 2})).status == "success"
        assert [upstream.url] == sorted({head.split()[1] for head in world.proxy.heads[3:]})
        await world.service.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name="by-proxy"))
        (world.folder / "secrets" / "client").write_text(json.dumps(partner.client(transport_profile="none")))
        made = await world.service.invoke("with-token")
        assert (made.status, made.error_reason) == ("failed", "TOKEN_REQUEST_FAILED")
        assert "no transport profile 'none'" in made.error


@pytest.mark.parametrize("url", ["http://10.1.2.3/", "http://0x0a010203/", "http://private.test/"])
async def test_a_proxy_is_no_way_round_the_guard_of_addresses(
    world: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async def resolved(policy: AddressPolicy, host: str, port: int) -> list[str]:
        del port
        policy.require_allowed(host, "10.1.2.3")
        return ["10.1.2.3"]

    monkeypatch.setattr(AddressPolicy, "resolve", resolved)
    world.proxy.heads.clear()
    http = {"url": url, "transport_profile": "proxy"}
    if "private" not in url:
        refused = await refusal(world.service.update(name="private", http=http))
        assert refused.reason == "ADDRESS_NOT_ALLOWED"
        return
    await world.service.update(name="private", http=http)
    made = await world.service.invoke("private")
    assert (made.status, made.error_reason, world.proxy.heads) == ("failed", "ADDRESS_NOT_ALLOWED", [])


async def test_a_profile_that_is_not_there_or_lacks_its_secret_is_refused_when_a_tool_names_it(world: World) -> None:
    for profile, reason in (("none", "TRANSPORT_PROFILE_NOT_FOUND"), ("lost", "SECRET_NOT_FOUND")):
        http = {"url": "https://a.example/", "transport_profile": profile}
        assert (await refusal(world.service.update(name="odd", http=http))).reason == reason
        assert (await refusal(registered(world.service, name="odd", http=http))).reason == reason


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ("word", "cannot be used"),
        ({"a": {"ca": "x"}}, "a has 'ca', and there are ca_file"),
        ({"a": {"ca_file": 1}}, "a has a value that is no text"),
        ({"a": {"key_file": "x"}}, "needs both"),
        ({"a": {"ca_file": "/nowhere.pem"}}, "the files of a cannot be used"),
        ({"a": {"proxy": "http://anna:cAnArY@proxy:1"}}, "has a user in it"),
        ({"a": {"proxy": "socks5://proxy:1"}}, "is not like http://host:port"),
        ({"a": {"proxy": "http://proxy:1/path"}}, "is not like http://host:port"),
        ({"a": {"proxy_authorization": "x"}}, "and no proxy"),
    ],
)
async def test_a_file_of_profiles_that_is_wrong_ends_the_start_with_a_sentence(
    tmp_path: Path, declared: Any, why: str
) -> None:
    (tmp_path / "profiles.json").write_text(declared if isinstance(declared, str) else json.dumps(declared))
    with pytest.raises(SystemExit, match=why) as ended:
        TransportProfiles.load(tmp_path / "profiles.json")
    assert "cAnArY" not in str(ended.value)
