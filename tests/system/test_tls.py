"""The whole system with a certificate for its callers and mutual TLS between its services, as `make run` starts it."""

import socket
import ssl
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
from tests.stack import Stack

# Certificates are for names; so are the addresses.
NAMED = ("TOOLS", "ACCESS", "HITL")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def secured(folder: Path) -> Iterator[Stack]:
    outside, inside = Authority("outside"), Authority("inside")
    edge, service = outside.issue(folder, "edge"), inside.issue(folder, "service")
    stack = Stack(
        folder / "home",
        QMCP_AUTH="on",
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
    trusted = ssl.create_default_context(cafile=trusting.env["QMCP_TLS_CA_FILE"])
    answer = httpx.get(f"{trusting.edge_url}/health", verify=trusted)
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
