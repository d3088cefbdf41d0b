"""The pages: health, figures, the OpenAPI document and the page that shows it."""

import asyncio
import json
import re
import time

import grpc
import httpx
import pytest
from openapi_spec_validator import validate
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from gateway.web.metrics import Families, _add, as_json, as_text
from tests.edge.conftest import running_edge
from tests.version import VERSION


@pytest.mark.promise("Q25")
def test_health_is_exactly_what_it_was(http):
    answer = http.get("/health")
    assert answer.status_code == 200
    assert answer.text == f'{{"status":"healthy","version":"{VERSION}"}}'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.promise("Q18", "Q24")
def test_metrics_is_prometheus_text_with_the_services_figures(http):
    http.post("/v1/tools/echo:invoke", json={})
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    samples = families["qmcp_tool_invocations"].samples
    assert any(sample.labels == {"tool": "echo", "status": "success"} and sample.value >= 1 for sample in samples)
    assert families["qmcp_service_up"].samples[0].value == 1


@pytest.mark.promise("Q18")
def test_metrics_json_has_the_originals_form(http):
    http.post("/v1/tools/echo:invoke", json={})
    answer = http.get("/metrics/json").json()
    assert set(answer) == {"counters", "gauges", "histograms"}
    assert answer["counters"]["qmcp_tool_invocations_total"]['status="success",tool="echo"'] >= 1
    assert set(answer["gauges"]["qmcp_service_up"].values()) == {1}


@pytest.mark.parametrize("path", ["/health", "/metrics/json", "/openapi.json", "/docs"])
def test_pages_answer_head_and_refuse_what_they_do_not_do(http, path):
    assert http.head(path).status_code == 200
    assert http.post(path).status_code == 405


def test_a_page_that_takes_a_post_for_an_original_answers_head_all_the_same(http):
    assert http.head("/metrics").status_code == 200
    assert http.post("/metrics").status_code != 405


def test_the_openapi_document_is_valid_and_covers_the_contract(http):
    document = http.get("/openapi.json").json()
    validate(document)
    assert document["info"]["version"] == VERSION
    operations = {
        operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()
    }
    assert {"ListTools", "InvokeTool", "CallTool", "WatchInvocation", "VerifyReceipts", "Health", "Metrics"} <= set(
        operations
    )
    invoke = operations["InvokeTool"]
    assert "200" in invoke["responses"]
    assert "ARGUMENTS_INVALID" in invoke["responses"]["400"]["description"]
    assert "TOOL_NOT_FOUND" in invoke["responses"]["404"]["description"]
    assert "IDEMPOTENCY_KEY_REUSED" in invoke["responses"]["409"]["description"]
    assert "201" in operations["CreateTool"]["responses"]
    assert "200" not in operations["CreateTool"]["responses"]
    listing = {each["name"]: each for each in operations["ListInvocations"]["parameters"]}
    assert listing["limit"]["schema"]["maximum"] == 500
    assert "success" in listing["status"]["schema"]["enum"]
    assert listing["created_after"]["schema"]["format"] == "date-time"
    tool = document["components"]["schemas"]["Tool"]["properties"]
    assert tool["description"]["maxLength"] == 8192
    assert all(schema.get("description") for schema in tool.values()), "comments become descriptions"
    assert operations["WatchInvocation"]["responses"]["200"]["content"].keys() == {"text/event-stream"}


def test_every_documented_operation_leads_to_an_rpc(http):
    """What the document promises the transcoder knows: never the edge's own 404."""
    for path, item in http.get("/openapi.json").json()["paths"].items():
        for verb in item:
            answer = http.request(verb, re.sub(r"\{[a-z_]+\}", "x", path), json={} if verb in ("post", "put") else None)
            assert "ROUTE_NOT_FOUND" not in answer.text, (verb, path)


def test_the_page_loads_from_its_own_origin_alone(http):
    page = http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert http.get("/docs/docs.js").headers["content-type"].startswith("text/javascript")
    assert http.get("/docs/docs.css").headers["content-type"].startswith("text/css")
    for name in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        assert not re.search(r"https?://", http.get(name).text)
    assert http.get("/docs/nothing.js").status_code == 404
    assert http.get("/", follow_redirects=True).text == page.text


def test_pages_that_do_not_change_are_not_sent_twice(http):
    for path in ("/openapi.json", "/docs"):
        for encoding in ("identity", "gzip"):
            first = http.get(path, headers={"Accept-Encoding": encoding})
            again = http.get(path, headers={"If-None-Match": first.headers["etag"], "Accept-Encoding": encoding})
            assert again.status_code == 304
            assert not again.content


PAGE = """\
# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{method="a\\"b"} 2.0
# HELP calls_created Calls.
# TYPE calls_created gauge
calls_created{method="a\\"b"} 1.7e+09
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 1.0
took_seconds_bucket{le="+Inf"} 3.0
took_seconds_count 3.0
took_seconds_sum 1.5
# HELP flying Now.
# TYPE flying gauge
flying 4.0
# HELP odd Not a number.
# TYPE odd gauge
odd NaN
"""


def test_figures_of_replicas_add_up_where_a_sum_means_something():
    families: Families = {}
    _add(families, PAGE, "one:1")
    _add(families, PAGE, "two:1")
    read = {family.name: family for family in text_string_to_metric_families(as_text(families))}
    assert [sample.value for sample in read["calls"].samples] == [4]
    assert read["calls"].type == "counter"
    assert {sample.name + sample.labels.get("le", ""): sample.value for sample in read["took_seconds"].samples} == {
        "took_seconds_bucket0.1": 2,
        "took_seconds_bucket+Inf": 6,
        "took_seconds_count": 6,
        "took_seconds_sum": 3,
    }
    assert {sample.labels["replica"]: sample.value for sample in read["flying"].samples} == {"one:1": 4, "two:1": 4}
    shown = as_json(families)
    assert shown["counters"] == {"calls_total": {'method="a\\"b"': 4}}
    assert shown["histograms"] == {"took_seconds": {"": {"count": 6, "sum": 3}}}
    assert shown["gauges"]["odd"] == {'replica="one:1"': None, 'replica="two:1"': None}
    json.dumps(shown, allow_nan=False)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.spans = []

    async def Export(self, request, context):
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


async def test_traces_begin_at_the_edge_when_a_collector_is_named(tmp_path, upstreams):
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def call():
        with running_edge(
            tmp_path, upstreams, otlp_endpoint=f"http://127.0.0.1:{port}", envoy_drain_seconds=0.1
        ) as edge:
            mine = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "X-Request-ID": "traced"}
            seen = httpx.post(f"{edge.url}/v1/tools/echo:invoke", json={}, headers=mine).json()
            fresh = httpx.post(f"{edge.url}/v1/tools/echo:invoke", json={}).json()
            # Envoy sends spans every five seconds.
            until = time.monotonic() + 60
            while not any(span.trace_id.hex() == "a" * 32 for span in collector.spans) and time.monotonic() < until:
                time.sleep(0.1)
            return seen, fresh

    seen, fresh = await asyncio.to_thread(call)
    await server.stop(0)
    passed_on = seen["result"]["metadata"]["traceparent"]
    assert passed_on.startswith(f"00-{'a' * 32}-")
    assert "b" * 16 not in passed_on
    assert fresh["result"]["metadata"]["traceparent"].startswith("00-")
    mine = [span for span in collector.spans if span.trace_id.hex() == "a" * 32]
    assert mine
    tags = {tag.key: tag.value.string_value for span in mine for tag in span.attributes}
    assert tags["request_id"] == "traced"
