"""The original's routes, bodies and headers, through the edge of a running system."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.settings import EdgeSettings
from services.metrics.settings import Settings as MetricsSettings
from tests.stack import Stack

MINIMAL = {"service": "auth-server", "metrics": [{"type": "auth_request", "value": 1}]}
KEY = {"x-api-key": "mcp_metrics_whatever-a-client-of-the-original-has"}


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.edge_url, headers=KEY, timeout=60) as client:
        yield client


@pytest.mark.promise("M10")
def test_the_minimal_body_of_the_guide_is_taken(http: httpx.Client) -> None:
    answer = http.post("/metrics", json=MINIMAL)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert {name: told[name] for name in ("status", "accepted", "rejected", "errors")} == {
        "status": "success",
        "accepted": 1,
        "rejected": 0,
        "errors": [],
    }
    assert re.fullmatch("req_[0-9a-f]{16}", told["request_id"])
    assert int(answer.headers["x-ratelimit-remaining"]) < int(answer.headers["x-ratelimit-limit"]) == 1000
    assert http.post("/metrics/", json=MINIMAL).status_code == 200


@pytest.mark.promise("M09", "M12")
def test_it_is_taken_at_a_port_of_its_own_too_by_the_variable_that_the_original_had(
    http: httpx.Client, stack: Stack
) -> None:
    own = f"http://127.0.0.1:{stack.env['METRICS_SERVICE_PORT']}"
    told = httpx.post(f"{own}/metrics", json=MINIMAL, headers=KEY, timeout=60).json()
    assert (told["status"], told["accepted"]) == ("success", 1)
    assert httpx.get(f"{own}/health", timeout=60).json() == http.get("/health").json()


@pytest.mark.promise("M09", "M12")
@pytest.mark.parametrize(
    ("variables", "addresses"),
    [
        ({}, []),
        ({"METRICS_SERVICE_HOST": "127.0.0.2"}, [("127.0.0.2", 8890)]),
        ({"METRICS_SERVICE_PORT": "9000"}, [("127.0.0.1", 9000)]),
        (
            {"QMCP_FURTHER_ADDRESSES": "[::1]:1, 127.0.0.1:2", "METRICS_SERVICE_HOST": "::1"},
            [("::1", 1), ("127.0.0.1", 2), ("::1", 8890)],
        ),
    ],
)
def test_where_the_edge_listens_besides_is_for_this_machine_unless_callers_are_checked(
    variables: dict[str, str], addresses: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = EdgeSettings()
    assert [each[:2] for each in settings.addresses] == [("127.0.0.1", 3333), *addresses]
    assert settings.refusal() == ""
    for name, host in (("METRICS_SERVICE_HOST", "0.0.0.0"), ("QMCP_FURTHER_ADDRESSES", "0.0.0.0:1")):
        with pytest.MonkeyPatch.context() as beyond:
            beyond.setenv(name, host)
            assert f"{name}=0.0.0.0 would let in callers" in EdgeSettings().refusal()
            beyond.setenv("QMCP_AUTH", "on")
            assert EdgeSettings().refusal() == ""
    assert MetricsSettings.model_fields["metrics_prometheus_port"].default == 9465


def test_booleans_and_numbers_are_dimensions_and_a_naive_time_is_one(http: httpx.Client) -> None:
    event = {
        "type": "tool_execution",
        "timestamp": (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None).isoformat(),
        "value": 0.5,
        "duration_ms": 12,
        # Its client sends what it was not told as null.
        "dimensions": {"success": True, "top_k": 3, "method": "jwt", "top_n": None},
        "metadata": {"error_code": None, "sizes": [1, 2.5]},
    }
    body = {"service": "a_b-c", "version": "1.2.3", "instance_id": "i.1", "metrics": [event, {**event, "value": 1e13}]}
    told = http.post("/metrics", json=body).json()
    assert (told["status"], told["accepted"], told["rejected"]) == ("partial", 1, 1)
    assert told["errors"] == ["metrics[1].value must be finite and from -1e12 to 1e12."]
    assert told["rejections"] == [{"index": 1, "field": "value", "reason": "must be finite and from -1e12 to 1e12"}]


def test_a_batch_of_ten_thousand_whole_events_is_taken_and_what_holds_more_than_a_batch_may_is_not(
    http: httpx.Client,
) -> None:
    event = {
        "type": "tool_execution",
        "timestamp": datetime.now(UTC).isoformat(),
        "value": 1.5,
        "duration_ms": 12.5,
        "dimensions": {"tool_name": "echo", "server_name": "s", "client_name": "c", "success": "true"},
        "metadata": {"error_code": None, "size": 3},
    }
    answer = http.post("/metrics", json={"service": "batches", "metrics": [event] * 10_000})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (10_000, 0)
    more = {**event, "metadata": {"sizes": [None] * 200_000}}
    refused = http.post("/metrics", json={"service": "batches", "metrics": [more]})
    assert (refused.status_code, "holds more than 200,000 values" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service": "x", "metrics": []}, "metrics"),
        ({"service": "x y", "metrics": MINIMAL["metrics"]}, "service"),
        ({"metrics": MINIMAL["metrics"]}, "service"),
        ({**MINIMAL, "nonsense": 1}, "nonsense"),
        ({"service": "x", "metrics": [{"type": "custom", "value": "many"}]}, "metrics[0].value"),
        ({"service": "x", "metrics": [{"type": "custom", "value": 1, "valeu": 2}]}, "metrics[0].valeu"),
    ],
)
def test_a_body_that_is_none_is_refused_in_the_originals_words_and_ours(
    http: httpx.Client, body: dict[str, Any], field: str
) -> None:
    answer = http.post("/metrics", json=body)
    assert answer.status_code == 400
    assert answer.json()["detail"] == answer.json()["message"]
    violations = [each for detail in answer.json()["details"] for each in detail.get("field_violations", [])]
    assert [each["field"] for each in violations] == [field]


@pytest.mark.promise("M11")
def test_the_other_routes_stand_and_the_page_of_figures_is_what_it_was(http: httpx.Client) -> None:
    assert http.post("/flush", json={}).json()["status"] == "success"
    limit = http.get("/rate-limit").json()
    assert (limit["service"], limit["rate_limit"]) == ("local", 1000)
    assert 0 < limit["available_tokens"] <= 1000
    assert "qmcp_service_up" in http.get("/metrics").text
    assert http.delete("/metrics").headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert http.post("/metrics", content="<x/>", headers={"content-type": "text/xml"}).status_code == 415
