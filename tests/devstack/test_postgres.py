"""The embedded Postgres starts again after whatever happened to it, and says in plain words what it found."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from devstack import postgres
from devstack.errors import CannotRunError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new cluster, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    postgres.prepare(folder, say=print)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "postgres"
    subprocess.run(["cp", "-a", made, copy], check=True)
    return copy


@pytest.fixture
def said() -> list[str]:
    return []


@contextmanager
def running(engine: postgres.Postgres) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(engine.command(), cwd="/", stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not engine.ready(process.pid):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


async def ask(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        answer = None
        for statement in statements:
            answer = await connection.fetchval(statement)
        return answer
    finally:
        await connection.close()


async def test_it_has_checksums_and_asks_for_its_password(folder: Path) -> None:
    engine = postgres.prepare(folder)
    with running(engine):
        assert await ask(engine.url(), "SHOW data_checksums") == "on"
        assert await ask(engine.url(), "SHOW server_encoding") == "UTF8"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(engine.url().replace(engine.password, "guessed"))
    assert (folder / "password").stat().st_mode & 0o077 == 0


def test_the_server_is_never_root_and_no_folder_above_it_is_opened(folder: Path) -> None:
    folder.parent.chmod(0o700)
    engine = postgres.prepare(folder)
    with running(engine) as process:
        assert Path(f"/proc/{process.pid}").stat().st_uid != 0
    assert folder.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.promise("M39")
async def test_a_killed_server_comes_back_with_what_was_committed(folder: Path, said: list[str]) -> None:
    engine = postgres.prepare(folder)
    with running(engine) as process:
        await ask(engine.url(), "CREATE TABLE kept AS SELECT 7 AS number")
        process.kill()
    engine = postgres.prepare(folder, say=said.append)
    assert "recovers" in said[0]
    with running(engine):
        assert await ask(engine.url(), "SELECT number FROM kept") == 7


def test_a_server_that_an_earlier_run_left_is_stopped_first(folder: Path, said: list[str]) -> None:
    with running(postgres.prepare(folder)) as left:
        # Nobody but its parent can tell that it is gone, so somebody has to look.
        threading.Thread(target=left.wait).start()
        engine = postgres.prepare(folder, say=said.append)
        assert f"process {left.pid}" in said[0]
        with running(engine):
            pass


def test_a_zombie_is_waited_for(folder: Path, said: list[str]) -> None:
    with running(postgres.prepare(folder)) as killed:
        killed.kill()
        time.sleep(0.2)
        threading.Timer(1.0, killed.wait).start()
        engine = postgres.prepare(folder, say=said.append)
        with running(engine):
            pass
    assert "recovers" in said[0]


def test_a_process_id_that_another_program_has_by_now_is_no_obstacle(folder: Path, said: list[str]) -> None:
    with running(postgres.prepare(folder)):
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    (folder / "data" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    engine = postgres.prepare(folder, say=said.append)
    assert "in use by another program" in said[0]
    with running(engine):
        pass


@pytest.mark.parametrize("content", ["", "what?\n"])
def test_an_unreadable_pid_file_is_no_obstacle(folder: Path, content: str) -> None:
    (folder / "data" / "postmaster.pid").write_text(content)
    with running(postgres.prepare(folder)):
        pass


def test_an_interrupted_first_start_leaves_nothing_that_hinders_the_next(tmp_path: Path) -> None:
    half = tmp_path / "data.making"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with running(postgres.prepare(tmp_path)):
        assert not half.exists()


def test_a_busy_port_is_named_with_its_holder_and_the_variable(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(CannotRunError, match=rf"Port {port}.*process {os.getpid()}.*QMCP_POSTGRES_PORT"):
            postgres.prepare(folder, port)


def test_a_full_disk_is_named_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "FREE_BYTES_NEEDED", shutil.disk_usage(tmp_path).total)
    with pytest.raises(CannotRunError, match=r"is full.*QMCP_HOME"):
        postgres.prepare(tmp_path)
    assert not list(tmp_path.iterdir())


def test_data_of_another_postgres_is_left_alone(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotRunError, match=r"made by Postgres 17.*pg_dump"):
        postgres.prepare(folder)


def test_a_missing_engine_is_told_with_both_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    with pytest.raises(CannotRunError, match=r"qmcp\[laptop\].*QMCP_DATABASE_URL"):
        postgres.prepare(tmp_path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('PANIC:  could not write to file "pg_wal/xlogtemp.9": No space left on device', "The disk is full"),
        ('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', "QMCP_POSTGRES_PORT"),
        ("FATAL:  could not create shared memory segment: Invalid argument", "shared memory"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "too little memory"),
        ('FATAL:  data directory "x" has invalid permissions', "invalid permissions"),
    ],
)
def test_its_last_words_become_a_sentence(line: str, sentence: str) -> None:
    assert sentence in postgres.explain(["LOG:  starting PostgreSQL", line, "LOG:  database system is shut down"])


def test_it_ends_when_its_parent_is_killed(folder: Path) -> None:
    program = (
        "import subprocess, sys, time; from pathlib import Path; from devstack import postgres\n"
        f"engine = postgres.prepare(Path({str(folder)!r}))\n"
        "process = subprocess.Popen(engine.command(), cwd='/')\n"
        "while not engine.ready(process.pid): time.sleep(0.01)\n"
        "print(process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 15
    while (folder / "data" / "postmaster.pid").exists():
        assert time.monotonic() < until, f"{pid} lives on"
        time.sleep(0.05)
