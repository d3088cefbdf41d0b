"""Runs the `qmcp` command: in this process, or as a shell would where the process is the point."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from qmcp.client.cli import main
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
WIDTH = {"COLUMNS": "200"}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


def qmcp(*words: str, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path = ROOT) -> Ended:
    """Runs `qmcp` with these words in this process: what it imports and prints is the same, and it starts at once."""
    variables = {**WIDTH, **(env or {})}
    with (
        CliRunner().isolation(stdin, variables) as (out, err, *_),
        patch.object(sys, "argv", ["qmcp", *words]),
        chdir(cwd),
    ):
        code = _exit_code()
        sys.stdout.flush()
        return Ended(code, out.getvalue().decode(), err.getvalue().decode())


def qmcp_process(*words: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Ended:
    """Runs it as a process of its own and waits for its end."""
    ended = subprocess.run(
        [sys.executable, "-c", "from qmcp.client.cli import main; main()", *words],
        env={**os.environ, **WIDTH, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def _exit_code() -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
