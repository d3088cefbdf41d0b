"""Where nothing checks who calls, pages of other sites and names that are not this machine's get nothing."""

import grpc
import httpx
import pytest
from qmcp.tools.v1.tools_service_pb2 import ListToolsRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from tests.edge.conftest import running_edge
from tests.edge.test_local_replies import reason

ROUTES = [
    ("GET", "/v1/tools"),
    ("POST", "/v1/tools/echo:invoke"),
    ("POST", "/qmcp.tools.v1.ToolsService/ListTools"),
    ("GET", "/metrics"),
    ("GET", "/health"),
    ("GET", "/openapi.json"),
    ("GET", "/v1/nowhere"),
]
LINK = "/v1/human/links/token"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3333",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "evil-localhost",
    ],
)
def test_a_name_that_is_not_this_machines_is_403(http, method, path, host):
    answer = http.request(method, path, headers={"Host": host})
    assert answer.status_code == 403
    assert reason(answer) == ("edge.qmcp", "HOST_NOT_ALLOWED")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:3333", "127.0.0.1", "127.9.9.9:1", "[::1]:3333", "qmcp.localhost", "localhost."]
)
def test_names_of_this_machine_are_let_in(http, host):
    assert http.get("/v1/tools", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "told",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "https://app.example.com.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1", "Host": "127.0.0.1"},
    ],
)
def test_a_page_of_another_site_is_403(http, method, path, told):
    answer = http.request(method, path, headers=told)
    assert answer.status_code == 403
    assert reason(answer) == ("edge.qmcp", "ORIGIN_NOT_ALLOWED")


def test_pages_of_the_edge_itself_and_of_listed_origins_are_let_in(edge, http):
    for told in (
        {"Origin": edge.url},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"},
    ):
        assert http.post("/v1/tools/echo:invoke", json={}, headers=told).status_code == 200


def test_a_link_on_any_page_may_lead_to_the_documentation_but_no_frame_may_hold_it(http):
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert http.get("/docs", headers={**asked, "Sec-Fetch-Dest": "document"}).status_code == 200
    assert http.get("/docs", headers={**asked, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert http.post("/docs", headers={**asked, "Sec-Fetch-Dest": "document"}).status_code == 403


def test_a_link_that_is_a_credential_is_opened_from_wherever_it_was_sent(http):
    told = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert http.get(LINK, headers=told).status_code == http.get(LINK).status_code != 403


async def test_grpc_is_refused_by_the_same_rules(edge):
    for options, metadata in (
        ([("grpc.default_authority", "evil.example")], ()),
        ([], (("origin", "https://evil.example"),)),
    ):
        async with grpc.aio.insecure_channel(edge.target, options=options) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ToolsServiceStub(channel).ListTools(ListToolsRequest(), metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("path", ["/v1/tools", "/v1/keys", "/v1/tools/echo:invoke"])
def test_a_body_without_a_type_is_415(http, path):
    answer = http.post(path, content=b'{"owner":"w"}')
    assert answer.status_code == 415
    assert reason(answer) == ("edge.qmcp", "CONTENT_TYPE_UNSUPPORTED")


def test_where_callers_are_checked_nobody_is_asked_where_they_come_from(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, auth="on", envoy_drain_seconds=0.1) as edge:
        told = {"Host": "qmcp.example.com", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert httpx.get(f"{edge.url}/v1/tools", headers=told).status_code == 200


def test_beyond_loopback_hosts_are_those_that_are_listed(tmp_path, upstreams):
    with running_edge(
        tmp_path,
        upstreams,
        host="0.0.0.0",
        allow_keyless="true",
        allowed_hosts="qmcp.lan, other.lan",
        envoy_drain_seconds=0.1,
    ) as edge:
        statuses = [
            httpx.get(f"{edge.url}/v1/tools", headers={"Host": host}).status_code
            for host in ("qmcp.lan:80", "other.lan", "qmcpxlan")
        ]
        assert statuses == [200, 200, 403]
        assert httpx.get(f"{edge.url}/v1/tools", headers={"Origin": "http://evil.example"}).status_code == 403
