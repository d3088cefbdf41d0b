"""Keys that several processes find missing at once: one of them makes it, all have the same, nobody reads half of it."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servicekit import key_files

PROCESSES = 3
ROUNDS = 20
# Makes the key in each folder that it is told, and says what it has. What is written takes a while: 1 MB.
MAKER = """
import hashlib, os, sys
from pathlib import Path
from servicekit import key_files
for line in sys.stdin:
    key = key_files.read_or_make(Path(line.strip()), lambda: os.urandom(1_000_000))
    print(len(key), hashlib.sha256(key).hexdigest(), flush=True)
"""


@contextmanager
def makers() -> Iterator[list["subprocess.Popen[str]"]]:
    command = [sys.executable, "-c", MAKER]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.communicate(timeout=30)


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    with makers() as processes:
        for number in range(int(os.environ.get("QMCP_TEST_KEY_ROUNDS", ROUNDS))):
            file = tmp_path / f"{number}" / "key"
            for process in processes:
                assert process.stdin
                process.stdin.write(f"{file}\n")
                process.stdin.flush()
            told = {process.stdout.readline() for process in processes if process.stdout}
            assert len(told) == 1, f"round {number}"
            assert told.pop().startswith("1000000 ")
            assert [each.name for each in file.parent.iterdir()] == ["key"]
            file.unlink()


def test_what_stands_there_stays(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")
    assert key_files.read_or_make(tmp_path / "key", lambda: b"second") == b"first"


def test_only_the_owner_reads_it_whatever_mode_the_one_before_had(tmp_path: Path) -> None:
    made, replaced = tmp_path / "made", tmp_path / "replaced"
    replaced.write_text("old")
    replaced.chmod(0o644)
    key_files.read_or_make(made, lambda: b"key")
    key_files.write(replaced, b"new")
    assert replaced.read_bytes() == b"new"
    assert {stat.S_IMODE(file.stat().st_mode) for file in (made, replaced)} == {0o600}


def test_one_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        key_files.write(tmp_path / "folder", b"key")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
