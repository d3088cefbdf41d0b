"""A tool that a human must approve, start to end: asked over HTTP, seen and answered on the command line, run once."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stack import Stack, running_stack
from tests.upstream import Upstream, upstream


@pytest.fixture
def deployer() -> Any:
    with upstream() as server:
        yield server


def qmcp(stack: Stack, *arguments: str) -> "subprocess.Popen[str]":
    program = [str(Path(sys.executable).parent / "qmcp"), *arguments]
    environment = {**stack.env, "QMCP_URL": stack.edge_url}
    return subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ran(stack: Stack, *arguments: str) -> str:
    """What a command prints that ends well."""
    with qmcp(stack, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    return out


@pytest.mark.promise("Q36")
def test_a_human_edits_an_argument_and_approves_and_the_tool_runs_once_with_it(
    tmp_path: Path, deployer: Upstream
) -> None:
    with (
        running_stack(tmp_path / "home", QMCP_TOOLS_ALLOWED_NETWORKS="127.0.0.0/8") as stack,
        qmcp(stack, "human", "watch", "--after", "0", "--timeout", "60", "--json") as watching,
    ):
        assert watching.stdout is not None
        with httpx.Client(base_url=stack.edge_url, timeout=30) as http:
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
            seen = json.loads(watching.stdout.readline())
            asked = seen["request"]
            assert (seen["kind"], asked["status"]) == ("created", "pending")
            assert asked["proposed_arguments"] == {"replicas": 4}
            with qmcp(stack, "human", "answer", asked["id"], "approve", "--edit", "replicas:=6") as refused:
                _, why = refused.communicate(timeout=60)
            assert refused.returncode != 0
            assert "replicas" in why, "the tool's own schema holds for what a human edits"
            ran(stack, "human", "answer", asked["id"], "approve", "--edit", "replicas:=3", "--responded-by", "ann")
            assert json.loads(watching.stdout.readline())["kind"] == "decided"
            watching.terminate()

            until = time.monotonic() + 30
            while (invocation := http.get(f"/v1/invocations/{invocation_id}").json())["status"] != "success":
                assert time.monotonic() < until, invocation
                time.sleep(0.1)
        assert deployer.bodies == [{"replicas": 1}, {"replicas": 3}]
        assert invocation["input_params"] == {"replicas": 4}
        approval = invocation["approval"]
        assert (approval["status"], approval["decided_by"]) == ("approved", ["ann"])
        assert approval["edited_arguments"] == {"replicas": 3}
        ran(stack, "receipts", "verify")
