"""What the edge does with credentials: it passes them on, shows them to nobody, and lets nobody speak for others."""

import grpc
import httpx
import pytest
from google.api import annotations_pb2
from qmcp.access.v1 import access_service_pb2

from tests.edge.conftest import running_edge

SERVICE = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"]
PUBLIC = {m.name for m in SERVICE.methods if m.GetOptions().HasExtension(annotations_pb2.http)}
FOR_SERVICES = {m.name for m in SERVICE.methods} - PUBLIC
REALM = 'Bearer realm="qmcp"'


def called(edge, method):
    """The gRPC code that an empty call of this method gets at the edge."""
    with grpc.insecure_channel(edge.target) as channel:
        try:
            call = channel.unary_unary(f"/{SERVICE.full_name}/{method}")
            call(b"", timeout=5)
        except grpc.RpcError as error:
            return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def test_services_are_told_the_address_that_the_edge_sees_whatever_a_caller_says(http):
    forged = {"x-qmcp-client-address": "192.0.2.1", "x-forwarded-for": "192.0.2.2"}
    answer = http.post("/v1/tools/echo:invoke", json={}, headers=forged)
    assert answer.json()["result"]["metadata"]["x-qmcp-client-address"] == "127.0.0.1"


def test_those_that_are_for_services_are_known():
    assert {"ResolveKey", "ResolveRoles", "ResolveCallers", "WatchChanges", "ReportUse"} == FOR_SERVICES


@pytest.mark.parametrize("method", sorted(FOR_SERVICES))
def test_what_is_for_services_has_no_way_in(edge, http, method):
    code, why = called(edge, method)
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "Method not implemented" not in why, "it was the service that answered"
    path = f"/{SERVICE.full_name}/{method}"
    for attempt in (path, f"/{path}", path.replace("/R", "/%52"), f"/v1/..{path}", f"{path}/", f"{path}?x=1"):
        for kind in ("application/json", "application/grpc-web+proto", "application/grpc"):
            answer = http.post(attempt, content=b"", headers={"content-type": kind})
            assert answer.status_code == 404 or answer.headers.get("grpc-status") == "12", (attempt, kind)
            assert "Method not implemented" not in answer.headers.get("grpc-message", ""), (attempt, kind)


@pytest.mark.parametrize("method", sorted(PUBLIC))
def test_what_is_for_callers_reaches_the_service(edge, method):
    code, why = called(edge, method)
    assert code is grpc.StatusCode.OK or "Method not implemented!" in why


def test_credentials_reach_the_service(http):
    headers = {"X-API-Key": "mine", "Authorization": "Bearer token"}
    told = http.get("/v1/whoami", headers=headers).json()
    assert told["principal"] == "mine"
    assert "authorization" in told["roles"]
    seen = http.post("/v1/tools/echo:invoke", json={}, headers=headers).json()["result"]["metadata"]
    assert (seen["x-api-key"], seen["authorization"]) == ("mine", "Bearer token")


@pytest.mark.parametrize(
    "header",
    ["X-Qmcp-Principal", "X-Auth-Request-User", "X-Remote-User", "X-Forwarded-User", "X-Forwarded-Email",
     "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Forwarded-Client-Cert"],
)  # fmt: skip
def test_what_others_say_of_the_caller_does_not_reach_the_service(http, header):
    assert header.lower() not in http.get("/v1/whoami", headers={header: "admin"}).json()["roles"]


def test_401_tells_how_to_come_back_and_nothing_else_does(edge, http):
    refused = http.post("/v1/tools/fail/UNAUTHENTICATED:invoke", json={})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, REALM)
    assert refused.json()["details"][0]["reason"] == "TOLD_TO"
    for path in ("/v1/tools/fail/PERMISSION_DENIED:invoke", "/v1/tools/echo:invoke"):
        assert "www-authenticate" not in http.post(path, json={}).headers


def test_a_page_of_an_allowed_origin_may_send_credentials(http):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key,authorization"}
    answer = http.options("/v1/keys", headers={"Origin": "https://app.example.com", **asked})
    assert answer.status_code == 200
    assert {"x-api-key", "authorization"} <= set(answer.headers["access-control-allow-headers"].split(", "))


def test_no_credential_is_in_the_log(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=0.1) as edge:
        for path in ("/v1/whoami", "/v1/tools", "/v1/nowhere"):
            httpx.get(edge.url + path, headers={"X-API-Key": "canary-key", "Authorization": "Bearer canary-token"})
        edge.envoy.terminate()
        edge.envoy.wait(10)
        written = edge.log.read_text()
    assert "/v1/whoami" in written
    assert "canary" not in written
