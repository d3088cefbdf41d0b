"""What docs/ tells you to type works: every shell block is run against a running system, and every answer shown is given.

A JSON block right after a shell block is what that prints, in parts: what it shows must be there. docs/operations.md marks blocks
that need a cluster; tests/k8s runs the rest of it.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.architecture import tree
from tests.stack import Stack

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$(?:\n\n```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
ELSEWHERE = {"docs/operations.md"}
PAGES = [
    name for name in tree.written() if re.fullmatch(r"docs/(decisions/)?[\w-]+\.md", name) and name not in ELSEWHERE
]
# Pages whose callers have keys; the others need none.
GUARDED = {"docs/access.md"}
SYSTEM = {page: "guarded" if page in GUARDED else "stack" for page in PAGES}
COMMANDS = [
    pytest.param(*(page, script, expected), id=f"{page}-{number}", marks=pytest.mark.xdist_group(SYSTEM[page]))
    for page in PAGES
    for number, (language, _, script, expected) in enumerate(BLOCK.findall(tree.text(page)))
    if language == "sh"
]
MAX_SECONDS = 60
COVERED_WITHIN = 20


def run(stack: Stack, folder: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "QMCP_URL": stack.edge_url,
        **({"QMCP_API_KEY": stack.admin_key} if stack.env.get("QMCP_AUTH") == "on" else {}),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": os.pathsep.join(str(tree.ROOT / name) for name in ("", "gen", "client")),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=MAX_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("page", "script", "expected"), COMMANDS)
def test_what_a_page_tells_to_type_works(
    request: pytest.FixtureRequest, tmp_path: Path, page: str, script: str, expected: str
) -> None:
    stack: Stack = request.getfixturevalue(SYSTEM[page])
    here = script.replace("127.0.0.1:3333", stack.grpc_target)
    printed = run(stack, tmp_path, "bash", "-euo", "pipefail", "-c", here)
    if expected:
        require_shown(json.loads(expected), json.loads(printed))
    else:
        assert '"code":' not in printed, printed


def test_every_page_with_commands_is_run() -> None:
    assert {"docs/tools.md", "docs/receipts.md", "docs/access.md", "docs/hitl.md"} <= {
        str(each.id).rpartition("-")[0] for each in COMMANDS
    }


def test_the_verifier_of_the_receipts_page_verifies_a_real_export(stack: Stack, tmp_path: Path) -> None:
    verifier = tmp_path / "verifier.py"
    [script] = re.findall(r"^```python verifier\n(.*?)^```$", tree.text("docs/receipts.md"), re.MULTILINE | re.DOTALL)
    verifier.write_text(script)
    with httpx.Client(base_url=stack.edge_url, timeout=MAX_SECONDS) as http:
        for number in range(5):
            http.post("/v1/tools/echo", json={"input": {"message": f"{number}"}}).raise_for_status()
        last = http.get("/v1/invocations?limit=1").json()["invocations"][0]["id"]
        give_up = time.monotonic() + COVERED_WITHIN
        while "checkpoint" not in http.get(f"/v1/receipts/{last}").json():
            assert time.monotonic() < give_up
            time.sleep(0.2)
        (tmp_path / "key.pem").write_text(http.get("/v1/receipts:key").json()["public_key_pem"])
        export = http.get("/v1/receipts:export").content
    (tmp_path / "export").write_bytes(export)
    assert "every receipt holds" in run(stack, tmp_path, sys.executable, str(verifier), "export", "key.pem")
    # The negative control: one changed character is noticed.
    changed = export.replace(b'"message":"3"', b'"message":"4"', 1)
    assert changed != export
    (tmp_path / "export").write_bytes(changed)
    refused = subprocess.run(
        [sys.executable, str(verifier), "export", "key.pem"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "the input was changed" in refused.stderr


def require_shown(shown: Any, given: Any) -> None:
    """All that a page shows of an answer is in it; of lists, in order, some element for each."""
    if isinstance(shown, dict):
        assert isinstance(given, dict)
        for key, value in shown.items():
            assert key in given, f"{key} is not in {given}"
            require_shown(value, given[key])
    elif isinstance(shown, list):
        assert len(shown) <= len(given)
        for each, other in zip(shown, given, strict=False):
            require_shown(each, other)
    else:
        assert shown == given
