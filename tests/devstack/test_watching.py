"""`pytest --watch`: the tests run again when a file changes."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.stack import ROOT

# Ctrl-C counts, also where these tests run behind a shell that has it ignored.
HEEDING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@pytest.mark.promise("M21")
def test_tests_run_again_when_a_file_changes_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    file = tmp_path / "found" / "test_it.py"
    file.write_text("def test_it() -> None:\n    assert False\n")
    command = [
        sys.executable,
        "-c",
        HEEDING,
        "-m",
        "pytest",
        "-p",
        "tests.watching",
        "-p",
        "no:cacheprovider",
        "--watch",
        "found",
    ]
    own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        guard = threading.Timer(120, process.kill)
        guard.start()
        assert process.stdout is not None
        assert any("1 failed" in line for line in process.stdout)
        file.write_text("def test_it() -> None:\n    assert True, 'by now'\n")
        assert any(line == f"{file.relative_to(tmp_path)} changed.\n" for line in process.stdout)
        assert any("1 passed" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        guard.cancel()
