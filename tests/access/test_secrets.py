"""No secret of a caller is in what is written when something goes wrong inside."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.access import environment
from tests.access.environment import Access, Files
from tests.access.processes import child


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_traceback_in_the_log_shows_no_key(database: str, files: Files, tmp_path: Path, form: str) -> None:
    settings = files.of_access(grpc_port=environment.free_port(), log_format=form)
    async with child("access", environment.ACCESS, database, tmp_path, settings) as process:
        access = Access(process.running, files, settings["grpc_port"])
        issued = await access.key("admin")
        connection = await asyncpg.connect(database)
        try:
            # A fault inside: what the code expects is not there.
            await connection.execute("ALTER TABLE denials RENAME TO gone")
        finally:
            await connection.close()
        refused = await access.refused("ListDenials", key=issued.api_key)
        assert refused.code.name == "INTERNAL"
        assert issued.api_key[22:] not in str(refused)
        await asyncio.sleep(0.3)
        assert "request_failed" in process.log
        assert issued.api_key[22:] not in process.log
        password = database.partition("@")[0].rpartition(":")[2]
        assert password not in process.log
