"""From a slow hour to what was slow: a percentile names invocations, and each of these has its receipt in tools."""

import json
import time

import httpx
import pytest

from tests.stack import Stack

CALLS, SLOW = 40, 3


def test_the_p99_of_a_bucket_leads_to_the_receipts_of_the_invocations_that_made_it(stack: Stack) -> None:
    service = f"evidence-{time.time_ns()}"
    with httpx.Client(base_url=stack.edge_url, timeout=30) as http:
        called = [http.post("/v1/tools/echo", json={"input": {"message": str(each)}}).json() for each in range(CALLS)]
        ids = [each["invocation_id"] for each in called]
        metrics = [
            {
                "type": "tool_execution",
                "value": 1,
                "duration_ms": 5_000.0 + number if number < SLOW else 10.0 + number,
                "dimensions": {"tool_name": "echo"},
                "metadata": {"invocation_id": invocation},
            }
            for number, invocation in enumerate(ids)
        ]
        sent = http.post("/metrics", json={"service": service, "metrics": metrics}).raise_for_status().json()
        assert sent["accepted"] == CALLS
        question = {
            "selection": {"service": service, "measure": "duration_ms"},
            "group_by": ["tool_name"],
            "step_seconds": 3_600,
            "quantiles": [0.5, 0.99],
            "invocations": True,
        }
        answer = http.post("/v1/metrics:query", json=question).raise_for_status().json()
        # An hour may end meanwhile: the slow ones came in one request, so they lie in one bucket.
        (point,) = [each for line in answer["series"] for each in line["points"]]
        median, p99 = (each["value"] for each in point["quantiles"])
        assert median < 100
        assert p99 == pytest.approx(5_000.0 + SLOW - 1, rel=0.01)
        slowest = point["invocation_ids"][:SLOW]
        assert slowest == ids[:SLOW][::-1]
        for invocation in slowest:
            receipt = http.get(f"/v1/receipts/{invocation}").raise_for_status().json()
            assert receipt["invocation_id"] == invocation
            content = json.loads(receipt["content"])
            recorded = http.get(f"/v1/invocations/{invocation}").raise_for_status().json()
            assert content["tool_name"] == recorded["tool_name"] == "echo"
            assert recorded["input_params"] == {"message": str(ids.index(invocation))}
        proof = http.post("/v1/receipts:verify", json={}).raise_for_status().json()
        assert proof["faults"] == []
