"""The edge in front of the real tools service: what the original's users rely on, over plain HTTP."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from gateway import contract
from tests.edge import sse
from tests.version import VERSION


@pytest.fixture
def http(stack):
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


def reason(answer):
    return answer.json()["details"][0]["reason"]


def test_reflection_names_every_public_service_and_describes_it(stack):
    files = FileDescriptorSet.FromString(contract.documented()).file
    public = {
        f"{file.package}.{service.name}"
        for file in files
        for service in file.service
        if file.package.startswith("qmcp.")
    }
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
    asked += [reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in sorted(public)]
    with grpc.insecure_channel(stack.grpc_target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        listed, *described = stub.ServerReflectionInfo(iter(asked), timeout=60)
    assert public < {service.name for service in listed.list_services_response.service}
    assert all(answer.file_descriptor_response.file_descriptor_proto for answer in described)


def test_grpcurl_lists_and_calls_every_public_service(stack):
    grpcurl = shutil.which("grpcurl") or shutil.which("grpcurl", path=Path.home() / "go" / "bin")
    if grpcurl is None:
        pytest.skip("grpcurl is not installed: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest")

    def run(*words):
        command = [grpcurl, "-plaintext", stack.grpc_target, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert {"qmcp.access.v1.AccessService", "qmcp.tools.v1.ToolsService"} <= set(run("list").split())
    assert json.loads(run("qmcp.access.v1.AccessService/WhoAmI"))["principal"] == "local"


@pytest.mark.promise("Q25")
def test_health(http):
    assert http.get("/health").text == f'{{"status":"healthy","version":"{VERSION}"}}'


@pytest.mark.promise("Q26")
def test_the_four_tools_are_listed(http):
    tools = {tool["name"]: tool for tool in http.get("/v1/tools").json()["tools"]}
    assert {"echo", "planner", "executor", "reviewer"} <= set(tools)
    assert tools["echo"]["description"]
    assert tools["echo"]["input_schema"]["type"] == "object"


@pytest.mark.promise("Q27", "Q28", "Q30", "Q31")
def test_a_call_by_the_originals_route_is_in_the_history_with_its_correlation_id(http):
    answer = http.post("/v1/tools/echo", json={"input": {"message": "hi"}}, headers={"X-Correlation-ID": "edge-flow-1"})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"result", "error", "invocation_id"}
    assert (body["result"], body["error"]) == ("hi", None)
    assert answer.headers["x-correlation-id"] == "edge-flow-1"
    listed = http.get("/v1/invocations", params={"correlation_id": "edge-flow-1"}).json()
    assert listed["count"] == 1
    row = listed["invocations"][0]
    assert row["id"] == body["invocation_id"]
    assert (row["tool_name"], row["status"], row["input_params"]) == ("echo", "success", {"message": "hi"})
    assert http.get(f"/v1/invocations/{row['id']}").json()["correlation_id"] == "edge-flow-1"


@pytest.mark.promise("Q18", "Q19", "Q20", "Q21", "Q22")
def test_metrics_show_the_call_under_the_originals_names(http):
    http.post("/v1/tools/echo", json={"input": {"message": "counted"}})
    http.get("/v1/tools/no/such/tool")
    families = {family.name: family for family in text_string_to_metric_families(http.get("/metrics").text)}
    requests = families["qmcp_http_requests"]
    assert requests.type == "counter"
    seen = {(s.labels["method"], s.labels["path"], s.labels["status"]) for s in requests.samples}
    assert any(
        method == "POST" and path.startswith("/v1/tools/{name") and status == "200" for method, path, status in seen
    )
    assert any(
        method == "GET" and path.startswith("/v1/tools/{name") and status == "404" for method, path, status in seen
    )
    assert not any("no/such" in path for _, path, _ in seen), "a path that callers choose would grow without bound"
    assert families["qmcp_http_request_duration_seconds"].type == "histogram"
    calls = families["qmcp_tool_invocations"].samples
    assert any(s.labels["tool"] == "echo" and s.labels["status"] == "success" and s.value >= 1 for s in calls)
    assert any(s.labels.get("tool") == "echo" for s in families["qmcp_tool_duration_seconds"].samples)
    shown = http.get("/metrics/json").json()
    assert any('status="404"' in labels for labels in shown["counters"]["qmcp_http_requests_total"])
    assert shown["histograms"]["qmcp_tool_duration_seconds"]['tool="echo"']["count"] >= 1


def test_a_tool_is_registered_with_201_and_its_slashed_name_works(http):
    tool = {
        "name": "weather/today",
        "description": "Weather.",
        "http": {"method": "GET", "url": "https://example.com/{city}"},
    }
    created = http.post("/v1/tools", json=tool)
    assert created.status_code == 201, created.text
    assert http.get("/v1/tools/weather/today").json()["kind"] == "http"
    assert http.get("/v1/tools/weather%2Ftoday").json()["name"] == "weather/today"
    again = http.post("/v1/tools", json=tool)
    assert (again.status_code, reason(again)) == (409, "TOOL_EXISTS")
    assert http.delete("/v1/tools/weather/today").status_code == 200
    gone = http.get("/v1/tools/weather/today")
    assert (gone.status_code, reason(gone)) == (404, "TOOL_NOT_FOUND")
    assert gone.json()["details"][0]["domain"] == "tools.qmcp"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "why"),
    [
        ("POST", "/v1/tools/nothing:invoke", {}, 404, "TOOL_NOT_FOUND"),
        ("POST", "/v1/tools/nothing", {}, 404, "TOOL_NOT_FOUND"),
        ("POST", "/v1/tools/echo:invoke", {"input": {"message": 3}}, 400, "ARGUMENTS_INVALID"),
        ("GET", "/v1/tools?page_token=forged", None, 400, "PAGE_TOKEN_INVALID"),
        ("GET", "/v1/tools?page_size=501", None, 400, "INVALID_REQUEST"),
        ("GET", "/v1/invocations?limit=-1", None, 400, "INVALID_REQUEST"),
        ("GET", "/v1/invocations/00000000-0000-7000-8000-000000000000", None, 404, "INVOCATION_NOT_FOUND"),
        ("GET", "/v1/invocations/00000000-0000-7000-8000-000000000000:watch", None, 404, "INVOCATION_NOT_FOUND"),
        ("DELETE", "/v1/tools", None, 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/v1/tools/echo", None, 400, "TOOL_DEFINED_BY_CODE"),
    ],
)
def test_bad_requests_have_a_declared_reason(http, method, path, body, status, why):
    answer = http.request(method, path, json=body)
    assert (answer.status_code, reason(answer)) == (status, why), answer.text
    assert answer.json()["details"][0]["metadata"]["request_id"] == answer.headers["x-request-id"]


def test_the_idempotency_key_makes_a_retry_return_the_first_outcome(http):
    headers = {"Idempotency-Key": f"edge-{time.time_ns()}"}
    first = http.post("/v1/tools/echo:invoke", json={"input": {"message": "once"}}, headers=headers).json()
    again = http.post("/v1/tools/echo:invoke", json={"input": {"message": "once"}}, headers=headers).json()
    assert first["id"] == again["id"]
    other = http.post("/v1/tools/echo:invoke", json={"input": {"message": "else"}}, headers=headers)
    assert (other.status_code, reason(other)) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_watch_ends_with_its_last_event(http):
    started = http.post("/v1/tools/echo:start", json={"input": {"message": "later"}}).json()
    answer = http.get(f"/v1/invocations/{started['id']}:watch")
    assert answer.headers["content-type"] == "text/event-stream"
    *_, last, end = sse.parse(answer.text.splitlines())
    assert last.data["last"]
    assert last.id == str(last.data["sequence"])
    assert last.data["invocation"]["status"] == "success"
    assert end.name == "end"


def test_exports_end_with_their_last_line_and_receipts_verify(http):
    http.post("/v1/tools/echo:invoke", json={"input": {"message": "kept"}})
    for path in ("/v1/invocations:export", "/v1/receipts:export"):
        answer = http.get(path)
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines[-1]["done"]
    assert http.post("/v1/receipts:verify", json={}).json()["valid"]
    assert "BEGIN PUBLIC KEY" in http.get("/v1/receipts:key").json()["public_key_pem"]
