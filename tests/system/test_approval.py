"""A tool that a human must approve, start to end: asked over HTTP, seen and answered on the command line, run once."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stack import Stack
from tests.upstream import Upstream, upstream


@pytest.fixture
def deployer() -> Any:
    with upstream() as server:
        yield server


def qmcp(stack: Stack, *arguments: str) -> "subprocess.Popen[str]":
    program = [str(Path(sys.executable).parent / "qmcp"), *arguments]
    environment = {**stack.env, "QMCP_URL": stack.edge_url, "QMCP_API_KEY": stack.admin_key}
    return subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ran(stack: Stack, *arguments: str) -> str:
    """What a command prints that ends well."""
    with qmcp(stack, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    return out


def seen(watching: "subprocess.Popen[str]", wanted: Callable[[Any], bool]) -> Any:
    """The next event of this kind: others use the system, too."""
    assert watching.stdout is not None
    return next(event for event in map(json.loads, watching.stdout) if wanted(event))


@pytest.mark.promise("Q36")
def test_a_human_edits_an_argument_and_approves_and_the_tool_runs_once_with_it(
    guarded: Stack, deployer: Upstream
) -> None:
    with (
        httpx.Client(base_url=guarded.edge_url, timeout=60, headers={"x-api-key": guarded.admin_key}) as http,
        qmcp(guarded, "human", "watch", "--after", "0", "--timeout", "60", "--json") as watching,
    ):
        tool = {
            "description": "Deploys.",
            "input_schema": {"type": "object", "properties": {"replicas": {"type": "integer", "maximum": 5}}},
            "http": {"method": "POST", "url": deployer.url},
            "approval": {"mode": "when", "when": {"properties": {"replicas": {"minimum": 2}}}},
        }
        assert http.put("/v1/tools/deploy", json=tool).status_code == 201
        # What the policy does not name needs nobody.
        assert http.post("/v1/tools/deploy:invoke", json={"input": {"replicas": 1}}).json()["status"] == "success"

        answer = http.post("/v1/tools/deploy:invoke", json={"input": {"replicas": 4}})
        assert (answer.status_code, answer.json()["status"]) == (202, "awaiting_approval")
        invocation_id = answer.json()["id"]
        asked = seen(watching, lambda event: event["request"].get("proposed_arguments") == {"replicas": 4})["request"]
        assert asked["status"] == "pending"
        with qmcp(guarded, "human", "answer", asked["id"], "approve", "--edit", "replicas:=6") as refused:
            _, why = refused.communicate(timeout=60)
        assert refused.returncode != 0
        assert "replicas" in why, "the tool's own schema holds for what a human edits"
        ran(guarded, "human", "answer", asked["id"], "approve", "--edit", "replicas:=3")
        assert seen(watching, lambda event: event["request"]["id"] == asked["id"])["kind"] == "decided"
        watching.terminate()

        until = time.monotonic() + 60
        while (invocation := http.get(f"/v1/invocations/{invocation_id}").json())["status"] != "success":
            assert time.monotonic() < until, invocation
            time.sleep(0.1)
    assert deployer.bodies == [{"replicas": 1}, {"replicas": 3}]
    assert invocation["input_params"] == {"replicas": 4}
    approval = invocation["approval"]
    assert (approval["status"], approval["decided_by"]) == ("approved", ["admin"])
    assert approval["edited_arguments"] == {"replicas": 3}
    ran(guarded, "receipts", "verify")
