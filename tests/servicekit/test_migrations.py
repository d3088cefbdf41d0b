"""Migrations: once, in order, by one process at a time, and forward only."""

import asyncio

import pytest

from servicekit import migrations


def folder(tmp_path, *statements):
    for number, statement in enumerate(statements, start=1):
        (tmp_path / f"{number:04}_step.sql").write_text(statement)
    return tmp_path


@pytest.fixture
async def empty(postgres):
    await postgres.execute("DROP DATABASE IF EXISTS migrating")
    await postgres.execute("CREATE DATABASE migrating")
    yield postgres.url("migrating")
    await postgres.execute("DROP DATABASE migrating WITH (FORCE)")


async def test_replicas_that_start_at_once_apply_each_file_once(empty, tmp_path):
    wanted = migrations.read("x", folder(tmp_path, "CREATE TABLE a (n int)", "INSERT INTO a VALUES (1)"))
    counts = await asyncio.gather(*(migrations.apply(empty, wanted) for _ in range(4)))
    assert sorted(counts) == [0, 0, 0, 2]
    assert all(state.applied_at for state in await migrations.status(empty, wanted))


async def test_a_file_that_fails_leaves_nothing_and_is_tried_again(empty, tmp_path):
    broken = migrations.read("x", folder(tmp_path, "CREATE TABLE a (n int); SELECT nonsense"))
    with pytest.raises(Exception, match="nonsense"):
        await migrations.apply(empty, broken)
    mended = migrations.read("x", folder(tmp_path, "CREATE TABLE a (n int)"))
    assert await migrations.apply(empty, mended) == 1


async def test_an_applied_file_that_was_changed_is_refused(empty, tmp_path):
    await migrations.apply(empty, migrations.read("x", folder(tmp_path, "CREATE TABLE a (n int)")))
    with pytest.raises(SystemExit, match="forward only"):
        await migrations.apply(empty, migrations.read("x", folder(tmp_path, "CREATE TABLE b (n int)")))


def test_a_file_without_a_number_is_refused(tmp_path):
    (tmp_path / "first.sql").write_text("")
    with pytest.raises(ValueError, match="NNNN_what_it_changes"):
        migrations.read("x", tmp_path)
