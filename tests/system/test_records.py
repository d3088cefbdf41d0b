"""What is on record after calls over HTTP: everything, whoever asked, and whichever replica did it."""

import asyncio
from pathlib import Path

import httpx
import pytest

from devstack.settings import StackSettings
from services.tools.server import Settings, compose
from tests.contract.running import connected
from tests.stack import Server, Stack
from tests.tools.subject import SUBJECT as TOOLS


def recorded(http: httpx.Client, invocation_id: str) -> dict[str, object]:
    answer: dict[str, object] = http.get(f"/v1/invocations/{invocation_id}").raise_for_status().json()
    return answer


@pytest.fixture
def http(stack: Stack):
    with httpx.Client(base_url=stack.edge_url, timeout=30) as client:
        yield client


@pytest.mark.promise("Q12")
def test_every_call_is_on_record_in_full(http: httpx.Client) -> None:
    called = http.post("/v1/tools/planner", json={"input": {"goal": "tea"}}).raise_for_status().json()
    record = recorded(http, called["invocation_id"])
    assert record["input_params"] == {"goal": "tea"}
    assert record["result"] == called["result"]
    assert record["status"] == "success"
    assert record["duration_ms"] >= 0  # type: ignore[operator]
    assert str(record["created_at"]) <= str(record["completed_at"])


@pytest.mark.promise("Q12")
def test_calls_that_were_refused_are_on_record_too(http: httpx.Client) -> None:
    for name, given, status, reason in (
        ("no-such-tool", {"x": 1}, 404, "TOOL_NOT_FOUND"),
        ("echo", {}, 400, "ARGUMENTS_INVALID"),
    ):
        refused = http.post(f"/v1/tools/{name}", json={"input": given})
        assert refused.status_code == status
        info = next(detail for detail in refused.json()["details"] if "reason" in detail)
        assert info["reason"] == reason
        record = recorded(http, info["metadata"]["invocation_id"])
        assert (record["tool_name"], record["status"], record["error_reason"]) == (name, "failed", reason)
        assert record["input_params"] == given


@pytest.mark.promise("Q15")
def test_the_correlation_id_of_the_header_is_on_record_and_that_of_the_body_goes_before_it(http: httpx.Client) -> None:
    header = {"X-Correlation-ID": "from-the-header"}
    for body, expected in (({}, "from-the-header"), ({"correlation_id": "from-the-body"}, "from-the-body")):
        called = http.post("/v1/tools/echo", json={"input": {"message": "hi"}, **body}, headers=header).json()
        assert recorded(http, called["invocation_id"])["correlation_id"] == expected
        listed = http.get("/v1/invocations", params={"correlation_id": expected}).json()["invocations"]
        assert called["invocation_id"] in {each["id"] for each in listed}


@pytest.mark.promise("Q36")
def test_counters_rise_with_calls(http: httpx.Client) -> None:
    def count() -> float:
        calls: dict[str, float] = http.get("/metrics/json").json()["counters"].get("qmcp_tool_invocations_total", {})
        return calls.get('status="success",tool="reviewer"', 0)

    before = count()
    for _ in range(3):
        http.post("/v1/tools/reviewer", json={"input": {"result": {}}}).raise_for_status()
    assert count() == before + 3


@pytest.mark.promise("Q37")
def test_the_data_is_in_one_folder(stack: Stack) -> None:
    assert StackSettings().home.name == ".qmcp"
    assert (stack.home / "postgres").is_dir()
    assert (stack.home / "receipt_key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.promise("Q02", "Q37")
async def test_several_replicas_on_one_database_keep_one_whole_record(postgres: Server, tmp_path: Path) -> None:
    async with postgres.database("tools") as url:
        own = TOOLS.variables(tmp_path)
        settings = Settings(database_url=url, grpc_port=0, metrics_port=0, shutdown_grace_seconds=1, **own)
        async with (
            compose(settings) as first,
            compose(settings) as second,
            connected(TOOLS.service, first.port) as one,
            connected(TOOLS.service, second.port) as other,
        ):
            effect = TOOLS.effects["InvokeTool"]
            replicas = (one, other)
            made = await asyncio.gather(
                *(replicas[n % 2].must("InvokeTool", effect.request(n)) for n in range(100)),
            )
            listed = await other.must("ListInvocations", other.request("ListInvocations", page_size=500))
            assert {each.id for each in listed.invocations} == {each.id for each in made}
            verified = await one.must("VerifyReceipts")
            assert (verified.valid, verified.receipts_verified) == (True, 100)
