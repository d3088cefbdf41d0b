"""The edge with a list of networks whose callers are let in: everybody else is refused before anything is looked at."""

import grpc
import httpx
import pytest
from qmcp.tools.v1.tools_service_pb2 import ListToolsRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from devstack import ports
from tests.edge.conftest import running_edge
from tests.edge.test_launcher import launch
from tests.edge.test_local_replies import reason


@pytest.fixture(scope="module")
def direct(tmp_path_factory, upstreams):
    """Callers connect themselves; this machine calls from 127.0.0.1, and from 127.0.0.2 where it says so."""
    with running_edge(
        tmp_path_factory.mktemp("direct"),
        upstreams,
        allowed_client_networks="127.0.0.1/32, 10.0.0.0/8",
        envoy_drain_seconds=0.1,
    ) as edge:
        yield edge


@pytest.fixture(scope="module")
def behind(tmp_path_factory, upstreams):
    """Callers come through one proxy, which tells their address."""
    with running_edge(
        tmp_path_factory.mktemp("behind"),
        upstreams,
        allowed_client_networks="127.0.0.0/8,10.1.0.0/16,fd00::/8",
        edge_trusted_hops=1,
        envoy_drain_seconds=0.1,
    ) as edge:
        yield edge


def calling(edge, address="127.0.0.1"):
    return httpx.Client(base_url=edge.url, transport=httpx.HTTPTransport(local_address=address))


@pytest.mark.promise("M25")
def test_an_address_of_the_list_is_let_in_and_another_is_not(direct):
    with calling(direct) as http:
        assert http.get("/v1/tools").status_code == 200
    with calling(direct, "127.0.0.2") as http:
        for path in ("/v1/tools", "/docs", "/openapi.json", "/metrics", "/v1/nowhere"):
            refused = http.get(path)
            assert refused.status_code == 403
            assert reason(refused) == ("edge.qmcp", "ADDRESS_NOT_ALLOWED")
            assert refused.json()["code"] == 7
            assert refused.headers["x-request-id"]


def test_what_a_caller_says_of_its_address_is_not_believed(direct):
    with calling(direct, "127.0.0.2") as http:
        for header in ("X-Forwarded-For", "X-Real-IP", "X-Envoy-External-Address", "Forwarded"):
            assert http.get("/v1/tools", headers={header: "10.0.0.1"}).status_code == 403


async def test_native_calls_are_refused_too(behind):
    async with grpc.aio.insecure_channel(behind.target) as channel:
        stub = ToolsServiceStub(channel)
        assert (await stub.ListTools(ListToolsRequest())).tools
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListTools(ListToolsRequest(), metadata=(("x-forwarded-for", "203.0.113.7"),))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "{" not in (refused.value.details() or "")


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("10.1.2.3", 200),
        ("fd00::7", 200),
        ("10.2.0.1", 403),
        ("203.0.113.7", 403),
        # Only the last is the proxy's own word; what stands before it the caller may have written.
        ("10.1.2.3, 203.0.113.7", 403),
        ("203.0.113.7, 10.1.2.3", 200),
    ],
)
@pytest.mark.promise("M04", "M05")
def test_behind_a_trusted_proxy_the_address_that_it_tells_counts(behind, told, status):
    with calling(behind) as http:
        assert http.get("/v1/tools", headers={"X-Forwarded-For": told}).status_code == status


@pytest.mark.parametrize(
    ("through", "told", "address"),
    [
        ("direct", {}, "127.0.0.1"),
        ("direct", {"X-Forwarded-For": "10.0.0.1"}, "127.0.0.1"),
        ("direct", {"X-Qmcp-Client-Address": "10.0.0.1", "X-Envoy-External-Address": "10.0.0.1"}, "127.0.0.1"),
        ("behind", {"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
        ("behind", {"X-Forwarded-For": "203.0.113.7, 10.1.2.3", "X-Qmcp-Client-Address": "10.0.0.1"}, "10.1.2.3"),
        ("behind", {"X-Forwarded-For": "fd00::7"}, "fd00::7"),
    ],
)
def test_services_are_told_the_address_that_counts_whatever_callers_say(request, through, told, address):
    with calling(request.getfixturevalue(through)) as http:
        answer = http.post("/v1/tools/echo:invoke", json={}, headers=told)
    assert answer.json()["result"]["metadata"]["x-qmcp-client-address"] == address


def test_whoever_runs_the_edge_can_still_ask_whether_it_stands(direct):
    with calling(direct, "127.0.0.3") as http:
        assert http.get("/health").status_code == 200
        assert http.get("/ready").status_code == 200
        assert http.get("/v1/tools").status_code == 403


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "10.0.0.1/8", "nowhere", "10.0.0.0/8;10.1.0.0/16"])
def test_what_is_no_network_is_told_in_a_sentence(networks):
    ended = launch(QMCP_PORT=str(ports.free()), QMCP_ALLOWED_CLIENT_NETWORKS=networks)
    assert ended.returncode == 2
    assert "allowed_client_networks" in ended.stderr
    assert "Traceback" not in ended.stderr
