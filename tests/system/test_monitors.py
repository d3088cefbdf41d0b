"""A monitor on the whole system with auth on: it fires, people are asked, a tool is paused, and all of it is on record."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.client.command import Ended, qmcp
from tests.stack import Stack


@pytest.fixture
def http(guarded: Stack) -> Iterator[httpx.Client]:
    """An administrator."""
    with httpx.Client(base_url=guarded.edge_url, timeout=30, headers={"x-api-key": guarded.admin_key}) as client:
        yield client


@pytest.fixture
def monitors(guarded: Stack) -> Callable[..., Ended]:
    def run(*words: str) -> Ended:
        env = {**guarded.env, "QMCP_URL": guarded.edge_url, "QMCP_API_KEY": guarded.admin_key}
        return qmcp("metrics", "monitors", *words, "--json", env=env)

    return run


def until(look: Callable[[], Any]) -> Any:
    """What is found, as soon as something is."""
    end = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_a_monitor_fires_opens_a_human_request_and_pauses_a_tool_all_in_the_audit(
    http: httpx.Client, monitors: Callable[..., Ended]
) -> None:
    name, service = f"watched/{uuid.uuid4().hex}", f"watched-{uuid.uuid4().hex[:8]}"
    tool = {"name": name, "description": "It fails.", "http": {"url": "http://127.0.0.1:9/"}}
    assert http.post("/v1/tools", json=tool).status_code == 201
    failed = [http.post(f"/v1/tools/{name}:invoke", json={"input": {}}).json() for _ in range(2)]
    assert {each["status"] for each in failed} == {"failed"}
    invocations = sorted(each["id"] for each in failed)

    asked = ("--ask", "It fails again and again. What now?", "--group", "human")
    limit = ("--service", service, "--above", "1", "--every", "1")
    made = monitors("create", "failures", *limit, *asked, "--pause-tool", name).json
    events = [
        {"type": "tool_execution", "value": 1, "duration_ms": 5, "metadata": {"invocation_id": each}}
        for each in invocations
    ]
    assert http.post("/metrics", json={"service": service, "metrics": events}).json()["accepted"] == 2

    def fired() -> Any:
        found = monitors("transitions", "--monitor", made["id"], "--state", "firing").json
        return found and all(each["status"] == "done" for each in found[0]["actions"]) and found[0]

    transition = until(fired)
    assert (transition["value"], sorted(transition["invocation_ids"])) == (2, invocations)
    assert {http.get(f"/v1/receipts/{each}").status_code for each in invocations} == {200}
    question, pause = transition["actions"]

    human = http.get(f"/v1/human/requests/{question['target']}").json()["request"]
    assert (human["status"], human["prompt"]) == ("pending", "It fails again and again. What now?")
    assert (human["correlation_id"], human["groups"]) == (f"monitor-{transition['id']}", ["human"])
    assert human["context"]["invocation_ids"] == transition["invocation_ids"]
    assert pause["target"] == name
    paused = http.get(f"/v1/tools/{name}").json()["pause"]
    assert (paused["by"], made["id"] in paused["reason"]) == ("metrics", True)
    refused = http.post(f"/v1/tools/{name}:invoke", json={"input": {}})
    assert refused.json()["details"][0]["reason"] == "TOOL_PAUSED"
    record = http.get("/v1/invocations", params={"tool_name": name, "page_size": 1}).json()["invocations"][0]
    assert (record["status"], record["error_reason"]) == ("failed", "TOOL_PAUSED")
    assert monitors("show", made["id"]).json["state"] == "firing"
    assert monitors("delete", made["id"]).code == 0
    assert monitors("transitions", "--monitor", made["id"]).json, "the history stays"


def test_a_monitor_does_nothing_that_whoever_writes_it_may_not_do(http: httpx.Client, guarded: Stack) -> None:
    role = f"watcher-{uuid.uuid4().hex[:8]}"
    assert http.post("/v1/roles", json={"name": role, "permissions": ["metrics.admin"]}).status_code == 201
    key = http.post("/v1/keys", json={"owner": role, "roles": [role]}).json()["api_key"]
    threshold = {"statistic": "count", "window_seconds": 60, "comparison": "above", "limit": 1e9}
    for action, permission in (
        ({"pause_tool": {"tool_name": "echo"}}, "tools.pause"),
        ({"human_request": {}}, "hitl.ask"),
    ):
        body = {"name": "m", "threshold": threshold, "actions": [action]}
        refused = httpx.post(f"{guarded.edge_url}/v1/metrics/monitors", json=body, headers={"x-api-key": key})
        assert (refused.status_code, refused.json()["details"][0]["metadata"]["permission"]) == (403, permission)
