"""Services that know each other by certificates: who has none of the authority is refused, renewed ones are taken."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from servicekit import certificates
from servicekit.channels import channel
from services.access import server as access_server
from services.tools import server as tools_server
from tests.access.environment import Files, free_port, with_key
from tests.certificates import Authority, Pair
from tests.stack import Server

RENEWED_WITHIN = 20.0


class Environment:
    """The authority of the services, and what it has vouched for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ours = Authority("ours")
        self.trusted = self.ours.write(folder / "ca.pem")
        self.pair = self.ours.issue(folder, "service")
        self.files = Files.made(folder / "keys")

    @property
    def settings(self) -> dict[str, Path]:
        return {
            "grpc_tls_certificate_file": self.pair.certificate,
            "grpc_tls_key_file": self.pair.key,
            "grpc_tls_ca_file": self.trusted,
        }

    @asynccontextmanager
    async def access(self, database: str, **settings: Any) -> AsyncIterator[int]:
        wanted = self.files.of_access(**self.settings, **settings)
        async with access_server.compose(access_server.Settings(database_url=database, **wanted)) as server:
            yield server.port

    def calling(self, port: int, pair: Pair | None) -> grpc.aio.Channel:
        own = (pair.key.read_bytes(), pair.certificate.read_bytes()) if pair else (None, None)
        return grpc.aio.secure_channel(
            f"localhost:{port}", grpc.ssl_channel_credentials(self.trusted.read_bytes(), *own)
        )

    async def who(self, opened: grpc.aio.Channel) -> str:
        """Whom access takes the administrator for; the name of the status where the call fails."""
        async with opened:
            stub = access_service_pb2_grpc.AccessServiceStub(opened)
            try:
                answer = await stub.WhoAmI(
                    access_service_pb2.WhoAmIRequest(), timeout=60, metadata=tuple(with_key(self.files.admin).items())
                )
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return answer.principal

    def shown(self, port: int) -> int:
        """The number of the certificate that the server shows."""
        context = ssl.create_default_context(cafile=self.trusted)
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"").serial_number


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


async def test_only_who_has_a_certificate_of_the_authority_is_served(environment: Environment, database: str) -> None:
    strangers = environment.folder / "strangers"
    strangers.mkdir()
    async with environment.access(database) as port:
        assert (
            await environment.who(environment.calling(port, environment.ours.issue(environment.folder, "caller")))
            == "admin"
        )
        assert await environment.who(environment.calling(port, None)) == "UNAVAILABLE"
        assert (
            await environment.who(environment.calling(port, Authority("strangers").issue(strangers, "caller")))
            == "UNAVAILABLE"
        )
        assert await environment.who(grpc.aio.insecure_channel(f"localhost:{port}")) == "UNAVAILABLE"


async def test_health_is_told_in_plain_text_where_a_port_is_given_for_it_and_nothing_else(
    environment: Environment, database: str
) -> None:
    plain = free_port()
    async with (
        environment.access(database, grpc_health_port=plain),
        grpc.aio.insecure_channel(f"127.0.0.1:{plain}") as opened,
    ):
        for name in ("", "liveness"):
            answer = await health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert await environment.who(opened) == "UNIMPLEMENTED"


async def test_a_service_asks_access_over_mutual_tls(environment: Environment, database: str, postgres: Server) -> None:
    async with environment.access(database) as port, postgres.database("tools") as tools_database:
        wanted = environment.files.of_tools(port, **environment.settings, access_address=f"localhost:{port}")
        settings = tools_server.Settings(database_url=tools_database, **wanted)
        async with (
            tools_server.compose(settings) as server,
            environment.calling(server.port, environment.pair) as opened,
        ):
            stub = tools_service_pb2_grpc.ToolsServiceStub(opened)
            request = tools_service_pb2.ListToolsRequest()
            admin = tuple(with_key(environment.files.admin).items())
            assert (await stub.ListTools(request, metadata=admin, timeout=60)).tools


async def test_a_service_does_not_ask_who_only_claims_to_be_access(environment: Environment, database: str) -> None:
    other = environment.folder / "elsewhere"
    other.mkdir()
    elsewhere = Environment(other)
    async with environment.access(database) as port:
        believed = certificates.Certificates(elsewhere.pair.certificate, elsewhere.pair.key, elsewhere.trusted)
        assert await environment.who(channel(f"localhost:{port}", believed)) == "UNAVAILABLE"
        # Of the authority, but for another name.
        ours = certificates.Certificates(environment.pair.certificate, environment.pair.key, environment.trusted)
        assert await environment.who(channel(f"localhost:{port}", ours)) == "admin"
        assert await environment.who(channel(f"ip6-localhost:{port}", ours)) == "UNAVAILABLE"


async def test_a_renewed_certificate_is_shown_without_a_restart(environment: Environment, database: str) -> None:
    async with environment.access(database) as port:
        before = await asyncio.to_thread(environment.shown, port)
        environment.pair = environment.ours.issue(environment.folder, "service")
        until = time.monotonic() + RENEWED_WITHIN
        while (now := await asyncio.to_thread(environment.shown, port)) == before and time.monotonic() < until:
            await asyncio.sleep(0.1)
        assert now != before


async def test_what_does_not_belong_together_is_not_taken(environment: Environment, database: str) -> None:
    async with environment.access(database) as port:
        before = await asyncio.to_thread(environment.shown, port)
        whole = environment.pair.key.read_bytes()
        environment.pair.key.write_bytes(environment.ours.issue(environment.folder, "another").key.read_bytes())
        assert (
            await environment.who(environment.calling(port, environment.ours.issue(environment.folder, "caller")))
            == "admin"
        )
        environment.pair.key.write_bytes(whole)
        assert await asyncio.to_thread(environment.shown, port) == before


async def test_a_channel_shows_the_renewed_certificate(environment: Environment, database: str) -> None:
    caller = environment.ours.issue(environment.folder, "caller")
    own = certificates.Certificates(caller.certificate, caller.key, environment.trusted)
    stranger = Authority("strangers")
    async with environment.access(database) as port:
        opened = channel(f"localhost:{port}", own)
        # What a certificate that has run out would be: nothing that the server believes.
        stranger.issue(environment.folder, "caller")
        stub = access_service_pb2_grpc.AccessServiceStub(opened)
        metadata = tuple(with_key(environment.files.admin).items())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=60, metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        environment.ours.issue(environment.folder, "caller")
        assert (await stub.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=60, metadata=metadata)).principal
        await opened.close()


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("grpc_tls_ca_file", "missing: QMCP_GRPC_TLS_CA_FILE"),
        ("grpc_tls_key_file", "missing: QMCP_GRPC_TLS_KEY_FILE"),
    ],
)
async def test_half_of_the_certificates_is_refused_at_the_start(
    environment: Environment, missing: str, told: str
) -> None:
    chosen = {**environment.settings, missing: None}
    with pytest.raises(SystemExit, match=told):
        access_server.Settings(database_url="postgresql://nowhere", **chosen).certificates()


async def test_files_that_cannot_be_used_are_refused_at_the_start(environment: Environment) -> None:
    with pytest.raises(SystemExit, match=r"QMCP_GRPC_TLS_KEY_FILE=.*missing cannot be read: No such file"):
        certificates.certificates(environment.pair.certificate, environment.folder / "missing", environment.trusted)
    other = environment.ours.issue(environment.folder, "other")
    with pytest.raises(SystemExit, match="KEY_VALUES_MISMATCH"):
        certificates.certificates(environment.pair.certificate, other.key, environment.trusted)
