"""What the original's clients ask for through the edge, in its words and on its paths."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from mcp.client import Client

from gateway.settings import EdgeSettings
from tests.stack import Stack


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


def made(http: httpx.Client, name: str) -> dict[str, Any]:
    body = {"project_name": "original", "epic_name": "e", "name": name}
    return dict(http.post("/v1/tasks", json=body).raise_for_status().json())


@pytest.mark.promise("P12", "P18")
def test_health_is_told_in_the_originals_words_to_whoever_asks(http: httpx.Client) -> None:
    with http.stream("GET", "/v1/board:watch", params={"project_id": made(http, "watched")["project_id"]}) as stream:
        lines = stream.iter_lines()
        next(lines)
        told = http.get("/healthz")
    assert told.status_code == 200
    assert told.json() | {"timestamp": ""} == {
        "status": "healthy",
        "database_connected": True,
        "active_websocket_connections": 1,
        "timestamp": "",
    }
    assert told.json()["timestamp"].endswith("Z")


@pytest.mark.promise("P13")
def test_operational_metrics_have_the_guides_fields_and_all_are_real(http: httpx.Client) -> None:
    before = http.get("/api/metrics").json()
    tasks = [made(http, f"measured {number}")["id"] for number in range(3)]
    for task in tasks[:2]:
        lock = {"agent_id": "ada", "duration_seconds": 60}
        assert http.post(f"/api/task/{task}/lock", json=lock).status_code == 200
    assert http.post(f"/api/task/{tasks[0]}/lock", json={"agent_id": "bob"}).status_code == 409
    done = {"status": "DONE", "agent_id": "ada"}
    assert http.post(f"/api/task/{tasks[1]}/status", json=done).json() == {"success": True, "status": "DONE"}
    with http.stream("GET", "/v1/board:watch", params={"project_id": made(http, "watched")["project_id"]}) as stream:
        lines = stream.iter_lines()
        assert any("snapshot_end" in line for line in lines)
        http.post(f"/v1/tasks/{tasks[2]}/log", json={"kind": "said"}).raise_for_status()
        assert any("task.logged" in line for line in lines)
        after = http.get("/api/metrics").json()
    grown = {
        f"{part}.{name}": value - before[part][name]
        for part in ("connections", "tasks", "locks")
        for name, value in after[part].items()
        if name in {"active", "total_opened", "total_broadcasts", "total", "locked", "completed_today"}
        or name in {"acquired_today", "conflicts"}
    }
    assert grown.pop("connections.total_broadcasts") >= 1
    assert grown == {
        "connections.active": 1,
        "connections.total_opened": 1,
        "tasks.total": 3,
        "tasks.locked": 1,
        "tasks.completed_today": 1,
        "locks.active": 1,
        "locks.acquired_today": 2,
        "locks.conflicts": 1,
    }
    assert after["connections"]["max_capacity"] == 1000
    assert after["performance"]["avg_query_time_ms"] > 0
    assert after["system"]["memory_usage_mb"] > 10
    assert after["system"]["uptime_seconds"] > before["system"]["uptime_seconds"] > 0
    assert after["system"]["cpu_usage_percent"] > 0
    # The sweep has looked, and numbers are numbers in JSON.
    assert after["system"]["last_lock_cleanup"]
    assert isinstance(after["tasks"]["total"], int)


def test_the_board_is_told_at_once_and_locks_go_by_the_names_of_agents(http: httpx.Client) -> None:
    task = made(http, "locked")
    path = f"/api/task/{task['id']}"
    http.post(f"{path}/lock", json={"agent_id": "ada"}).raise_for_status()
    [shown] = [each for each in http.get("/api/board/state").json()["tasks"] if each["id"] == task["id"]]
    assert (shown["status"], shown["lock_holder"], shown["epic_name"]) == ("IN_PROGRESS", "ada", "e")
    [listed] = [each for each in http.get("/api/projects").json()["projects"] if each["id"] == task["project_id"]]
    assert listed["task_count"] >= 1
    assert [each["name"] for each in http.get(f"/api/projects/{task['project_id']}/epics").json()["epics"]] == ["e"]
    filtered = {"project_id": task["project_id"], "status": "IN_PROGRESS", "limit": 1}
    assert len(http.get("/api/tasks/filtered", params=filtered).json()["tasks"]) == 1
    # Another agent changes nothing, and is told who is at it.
    for refused in (
        http.post(f"{path}/status", json={"status": "DONE", "agent_id": "bob"}),
        http.request("DELETE", f"{path}/lock", json={"agent_id": "bob"}),
    ):
        assert refused.status_code == 403
        assert "ada" in refused.json()["detail"]
    wrong = http.post(f"{path}/status", json={"status": "review", "agent_id": "ada"})
    assert (wrong.status_code, "status" in wrong.json()["message"]) == (400, True)
    assert http.request("DELETE", f"{path}/lock", json={"agent_id": "ada"}).json() == {"success": True}
    assert http.request("DELETE", f"{path}/lock", json={"agent_id": "ada"}).status_code == 403
    [shown] = [each for each in http.get("/api/board/state").json()["tasks"] if each["id"] == task["id"]]
    assert (shown["status"], shown["lock_holder"], shown["lock_expires_at"]) == ("TODO", None, None)
    asked = {"task_id": task["id"], "log_limit": 1}
    details = json.loads(http.post("/api/task/details", json=asked).json()["result"])
    assert (details["success"], details["task"]["id"], details["epic_name"]) == (True, task["id"], "e")
    assert [each["kind"] for each in details["entries"]] == ["released"]
    before = {"before_seq": details["next_before_seq"], "log_limit": 1000}
    earlier = json.loads(http.post("/api/task/details", json=asked | before).json()["result"])
    assert [each["kind"] for each in earlier["entries"]] == ["leased", "created"]
    for wrong, status in (({"log_limit": 1001}, 400), ({"task_id": "nobody's"}, 404), ({"task": "x"}, 400)):
        refused = http.post("/api/task/details", json=asked | wrong)
        assert (refused.status_code, bool(refused.json()["detail"])) == (status, True)
    assert http.delete(f"/api/tasks/{task['id']}").json()["tasks"] == 1
    assert http.delete(f"/api/tasks/{task['id']}").status_code == 404
    assert http.delete(f"/api/projects/{task['project_id']}").json()["projects"] == 1


def test_knowledge_is_put_listed_by_scope_said_something_of_and_deleted(http: httpx.Client) -> None:
    task = made(http, "known")
    project, epic = task["project_id"], task["epic_id"]
    said = {"title": "net", "content": "Prices are net.", "category": "decision", "tags": ["a"], "priority": 5}
    put = http.put("/api/knowledge", json=said | {"project_id": project, "created_by": "ada", "metadata": {"n": 1}})
    item = put.json()["knowledge_id"]
    assert put.json() == {"success": True, "knowledge_id": item, "operation": "created", "version": 1}
    again = http.put("/api/knowledge", json={"knowledge_id": item, "content": "Prices are gross.", "is_active": True})
    assert (again.json()["operation"], again.json()["version"]) == ("updated", 2)
    of_epic = http.put("/api/knowledge", json=said | {"epic_id": epic, "project_id": project}).json()["knowledge_id"]
    listed = http.get(f"/api/knowledge/project/{project}").json()
    assert [each["id"] for each in listed["items"]] == [item]
    assert (listed["items"][0]["content"], listed["total_count"]) == ("Prices are gross.", 1)
    assert listed["filters_applied"] == {"scope": "project", "project_id": project, "epic_id": None}
    narrow = http.get(f"/api/knowledge/epic/{project}/{epic}").json()
    assert ([each["id"] for each in narrow["items"]], narrow["filters_applied"]["epic_id"]) == ([of_epic], epic)
    everybody = http.get("/api/knowledge/global/all", params={"page_size": 1}).json()
    assert everybody["filters_applied"] == {"scope": "global", "project_id": None, "epic_id": None}
    log = {"action_type": "used", "change_reason": "why", "created_by": "bob", "metadata": {"n": 2}}
    assert http.post(f"/api/knowledge/{item}/logs", json=log).json()["sequence"] == 3
    entries = http.get(f"/api/knowledge/{item}/logs").json()["entries"]
    assert [each["action_type"] for each in entries] == ["used", "updated", "created"]
    for wrong in (said | {"priority": 6}, said | {"title": "x" * 501}, said | {"parent": "x"}, {"content": "x"}):
        refused = http.put("/api/knowledge", json=wrong)
        assert (refused.status_code, bool(refused.json()["detail"])) == (400, True)
    assert http.get(f"/api/knowledge/nowhere/{project}").status_code == 400
    assert http.get(f"/api/knowledge/project/{item}").status_code == 404
    assert http.delete(f"/api/knowledge/{item}").status_code == 200
    gone = http.delete(f"/api/knowledge/{item}")
    assert (gone.status_code, "no item of knowledge" in gone.json()["detail"]) == (404, True)
    assert http.get(f"/api/knowledge/project/{project}").json()["total_count"] == 0


def test_assumptions_are_told_newest_first_by_cursor_and_counted_by_types_of_tags(http: httpx.Client) -> None:
    task = made(http, "assumes")
    tag, about = "#COMPLETION_DRIVE_IMPL: prices are net", {"project_id": task["project_id"], "task_id": task["id"]}
    http.post(f"/v1/tasks/{task['id']}/ra-tags", json={"ra_tag_text": tag}).raise_for_status()
    found: list[str] = []
    for agent, outcome in (("ada", "validated"), ("bob", "rejected"), ("eve", "validated")):
        said = {"task_id": task["id"], "ra_tag_id": tag, "outcome": outcome, "reviewer_agent_id": agent}
        found.insert(0, http.post("/v1/assumptions", json=said).raise_for_status().json()["id"])
    first = http.get("/api/assumptions/recent", params=about | {"limit": "2"}).json()
    assert [each["id"] for each in first["validations"]] == found[:2]
    assert (first["total_count"], first["has_more"], first["next_cursor"]) == (3, True, found[1])
    rest = http.get("/api/assumptions/recent", params=about | {"before_id": found[1]}).json()
    assert [each["id"] for each in rest["validations"]] == found[2:]
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)
    for wrong in ({"limit": "101"}, {"before_id": task["id"]}, {"before": "x"}):
        refused = http.get("/api/assumptions/recent", params=wrong)
        assert (refused.status_code, bool(refused.json()["detail"])) == (400, True)
    insights = http.get("/api/assumptions/insights", params=about).json()
    assert (insights["total_validations"], round(insights["success_rate"], 2)) == (3, 0.67)
    assert insights["outcome_breakdown"] == {"validated": 2, "rejected": 1}
    assert insights["cache_timestamp"].endswith("Z")
    types = {each["tag_type"] for each in http.get("/api/assumptions/tag-types").json()["kinds"]}
    details = http.get("/api/assumptions/tag-details", params={"project_id": task["project_id"]}).json()["details"]
    assert types <= {each["tag_type"] for each in details}
    [detail] = [each for each in details if each["tag_type"] == "impl:assumption"]
    assert [detail[each] for each in ("total", "validated", "rejected", "partial")] == [3, 2, 1, 0]


async def test_what_is_left_of_what_was_deleted_is_cleaned_up_where_the_caller_works(stack: Stack) -> None:
    """A deletion leaves nothing, so it is made by hand."""
    async with httpx.AsyncClient(base_url=stack.edge_url, timeout=60) as http:
        body = {"project_name": "orphans", "epic_name": "e", "name": "t"}
        task = (await http.post("/v1/tasks", json=body)).json()
        connection = await asyncpg.connect(stack.database_url("tasks"))
        try:
            mark = "UPDATE epics SET deleted_at = clock_timestamp() WHERE id = $1"
            await connection.execute(mark, task["epic_id"])
        finally:
            await connection.close()
        cleaned = await http.post("/api/cleanup/orphaned-tasks", json={})
        assert cleaned.json() == {"success": True, "deleted_tasks": 1, "deleted_epics": 0, "deleted_leases": 0}
        assert (await http.get(f"/v1/tasks/{task['id']}")).status_code == 404
        again = await http.post("/api/cleanup/orphaned-tasks")
        assert (again.status_code, again.json()["deleted_tasks"]) == (200, 0)


@pytest.mark.promise("P04", "P07", "P08", "P09")
async def test_the_ports_that_the_original_had_have_api_and_mcp_by_its_variables(stack: Stack) -> None:
    board, mcp = (f"http://127.0.0.1:{stack.env[name]}" for name in ("DEFAULT_PORT", "MCP_PORT"))
    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.get(f"{board}/api/board/state")).status_code == 200
        assert (await http.get(f"{board}/healthz")).json()["status"] == "healthy"
    # In the place of SSE, streamable HTTP; tests/system/test_mcp.py has stdio.
    async with Client(f"{mcp}/mcp") as client:
        answer = await client.call_tool("list_projects", {"limit": 1})
    assert not answer.is_error
    assert "projects" in (answer.structured_content or {})


@pytest.mark.promise("P04", "P07", "P08")
def test_without_these_variables_nothing_listens_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each[:2] for each in EdgeSettings().addresses] == [("127.0.0.1", 3333)]
    monkeypatch.setenv("MCP_PORT", "8081")
    monkeypatch.setenv("QMCP_HOST", "0.0.0.0")
    told = EdgeSettings()
    assert [each[:2] for each in told.addresses] == [("0.0.0.0", 3333), ("0.0.0.0", 8081)]
    assert "would let in callers" in told.refusal()
