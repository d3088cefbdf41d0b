"""The whole system for others than this machine: certificates for callers and between services, and tokens."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from qmcp.client import Client

from devstack import services
from tests.certificates import Authority
from tests.servicekit.issuer import AUDIENCE, Issuer
from tests.stack import Stack

# Certificates are for names; so are the addresses.
NAMED = ("TOOLS", "ACCESS", "HITL")
# A name as issuers have it that take no short ones.
ROLES_CLAIM = "https://qmcp.example.com/roles"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def secured(folder: Path, issuer: Issuer) -> Iterator[Stack]:
    outside, inside = Authority("outside"), Authority("inside")
    edge, service = outside.issue(folder, "edge"), inside.issue(folder, "service")
    stack = Stack(
        folder / "home",
        QMCP_AUTH="on",
        QMCP_HOST="0.0.0.0",
        QMCP_OIDC_ISSUER=issuer.url,
        QMCP_OIDC_AUDIENCE=AUDIENCE,
        QMCP_OIDC_ROLES_CLAIM=ROLES_CLAIM,
        QMCP_TLS_CERTIFICATE_FILE=str(edge.certificate),
        QMCP_TLS_KEY_FILE=str(edge.key),
        QMCP_TLS_CA_FILE=str(outside.write(folder / "outside.pem")),
        QMCP_GRPC_TLS_CERTIFICATE_FILE=str(service.certificate),
        QMCP_GRPC_TLS_KEY_FILE=str(service.key),
        QMCP_GRPC_TLS_CA_FILE=str(inside.write(folder / "inside.pem")),
    )
    for name in NAMED:
        address = f"QMCP_{name}_ADDRESS"
        stack.env[address] = stack.env[address].replace("127.0.0.1", "localhost")
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def trusting(secured: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("QMCP_TLS_CA_FILE", secured.env["QMCP_TLS_CA_FILE"])
    return secured


def test_addresses_that_are_printed_say_https(secured: Stack) -> None:
    assert f"HTTP, gRPC and gRPC-Web   https://127.0.0.1:{secured.env['QMCP_PORT']}\n" in secured.output()
    assert "http://127" not in secured.output().split("QMCP stands")[1].split("Try:")[1]


def test_a_call_goes_all_the_way_and_is_on_record_under_its_key(trusting: Stack) -> None:
    with Client(trusting.edge_url, api_key=trusting.admin_key) as client:
        made = client.invoke_tool("echo", {"message": "hello"})
        assert made.status == "success"
        assert client.whoami().principal == "admin"


def test_the_page_of_health_asks_every_service_over_mutual_tls(trusting: Stack) -> None:
    with http(trusting) as edge:
        answer = edge.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "healthy")


def test_people_are_asked_and_answer_over_it(trusting: Stack) -> None:
    url = f"https://127.0.0.1:{trusting.env['QMCP_PORT']}"
    with Client(url, api_key=trusting.admin_key) as client:
        asked = client.create_human_request("approval", "Over TLS?", options=["yes", "no"])
        client.submit_human_response(asked.id, "yes")
        assert client.wait_for_human_response(asked.id, timeout=30).responded


@pytest.mark.parametrize("service", [service.name for service in services.found()])
def test_a_service_is_closed_to_who_has_no_certificate(secured: Stack, service: str) -> None:
    target = secured.target(service)
    root = Path(secured.env["QMCP_GRPC_TLS_CA_FILE"]).read_bytes()
    pair = [Path(secured.env[f"QMCP_GRPC_TLS_{name}_FILE"]).read_bytes() for name in ("KEY", "CERTIFICATE")]
    for credentials, served in (
        (grpc.ssl_channel_credentials(root), False),
        (grpc.ssl_channel_credentials(root, *pair), True),
    ):
        with grpc.secure_channel(target, credentials) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            if served:
                assert stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status
                continue
            with pytest.raises(grpc.RpcError) as refused:
                stub.Check(health_pb2.HealthCheckRequest(), timeout=60)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]


def test_the_edge_shows_its_own_certificate_and_not_that_for_services(secured: Stack) -> None:
    trusted = ssl.create_default_context(cafile=secured.env["QMCP_TLS_CA_FILE"])
    with (
        socket.create_connection(("127.0.0.1", int(secured.env["QMCP_PORT"])), timeout=60) as plain,
        trusted.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    assert shown.subject.rfc4514_string() == "CN=edge"


def test_tokens_are_known_by_the_claim_that_is_named(trusting: Stack, issuer: Issuer) -> None:
    agent, reader, stranger = (
        issuer.token(sub="somebody@example.com", **claims)
        # Its whole name counts, and not what stands where it would lead as a path.
        for claims in (
            {ROLES_CLAIM: ["agent"], "https://qmcp": {"example": {"com/roles": ["admin"]}}},
            {ROLES_CLAIM: ["reader"]},
            {ROLES_CLAIM: ["agent"], "aud": "others"},
        )
    )
    with http(trusting) as edge:
        answers = [
            edge.post("/v1/tools/echo", json={"input": {"message": "hi"}}, headers={"authorization": f"Bearer {token}"})
            for token in (agent, reader, stranger)
        ]
        assert [answer.status_code for answer in answers] == [200, 403, 401]
        told = edge.get("/v1/whoami", headers={"authorization": f"Bearer {agent}"}).json()
    assert (told["principal"], told["roles"]) == ("oidc:somebody@example.com", ["agent"])
    assert all(token not in trusting.output() for token in (agent, reader, stranger))


def test_a_second_start_keeps_all_keys_and_takes_one_that_rescues(trusting: Stack) -> None:
    """Whoever has lost every administrator's key gets in again as docs/operations.md says."""
    keys = trusting.home / "keys"
    kept, of_tools = trusting.admin_key, (keys / "tools").read_text()
    subprocess.run([sys.executable, "-m", "devstack.keys", keys, "rescue=admin"], check=True)
    trusting.stop()
    trusting.start()
    assert (trusting.admin_key, (keys / "tools").read_text()) == (kept, of_tools)
    with http(trusting) as edge:
        rescue = {"x-api-key": (keys / "rescue").read_text().strip()}
        made = edge.post("/v1/keys", json={"owner": "successor", "roles": ["admin"]}, headers=rescue)
        assert made.status_code == 201, made.text
        for key in (made.json()["api_key"], kept):
            assert edge.get("/v1/whoami", headers={"x-api-key": key}).json()["permissions"] == ["*"]


def http(stack: Stack) -> httpx.Client:
    trusted = ssl.create_default_context(cafile=stack.env["QMCP_TLS_CA_FILE"])
    return httpx.Client(base_url=stack.edge_url, verify=trusted, timeout=60)
