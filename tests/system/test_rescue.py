"""Whoever has lost every administrator's key gets in again as docs/operations.md says."""

import subprocess
import sys
from pathlib import Path

import httpx

from tests.stack import running_stack


def test_a_key_that_is_added_to_the_preshared_ones_of_make_run_is_an_administrators(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "keys"
    subprocess.run([sys.executable, "-m", "devstack.keys", folder, "rescue=admin"], check=True)
    rescue = (folder / "rescue").read_text().strip()
    with running_stack(tmp_path / "home", QMCP_AUTH="on") as stack:
        body = {"owner": "successor", "roles": ["admin"]}
        made = httpx.post(f"{stack.edge_url}/v1/keys", json=body, headers={"x-api-key": rescue})
        assert made.status_code == 201, made.text
        told = httpx.get(f"{stack.edge_url}/v1/whoami", headers={"x-api-key": made.json()["api_key"]})
        assert told.json()["permissions"] == ["*"]
