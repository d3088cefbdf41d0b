"""Runs the `qmcp` command as a shell would."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


def qmcp(*words: str, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path = ROOT) -> Ended:
    """Runs `qmcp` with these words and waits for its end."""
    ended = subprocess.run(
        [sys.executable, "-c", "from qmcp.client.cli import main; main()", *words],
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        input=stdin,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
