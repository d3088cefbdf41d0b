"""How gRPC servers are reached: TLS by profiles, metadata with secrets, addresses that are checked, and one call each."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
import pytest_asyncio
from qmcp.tools.v1 import tool_pb2

from servicekit.ssrf import AddressPolicy
from tests.access.tcp_proxy import tcp_proxy
from tests.certificates import Authority
from tests.stack import Server
from tests.tools.audit import rows_of_every_table
from tests.tools.authorization_server import Clock, Parties, parties
from tests.tools.grpc_upstream import Peer, peer
from tests.tools.service import Replica, ended, pb, python, refusal, replica, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "cAnArY-token/of+the&peer"
ECHO = "peer.v1.Peer/Echo"


@dataclass
class World:
    """A service with secrets and profiles, a server in plain text, and one that wants a certificate of ours."""

    service: Replica
    folder: Path
    ours: Authority
    plain: Peer
    mutual: Peer
    partner: Parties

    async def made(self, name: str, target: str, method: str = ECHO, **source: object) -> tool_pb2.Tool:
        return await self.service.update(name=name, grpc={"target": target, "method": method, **source})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("grpc")
    theirs, ours = Authority("theirs"), Authority("ours")
    theirs.write(folder / "theirs.pem")
    ours.write(folder / "ours.pem")
    server, client = theirs.issue(folder, "server", "peer.internal"), ours.issue(folder, "client")
    credentials = grpc.ssl_server_credentials(
        [(server.key.read_bytes(), server.certificate.read_bytes())],
        root_certificates=(folder / "ours.pem").read_bytes(),
        require_client_auth=True,
    )
    files = {"ca_file": folder / "theirs.pem", "certificate_file": client.certificate, "key_file": client.key}
    mutual = {name: str(file) for name, file in files.items()}
    declared = {
        "mutual": mutual,
        "half": {"ca_file": mutual["ca_file"]},
        "strangers": {**mutual, "ca_file": str(folder / "ours.pem")},
        "proxied": {"proxy": "http://127.0.0.1:1"},
    }
    (folder / "profiles.json").write_text(json.dumps(declared))
    (folder / "secrets").mkdir()
    (folder / "secrets" / "peer").write_text(f"{TOKEN}\n")
    (folder / "secrets" / "odd").write_text("pass\N{SNOWMAN}word")
    async with parties(Clock()) as partner, peer(versions=("v1",)) as plain, postgres.database("tools") as url:
        (folder / "secrets" / "client").write_text(json.dumps(partner.client()))
        async with peer(versions=("v1alpha",), credentials=credentials) as guarded:
            settings = settings_for(
                url,
                folder,
                tools_transport_profiles_file=folder / "profiles.json",
                tools_secrets_dir=folder / "secrets",
            )
            async with replica(settings) as service:
                yield World(service, folder, ours, plain, guarded, partner)


@pytest.mark.parametrize("profile", ["", "half", "strangers"])
async def test_a_server_that_does_not_know_us_or_that_we_do_not_know_is_not_used(world: World, profile: str) -> None:
    made = world.made("mutual", world.mutual.target, tls=True, transport_profile=profile)
    refused = await refusal(made)
    assert (refused.reason, "UNAVAILABLE" in refused.message) == ("REFLECTION_FAILED", True)
    assert not world.mutual.reflected


async def test_a_profile_has_the_authority_and_the_certificate_and_may_be_renewed(world: World) -> None:
    for host in ("127.0.0.1", "localhost"):
        target = f"{host}:{world.mutual.port}"
        await world.made("mutual", target, tls=True, transport_profile="mutual")
        made = await world.service.invoke("mutual", {"name": host})
        assert (made.status, python(made.result)["name"]) == ("success", host), made.error
    before = len(world.mutual.peers)
    world.ours.issue(world.folder, "client")
    assert (await world.service.invoke("mutual", {})).status == "success"
    assert len(world.mutual.peers) == before + 1, "what was renewed makes a connection of its own"
    kept = await world.service.stub.GetTool(pb.GetToolRequest(name="mutual"))
    assert (kept.grpc.tls, kept.grpc.transport_profile) == (True, "mutual")


async def test_a_server_is_called_by_the_name_that_its_certificate_has(world: World) -> None:
    source = {"tls": True, "transport_profile": "mutual"}
    await world.made("named", world.mutual.target, server_name="peer.internal", **source)
    assert (await world.service.invoke("named", {})).status == "success"
    refused = await refusal(world.made("misnamed", world.mutual.target, server_name="other.internal", **source))
    assert refused.reason == "REFLECTION_FAILED"
    async with tcp_proxy(world.plain.port) as line:
        await world.made("hosted", f"127.0.0.1:{line.port}", server_name="virtual.internal")
        assert line.sent.count(b"virtual.internal") == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"transport_profile": "none", "tls": True}, "TRANSPORT_PROFILE_NOT_FOUND"),
        ({"transport_profile": "mutual"}, "INVALID_REQUEST"),
        ({"transport_profile": "proxied", "tls": True}, "INVALID_REQUEST"),
        ({"metadata": {"authorization": "${secret.none}"}}, "SECRET_NOT_FOUND"),
        ({"metadata": {"authorization": "${oauth.peer}"}}, "SECRET_NOT_FOUND"),
        ({"metadata": {"Authorization": "x"}}, "INVALID_REQUEST"),
        ({"metadata": {"grpc-timeout": "1S"}}, "INVALID_REQUEST"),
        ({"metadata": {"token-bin": "x"}}, "INVALID_REQUEST"),
        ({"metadata": {"x": "a\nb"}}, "INVALID_REQUEST"),
        ({"metadata": {"x": "${secret.odd}"}}, "REFLECTION_FAILED"),
        ({"server_name": "a b"}, "INVALID_REQUEST"),
    ],
)
async def test_what_cannot_be_sent_so_is_refused_when_the_tool_is_registered(
    world: World, source: dict, reason: str
) -> None:
    refused = await refusal(world.made("odd", world.plain.target, **source))
    assert refused.reason == reason
    assert "word" not in refused.message


@pytest.mark.parametrize("method", ["Echo", "Detailed", "Stream"])
async def test_a_secret_reaches_the_server_and_nobody_else(
    world: World, capfd: pytest.CaptureFixture[str], method: str
) -> None:
    world.plain.secret = TOKEN
    metadata = {"authorization": "Bearer ${secret.peer}", "x-team": "agents"}
    made = await world.made(f"telling/{method}", world.plain.target, f"peer.v1.Peer/{method}", metadata=metadata)
    assert world.plain.metadata[-1]["authorization"] == f"Bearer {TOKEN}", "its reflection is asked with it"
    assert dict(made.grpc.metadata) == metadata
    started = await world.service.start(f"telling/{method}", {"unsigned": 2})
    made_of_it = await ended(world.service, started.id)
    sent = world.plain.metadata[-1]
    assert (sent["authorization"], sent["x-team"], sent["x-qmcp-invocation-id"]) == (
        f"Bearer {TOKEN}",
        "agents",
        started.id,
    )
    events = await world.service.events(started.id)
    rows = await rows_of_every_table(world.service.settings.database_url)
    logged = capfd.readouterr()
    for told in (str(made_of_it), str(events), str(rows), logged.out, logged.err):
        assert "cAnArY" not in told
    if method != "Echo":
        assert "[masked]" in str(made_of_it)


async def test_a_token_that_a_server_refuses_is_replaced_for_the_next_call(world: World) -> None:
    metadata = {"authorization": "${oauth.client}"}
    await world.made("tokens", world.plain.target, "peer.v1.Peer/Unauthenticated", metadata=metadata)
    first = await world.service.invoke("tokens")
    assert (first.error_reason, "UNAUTHENTICATED" in first.error) == ("UPSTREAM_FAILED", True)
    await world.service.invoke("tokens")
    used = [
        sent["authorization"] for sent in world.plain.metadata if sent.get("authorization", "").startswith("Bearer ")
    ]
    assert used[-1] != used[-2], "a new one"
    assert used[-1].removeprefix("Bearer ") in world.partner.tokens


async def test_a_name_that_moves_to_a_private_address_is_not_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.made("moving", f"localhost:{world.plain.port}")
    assert (await world.service.invoke("moving")).status == "success"

    async def moved(policy: AddressPolicy, host: str, port: int) -> list[str]:
        del port
        policy.require_allowed(host, "10.1.2.3")
        return ["10.1.2.3"]

    before = len(world.plain.metadata)
    with monkeypatch.context() as patch:
        patch.setattr(AddressPolicy, "resolve", moved)
        made = await world.service.invoke("moving")
    assert (made.status, made.error_reason) == ("failed", "ADDRESS_NOT_ALLOWED")
    assert len(world.plain.metadata) == before


@pytest.mark.parametrize("target", ["10.1.2.3:443", "169.254.169.254:80", "0x0a010203:443", "[fd00::1]:443"])
async def test_a_private_address_is_refused(world: World, target: str) -> None:
    assert (await refusal(world.made("private", target))).reason == "ADDRESS_NOT_ALLOWED"


async def test_a_proxy_of_the_environment_is_not_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    # A name of its own makes a channel of its own.
    await world.made("straight", world.plain.target, server_name="straight.test")
    assert (await world.service.invoke("straight")).status == "success"


@asynccontextmanager
async def _refusing(port: int, *, goaway: bool) -> AsyncIterator[list[int]]:
    """An HTTP/2 server on the port that refuses each stream as if it had not begun it; the streams that it has seen."""
    seen: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    seen.append(event.stream_id)
                    if goaway:
                        connection.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=0)
                    else:
                        connection.reset_stream(event.stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            writer.write(connection.data_to_send())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield seen
    finally:
        server.close()


@pytest.mark.parametrize("goaway", [False, True])
@pytest.mark.parametrize("method", ["Echo", "Stream"])
async def test_a_call_that_a_server_refuses_is_not_sent_again(world: World, method: str, *, goaway: bool) -> None:
    async with peer(versions=("v1",)) as upstream:
        await world.made("refused", upstream.target, f"peer.v1.Peer/{method}")
    async with _refusing(upstream.port, goaway=goaway) as seen:
        made = await world.service.invoke("refused")
        assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
        assert "It may have been done." in made.error
        assert len(seen) == 1


async def test_a_server_that_came_back_is_called_at_once(world: World) -> None:
    async with peer(versions=("v1",)) as upstream:
        await world.made("returning", upstream.target)
    for _ in range(3):
        made = await world.service.invoke("returning")
        assert (made.error_reason, "Nothing was sent." in made.error) == ("UPSTREAM_FAILED", True), made.error
    async with peer(versions=("v1",), port=upstream.port):
        assert (await world.service.invoke("returning")).status == "success"
