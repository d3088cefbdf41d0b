"""What access does when it starts: the first key of all, and the keys that the environment gives."""

import asyncio
import stat
from pathlib import Path

import asyncpg
import pytest

from servicekit.identity import credentials
from services.access import server
from tests.access import environment
from tests.access.environment import Files
from tests.contract.running import Answer


async def admins(database: str) -> int:
    connection = await asyncpg.connect(database)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM keys WHERE roles @> ARRAY['admin']"))
    finally:
        await connection.close()


async def test_one_of_many_replicas_makes_the_first_key(database: str, files: Files) -> None:
    async with environment.access(database, files) as first, environment.access(database, files) as second:
        assert (await second.must("WhoAmI")).principal == "admin"
        assert (await first.must("WhoAmI")).principal == "admin"
    assert await admins(database) == 1
    mode = (files.folder / "admin").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_replicas_that_start_at_the_same_moment_make_one_key(database: str, files: Files) -> None:
    starting, done = asyncio.Barrier(3), asyncio.Barrier(3)

    async def replica() -> str:
        await starting.wait()
        async with environment.access(database, files) as access:
            await done.wait()
            return str((await access.must("WhoAmI")).principal)

    assert await asyncio.gather(*(replica() for _ in range(3))) == ["admin"] * 3
    assert await admins(database) == 1


async def test_a_start_where_somebody_is_admin_makes_no_key(database: str, files: Files) -> None:
    async with environment.access(database, files):
        first = files.admin
    (files.folder / "admin").unlink()
    async with environment.access(database, files) as access:
        assert not (files.folder / "admin").exists()
        assert (await access.must("WhoAmI", key=first)).principal == "admin"


async def test_when_the_last_admin_is_revoked_the_next_start_makes_a_new_one(database: str, files: Files) -> None:
    async with environment.access(database, files) as access:
        first = files.admin
        key = credentials.parse(first)
        assert key is not None
        await access.must("RevokeKey", id=key.id)
    async with environment.access(database, files) as access:
        assert files.admin != first
        assert (await access.must("WhoAmI")).principal == "admin"
        assert (await access.refused("WhoAmI", key=first)).code.name == "UNAUTHENTICATED"


async def test_the_file_of_the_first_key_is_private_even_where_one_stood_that_was_not(
    database: str, files: Files
) -> None:
    (files.folder / "admin").write_text("old")
    (files.folder / "admin").chmod(0o644)
    async with environment.access(database, files):
        assert stat.S_IMODE((files.folder / "admin").stat().st_mode) == 0o600


async def test_a_first_key_that_cannot_be_written_is_not_made(database: str, files: Files) -> None:
    with pytest.raises(SystemExit, match="QMCP_ACCESS_BOOTSTRAP_KEY_FILE"):
        async with environment.access(database, files, access_bootstrap_key_file=files.folder):
            raise AssertionError
    assert await admins(database) == 0


async def test_preshared_keys_follow_their_file(database: str, files: Files) -> None:
    text = credentials.generate()[0]
    key = credentials.parse(text)
    assert key is not None
    file = files.folder / "preshared"
    file.write_text(f"# keys\n\n{text} runner agent,reader,agent\n")
    async with environment.access(database, files) as access:
        identity = await access.must("WhoAmI", key=text)
        assert (identity.principal, list(identity.roles)) == ("runner", ["agent", "reader"])
        file.write_text(f"{text} runner reader\n")
        async with environment.access(database, files):
            give_up = asyncio.get_running_loop().time() + 2
            # The replica that stood already hears of it.
            while list((await access.must("WhoAmI", key=text)).roles) != ["reader"]:
                assert asyncio.get_running_loop().time() < give_up
        await access.must("RevokeKey", id=key.id)
    async with environment.access(database, files) as access:
        # What was revoked stays so, although the file still has it.
        assert (await access.refused("WhoAmI", key=text)).code.name == "UNAUTHENTICATED"


async def test_a_preshared_key_ends_with_the_start_after_its_line_was_taken_out(database: str, files: Files) -> None:
    gone, stays = credentials.generate()[0], credentials.generate()[0]
    file = files.folder / "preshared"
    file.write_text(f"{gone} leaver agent\n{stays} stayer agent\n")
    async with environment.access(database, files) as access:
        made = await access.key("agent", owner="made-by-hand")
        assert (await access.must("WhoAmI", key=gone)).principal == "leaver"
        file.write_text(f"{stays} stayer agent\n")
        # Not before a start: the file is read then.
        assert (await access.must("WhoAmI", key=gone)).principal == "leaver"
        async with environment.access(database, files) as another:
            assert (await another.refused("WhoAmI", key=gone)).code.name == "UNAUTHENTICATED"
            give_up = asyncio.get_running_loop().time() + 10
            # The replica that stood already hears of it.
            while isinstance(await access.running.call("WhoAmI", None, environment.with_key(gone)), Answer):
                assert asyncio.get_running_loop().time() < give_up
            for key, owner in ((stays, "stayer"), (made.api_key, "made-by-hand")):
                assert (await another.must("WhoAmI", key=key)).principal == owner
    file.write_text(f"{gone} leaver agent\n")
    async with environment.access(database, files) as access:
        assert (await access.refused("WhoAmI", key=gone)).code.name == "UNAUTHENTICATED"


# Not made anew: the names of the tests have it.
GOOD = f"qmcp_{'0123456789abcdef'}_{'Ab-9_' * 8}xyz"


@pytest.mark.parametrize(
    "line",
    [
        f"{GOOD} owner",
        GOOD,
        f"{GOOD} owner agent extra",
        f"{GOOD[:-1]} owner agent",
        f"{GOOD}x owner agent",
        f"{GOOD} ow/ner agent",
        f"{GOOD} {'o' * 65} agent",
        f"{GOOD} owner nosuchrole",
        f"{GOOD} owner agent,",
        "word",
    ],
)
async def test_a_bad_line_is_named_by_its_number_and_not_shown(database: str, files: Files, line: str) -> None:
    (files.folder / "preshared").write_text(f"# fine\n{credentials.generate()[0]} good agent\n{line}\n")
    with pytest.raises(SystemExit) as stopped:
        async with environment.access(database, files):
            raise AssertionError
    assert "line 3" in str(stopped.value)
    assert GOOD[22:-1] not in str(stopped.value)
    connection = await asyncpg.connect(database)
    try:
        assert await connection.fetchval("SELECT count(*) FROM keys") == 0, "all of the file or nothing"
    finally:
        await connection.close()


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00secret"])
async def test_a_file_of_preshared_keys_that_cannot_be_read_is_named(
    database: str, files: Files, content: bytes | None
) -> None:
    file = files.folder / "odd"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit, match="QMCP_ACCESS_PRESHARED_KEYS_FILE") as stopped:
        async with environment.access(database, files, access_preshared_keys_file=file):
            raise AssertionError
    assert "secret" not in str(stopped.value)


async def test_without_files_no_key_is_made(database: str) -> None:
    settings = server.Settings(database_url=database, auth="on", grpc_port=0, metrics_port=0)
    async with server.compose(settings):
        assert await admins(database) == 0


async def test_a_service_that_shall_check_callers_needs_a_key_to_ask_with(
    tools_database: str, files: Files, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for file in (None, tmp_path / "missing", empty):
        with pytest.raises(SystemExit, match="QMCP_ACCESS_KEY_FILE"):
            async with environment.tools(tools_database, files, 1, access_key_file=file):
                raise AssertionError


async def test_a_service_whose_own_key_is_not_valid_lets_nobody_in(
    access: environment.Access, tools_database: str, files: Files
) -> None:
    issued = await access.key("agent")
    (files.folder / "wrong").write_text(credentials.generate()[0])
    weak = await access.key("agent", owner="weak")
    (files.folder / "weak").write_text(weak.api_key)
    for name in ("wrong", "weak"):
        async with environment.tools(tools_database, files, access.port, access_key_file=files.folder / name) as tools:
            assert await environment.who(tools, issued.api_key) == "UNAVAILABLE"


async def test_without_authentication_everybody_is_local_and_may_everything(database: str, files: Files) -> None:
    async with environment.access(database, files, auth="off") as access:
        answer = await access.running.call("WhoAmI")
        assert isinstance(answer, Answer)
        assert (answer.message.principal, list(answer.message.permissions)) == ("local", ["*"])
