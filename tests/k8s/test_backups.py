"""The drill of docs/operations.md#back-up: what the scripts of the cluster save comes back, on a real server."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from prometheus_client import generate_latest

from devstack import postgres as embedded
from devstack.postgres import program
from servicekit.metrics import new_registry
from servicekit.postgres import database as pool
from tests.k8s.render import K8S
from tests.stack import FAST, Server, running_postgres

DUMP = K8S / "components" / "backups" / "dump.sh"
BASE = K8S / "components" / "point-in-time" / "base.sh"
WAL = K8S / "components" / "point-in-time" / "wal.sh"
GUARD_SECONDS = 120.0


@pytest.mark.promise("Q38", "S23", "M28", "Q42", "P23")
async def test_every_database_is_dumped_and_comes_back_and_its_service_tells_when_it_was(
    postgres: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    async with postgres.database("servicekit") as first, postgres.database("servicekit") as second:
        await _say(first, "what must not be lost")
        variables = {**_variables(first, folder), "BACKUP_PREFIX": "test_servicekit_"}
        old = folder / "dumps" / f"{_name(first)}-20200101T000000Z.dump"
        old.parent.mkdir(parents=True)
        # A last backup stays however old it is; one that has a younger one beside it goes.
        for name in (old.name, f"{_name(first)}-20190101T000000Z.dump", "of_another-20190101T000000Z.dump"):
            (old.parent / name).touch()
            os.utime(old.parent / name, (0, 0))
        (old.parent / "half.part").touch()
        done = await asyncio.to_thread(_run, DUMP, variables)
        assert done.returncode == 0, done.stderr
        made = sorted(path.name for path in old.parent.iterdir())
        assert [name.rpartition("-")[0] for name in made] == sorted([_name(first), _name(second), "of_another"])
        async with pool(first, 1, "test", registry=(registry := new_registry())) as db:
            assert await db.ready()
            [told] = [
                float(line.rpartition(" ")[2])
                for line in generate_latest(registry).decode().splitlines()
                if line.startswith('qmcp_database_backup_timestamp_seconds{kind="dump"}')
            ]
        assert abs(told - time.time()) < GUARD_SECONDS
        [dump] = old.parent.glob(f"{_name(first)}-*.dump")
        async with _restored(postgres, dump, variables) as restored:
            assert await _said(restored) == ["what must not be lost"]


async def test_what_cannot_be_saved_keeps_no_other_from_it_and_is_told(postgres: Server, tmp_path: Path) -> None:
    folder, programs = tmp_path / "backups", tmp_path / "bin"
    programs.mkdir()
    async with postgres.database("servicekit") as bad, postgres.database("servicekit") as good:
        script = f'case "$*" in *{_name(bad)}) exit 1;; esac\nexec {program("pg_dump")} "$@"\n'
        (programs / "pg_dump").write_text(f"#!/bin/sh\n{script}")
        (programs / "pg_dump").chmod(0o755)
        variables = {**_variables(bad, folder), "BACKUP_PREFIX": "test_servicekit_"}
        variables["PATH"] = f"{programs}{os.pathsep}{variables['PATH']}"
        done = await asyncio.to_thread(_run, DUMP, variables)
        assert done.returncode == 1
        assert done.stderr.strip().endswith(f"No backup of: {_name(bad)}")
        assert [path.name.partition("-")[0] for path in (folder / "dumps").glob("*.dump")] == [_name(good)]
        nothing = await asyncio.to_thread(_run, DUMP, {**variables, "BACKUP_PREFIX": "nobodys_"})
    assert nothing.returncode == 1
    assert "begins with nobodys_" in nothing.stderr


@pytest.mark.promise("S23")
async def test_a_server_goes_back_to_any_moment_since_its_base_backup(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    with running_postgres(tmp_path / "server") as server:
        await server.execute("CREATE DATABASE qmcp_kept")
        url = server.url("qmcp_kept")
        await _execute(url, "CREATE TABLE backups (kind text PRIMARY KEY, finished_at timestamptz NOT NULL)")
        await _say(url, "before")
        variables = {**_variables(url, folder), "BACKUP_PREFIX": "qmcp_"}
        with _running(WAL, variables):
            await _until(lambda: any((folder / "wal").glob("*")) if (folder / "wal").exists() else False)
            for _ in range(2):
                done = await asyncio.to_thread(_run, BASE, variables)
                assert done.returncode == 0, done.stderr
                [base] = (folder / "base").iterdir()
                os.utime(base, (0, 0))
                # Two of one second would have one name.
                await asyncio.sleep(1.1)
            assert await _value(url, "SELECT kind FROM backups") == "base"
            await _say(url, "after the backup")
            moment = await _value(url, "SELECT clock_timestamp()::text")
            await _execute(url, "DELETE FROM said")
            needed = await _value(url, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
            await _execute(url, "SELECT pg_switch_wal()")
            await _until((folder / "wal" / f"{needed}.gz").exists)
    kept = sorted(path.name for path in (folder / "wal").iterdir())
    assert kept[0] >= _begin(base)
    with _recovered(tmp_path / "recovered", base, folder / "wal", moment, variables["PGPASSWORD"]) as recovered:
        assert sorted(await _said(recovered.url("qmcp_kept"))) == ["after the backup", "before"]


def _variables(url: str, folder: Path) -> dict[str, str]:
    parts = urlsplit(url)
    assert parts.username is not None
    assert parts.password is not None
    return {
        "PATH": f"{program('psql').parent}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "BACKUP_FOLDER": str(folder),
        "BACKUP_DAYS": "30",
    }


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _run(script: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(script)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=GUARD_SECONDS)


@contextmanager
def _running(script: Path, variables: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(["sh", str(script)], env=variables)
    try:
        yield
    finally:
        process.terminate()
        process.wait(GUARD_SECONDS)


@asynccontextmanager
async def _restored(server: Server, dump: Path, variables: dict[str, str]) -> AsyncIterator[str]:
    await server.execute("CREATE DATABASE test_restored")
    try:
        command = [str(program("pg_restore")), "--exit-on-error", "--dbname=test_restored", str(dump)]
        await asyncio.to_thread(subprocess.run, command, env=variables, check=True)
        yield server.url("test_restored")
    finally:
        await server.execute("DROP DATABASE test_restored WITH (FORCE)")


@contextmanager
def _recovered(folder: Path, base: Path, wal: Path, moment: str, password: str) -> Iterator[Server]:
    """A server that was brought to a moment, as the page says."""
    made = embedded.prepare(folder, settings=FAST)
    owner = made.data.stat()
    shutil.rmtree(made.data)
    made.data.mkdir(mode=0o700)
    subprocess.run(["tar", "-xzf", str(base / "base.tar.gz"), "-C", str(made.data)], check=True)
    # Those who serve may not look into a folder of ours.
    shutil.copytree(wal, made.data / "archive")
    (made.data / "recovery.signal").touch()
    for path in (made.data, *made.data.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    recovery = {
        "restore_command": f'gzip --decompress --stdout "{made.data}/archive/%f.gz" > "%p"',
        "recovery_target_time": moment,
        "recovery_target_action": "promote",
    }
    settings = embedded.Postgres(made.data, made.port, password, {**FAST, **recovery})
    process = subprocess.Popen(settings.command(), cwd="/")
    try:
        until = time.monotonic() + GUARD_SECONDS
        while not settings.ready(process.pid):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield Server(settings)
    finally:
        process.send_signal(embedded.STOP)
        process.wait(GUARD_SECONDS)


def _begin(base: Path) -> str:
    """The file of the log with which a base backup begins."""
    command = ["tar", "-xzOf", str(base / "base.tar.gz"), "backup_label"]
    label = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return label.partition("(file ")[2].partition(")")[0]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(GUARD_SECONDS):
        while not holds():
            await asyncio.sleep(0.02)


async def _say(url: str, words: str) -> None:
    await _execute(url, "CREATE TABLE IF NOT EXISTS said (words text)")
    await _execute(url, f"INSERT INTO said VALUES ('{words}')")


async def _said(url: str) -> list[str]:
    return [str(words) for words in await _value(url, "SELECT array_agg(words) FROM said")]


async def _execute(url: str, statement: str) -> None:
    await _value(url, statement)


async def _value(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
