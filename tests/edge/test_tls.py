"""The edge with a certificate of its own: every protocol over TLS, nothing without it, renewed without a restart."""

import re
import socket
import ssl
import time
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from google.protobuf.json_format import MessageToDict
from qmcp.client import Client
from qmcp.client.aio import AsyncClient
from qmcp.client.compat import MCPClient
from qmcp.tools.v1.tools_service_pb2 import InvokeToolRequest, ListToolsRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from devstack import ports
from tests.certificates import Authority
from tests.client.command import qmcp
from tests.edge.conftest import Edge, running_edge
from tests.edge.test_launcher import launch

RENEWED_WITHIN = 20.0


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def tls(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("tls")
    pair = authority.issue(folder, "edge")
    trusted = authority.write(folder / "ca.pem")
    with running_edge(
        folder, authority=trusted, tls_certificate_file=pair.certificate, tls_key_file=pair.key, envoy_drain_seconds=0.1
    ) as running:
        yield running


def handshake(edge: Edge, *, version=None, alpn=()):
    """The connection's version, its protocol, and the number of the certificate that was shown."""
    context = ssl.create_default_context(cafile=edge.authority)
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    with (
        socket.create_connection(("127.0.0.1", edge.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
        return secured.version(), secured.selected_alpn_protocol(), shown.serial_number


def grpc_channel(edge: Edge):
    return grpc.aio.secure_channel(edge.target, grpc.ssl_channel_credentials(edge.authority.read_bytes()))


def test_http_1_is_answered_over_tls(tls):
    with httpx.Client(base_url=tls.url, verify=ssl.create_default_context(cafile=tls.authority)) as http:
        answer = http.post("/v1/tools/echo:invoke", json={"input": {"a": 1}})
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")
    assert answer.json()["input_params"] == {"a": 1}


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_the_protocol_is_agreed_upon_in_the_handshake(tls, offered, chosen):
    assert handshake(tls, alpn=offered)[1] == chosen


async def test_grpc_passes_over_tls(tls):
    async with grpc_channel(tls) as channel:
        stub = ToolsServiceStub(channel)
        assert (await stub.ListTools(ListToolsRequest())).tools[0].name == "echo"
        answer = MessageToDict(await stub.InvokeTool(InvokeToolRequest(name="echo")))
    assert answer["result"]["metadata"]["x-forwarded-proto"] == "https"


@pytest.mark.promise("M04", "M05")
def test_tls_1_2_is_the_oldest_that_is_taken(tls):
    assert handshake(tls, version=ssl.TLSVersion.TLSv1_2)[0] == "TLSv1.2"
    assert handshake(tls, version=ssl.TLSVersion.TLSv1_3)[0] == "TLSv1.3"
    # By hand, because OpenSSL here may no longer speak 1.1 itself: a ClientHello whose only version is 1.1.
    suites = bytes.fromhex("c009c00ac013c014002f0035")
    body = b"\x03\x02" + bytes(32) + b"\x00" + len(suites).to_bytes(2, "big") + suites + b"\x01\x00"
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    with socket.create_connection(("127.0.0.1", tls.port), timeout=10) as old:
        old.sendall(b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello)
        alert = old.recv(7)
    # alert, fatal, protocol_version
    assert (alert[0], alert[5:]) == (21, bytes([2, 70]))


def test_plain_http_is_refused(tls):
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{tls.target}/v1/tools")


def test_who_does_not_trust_the_authority_is_told_by_their_own_side(tls):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{tls.url}/v1/tools")


def test_a_replaced_certificate_is_shown_without_a_restart_and_calls_go_on(tls, authority):
    before = handshake(tls)[2]
    trusted = ssl.create_default_context(cafile=tls.authority)
    with httpx.Client(base_url=tls.url, verify=trusted) as http:
        assert http.get("/v1/tools").status_code == 200
        authority.issue(tls.log.parent, "edge")
        until = time.monotonic() + RENEWED_WITHIN
        while handshake(tls)[2] == before:
            assert time.monotonic() < until, "the old certificate is still shown"
            time.sleep(0.05)
        # On the connection that was made with the old one, too.
        assert http.get("/v1/tools").status_code == 200
    assert tls.envoy.poll() is None


def put(folder, version, authority):
    """As the kubelet puts a Secret into a folder: a new folder, and one rename of the link to it."""
    (folder / version).mkdir()
    authority.issue(folder / version, "tls")
    link = folder / "..data_tmp"
    link.symlink_to(version)
    link.replace(folder / "..data")


def test_a_certificate_that_kubernetes_replaces_is_shown_without_a_restart(tmp_path, authority):
    secret = tmp_path / "secret"
    secret.mkdir()
    put(secret, "..2026_01", authority)
    for name in ("tls.pem", "tls.key"):
        (secret / name).symlink_to(f"..data/{name}")
    settings = {"tls_certificate_file": secret / "tls.pem", "tls_key_file": secret / "tls.key"}
    trusted = authority.write(tmp_path / "ca.pem")
    with running_edge(tmp_path, authority=trusted, envoy_drain_seconds=0.1, **settings) as edge:
        before = handshake(edge)[2]
        put(secret, "..2026_02", authority)
        until = time.monotonic() + RENEWED_WITHIN
        while (shown := handshake(edge)[2]) == before and time.monotonic() < until:
            time.sleep(0.05)
        assert shown != before, "the old certificate is still shown"


@pytest.fixture
def trusting(tls, monkeypatch):
    monkeypatch.setenv("QMCP_TLS_CA_FILE", str(tls.authority))
    return tls


async def test_the_client_calls_over_tls(trusting):
    with Client(trusting.url) as client:
        assert [tool.name for tool in client.list_tools()] == ["echo"]
    async with AsyncClient(trusting.url) as client:
        assert [tool.name for tool in await client.list_tools()] == ["echo"]
    with MCPClient(trusting.url) as client:
        assert client.health()["status"] == "healthy"


def test_the_command_line_calls_over_tls(trusting):
    for command in (["info"], ["tools", "list"]):
        done = qmcp("--url", trusting.url, *command)
        assert done.code == 0, done.err
        assert {"info": "healthy", "tools": "echo"}[command[0]] in done.out


def test_a_file_without_certificates_is_told_by_its_variable(monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    monkeypatch.setenv("QMCP_TLS_CA_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(ValueError, match="QMCP_TLS_CA_FILE"):
        MCPClient("https://127.0.0.1")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"QMCP_TLS_CERTIFICATE_FILE": "a.pem"}, "QMCP_TLS_KEY_FILE is not"),
        ({"QMCP_TLS_KEY_FILE": "a.key"}, "QMCP_TLS_CERTIFICATE_FILE is not"),
        (
            {"QMCP_TLS_CERTIFICATE_FILE": "a.pem", "QMCP_TLS_KEY_FILE": "missing"},
            "QMCP_TLS_KEY_FILE=.*missing cannot be read: No such file",
        ),
        ({"QMCP_TLS_CERTIFICATE_FILE": "a.pem", "QMCP_TLS_KEY_FILE": "b.key"}, "KEY_VALUES_MISMATCH"),
        ({"QMCP_TLS_CERTIFICATE_FILE": "a.key", "QMCP_TLS_KEY_FILE": "a.key"}, "cannot be used together"),
    ],
)
def test_certificates_that_cannot_be_used_are_told_in_a_sentence(tmp_path: Path, authority, chosen, told):
    authority.issue(tmp_path, "a")
    authority.issue(tmp_path, "b")
    ended = launch(QMCP_PORT=str(ports.free()), **{name: str(tmp_path / file) for name, file in chosen.items()})
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert re.search(told, ended.stderr)
