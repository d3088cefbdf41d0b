"""Metrics over HTTP: sent as to the original, asked about, and administered by its routes, by administrators alone."""

from collections.abc import Iterator, Mapping

import httpx
import pytest

from tests.stack import Stack

ROUTES = [
    ("GET", "/admin/retention/preview", {"table_name": "metrics_daily"}),
    ("POST", "/admin/retention/cleanup", {"table_name": "metrics_daily", "dry_run": "true"}),
    ("GET", "/admin/retention/policies", {}),
    ("PUT", "/admin/retention/policies/metrics_daily", {"retention_days": "1095", "is_active": "true"}),
    ("GET", "/admin/database/stats", {}),
    ("GET", "/admin/database/size", {}),
]


@pytest.fixture(scope="module")
def http(guarded: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def keys(guarded: Stack, http: httpx.Client) -> Mapping[str, Mapping[str, str]]:
    """Headers of callers, by their roles."""
    admin = {"x-api-key": guarded.admin_key}
    made = {
        role: http.post("/v1/keys", json={"owner": f"metrics-{role}", "roles": [role]}, headers=admin).json()
        for role in ("ingest", "agent", "reader")
    }
    return {"admin": admin, **{role: {"x-api-key": key["api_key"]} for role, key in made.items()}}


@pytest.mark.parametrize(("method", "path", "parameters"), ROUTES)
def test_the_original_s_admin_routes_are_for_administrators(
    http: httpx.Client, keys: Mapping[str, Mapping[str, str]], method: str, path: str, parameters: Mapping[str, str]
) -> None:
    for role in ("ingest", "agent", "reader"):
        refused = http.request(method, path, params=parameters, headers=keys[role])
        assert refused.status_code == 403, refused.text
    answer = http.request(method, path, params=parameters, headers=keys["admin"])
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told if "table_name" not in parameters else set(told) == {"metrics_daily"}


def test_what_the_admin_routes_answer_has_the_original_s_fields(
    http: httpx.Client, keys: Mapping[str, Mapping[str, str]]
) -> None:
    admin = keys["admin"]
    changed = http.put("/admin/retention/policies/metrics_hourly", params={"retention_days": "300"}, headers=admin)
    assert changed.json() == {
        "status": "success",
        "message": "metrics_hourly is kept for 300 days.",
        "table_name": "metrics_hourly",
        "retention_days": 300,
        "is_active": True,
    }
    policies = http.get("/admin/retention/policies", headers=admin).json()
    assert {name: policy["retention_days"] for name, policy in policies.items()} == {
        "metrics": 90,
        "metrics_minutely": 90,
        "metrics_hourly": 300,
        "metrics_daily": 1095,
    }
    told = http.post("/v1/metrics/retention:cleanup", json={"table_name": "metrics"}, headers=admin).json()
    assert told["metrics"]["status"] == "dry_run"
    for table in ("tools", "metric_events; DROP TABLE series"):
        refused = http.get("/admin/retention/preview", params={"table_name": table}, headers=admin)
        assert refused.status_code == 400
        assert "table_name must be one of metrics" in refused.text


def test_what_was_sent_is_asked_about_by_its_sender_and_whoever_sees_all(
    http: httpx.Client, keys: Mapping[str, Mapping[str, str]]
) -> None:
    for number in range(3):
        event = {
            "type": "tool_execution",
            "value": 1,
            "duration_ms": 10 * (number + 1),
            "dimensions": {"tool_name": "t"},
        }
        assert http.post("/metrics", json={"service": "edge-test", "metrics": [event]}, headers=keys["ingest"]).json()[
            "accepted"
        ]
    question = {
        "selection": {"service": "edge-test", "measure": "duration_ms"},
        "group_by": ["tool_name"],
        "quantiles": [0.5],
    }
    assert http.post("/v1/metrics:query", json=question, headers=keys["ingest"]).status_code == 403
    assert http.post("/v1/metrics:query", json=question, headers=keys["agent"]).json()["series"] == []
    answer = http.post("/v1/metrics:query", json=question, headers=keys["reader"]).json()
    (line,) = answer["series"]
    (point,) = line["points"]
    assert line["group"] == {"tool_name": "t"}
    assert (point["count"], point["sum"], point["min"], point["max"]) == (3, 60, 10, 30)
    assert point["quantiles"][0]["value"] == pytest.approx(20, rel=0.01)
    listed = http.get(
        "/v1/metrics/events", params={"service": "edge-test", "page_size": 2}, headers=keys["reader"]
    ).json()
    assert [event["duration_ms"] for event in listed["events"]] == [30, 20]
    assert listed["next_page_token"]
    typo = http.post("/v1/metrics:query", json={**question, "groupby": ["x"]}, headers=keys["reader"])
    assert typo.status_code == 400
