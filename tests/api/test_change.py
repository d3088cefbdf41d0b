"""The contract as a whole: buf finds no fault with it, nothing that was promised is broken, what derives from it is fresh."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api import contract, descriptors


def test_buf_lint_finds_nothing(tmp_path: Path) -> None:
    assert not contract.lint(tmp_path)


def test_nothing_that_was_promised_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not contract.breaking(tmp_path)
    if "NOT CHECKED" in (said := capsys.readouterr().out):
        pytest.skip(said)


def test_a_broken_promise_would_be_found(tmp_path: Path) -> None:
    """The negative control: a field that changes its name is caught."""
    before, after = tmp_path / "before.binpb", tmp_path / "after.binpb"
    before.write_bytes(descriptors.image())
    after.write_bytes(descriptors.image().replace(b"correlation_id", b"correlation_no"))
    buf = str(Path(sys.executable).with_name("buf"))
    command = [buf, "breaking", str(after), "--against", str(before), "--config", str(contract.RULES)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "correlation_id" in found.stdout


def test_the_generated_code_is_that_of_the_protos(tmp_path: Path) -> None:
    assert not contract.drift(tmp_path)


def test_the_generated_files_of_the_client_are_those_of_the_protos_and_its_async_files(tmp_path: Path) -> None:
    assert not contract.client(tmp_path)
