"""The drill of docs/operations.md#recover: what is lost but for a dump of the database goes on where the dump was made."""

import asyncio
import shutil
from pathlib import Path

import pytest

from devstack.postgres import program
from tests.questioning.forms import SUPPLIER
from tests.questioning.service import replica
from tests.questioning.test_memory import Remembering
from tests.stack import Server


@pytest.mark.promise("S24", "S25")
async def test_of_a_dump_interviews_go_on_and_what_was_said_is_found_by_its_meaning(
    postgres: Server, tmp_path: Path
) -> None:
    folder, dump = tmp_path / "qdrant", tmp_path / "questioning.dump"
    async with postgres.database("questioning") as url, replica(url, qdrant_folder=folder) as served:
        before = Remembering(served, folder)
        earlier = await before.fill("ann", "When were you born?", "on the fifth of May")
        begun = await served.begin({"schema": SUPPLIER}, user_id="ann")
        await served.answer(begun, "/country", "germany")
        asked = await served.call("GenerateQuestions", conversation_id=begun, question_count=20)
        said, texts = await served.messages(begun), (await before.settled())["texts"]
        await run("pg_dump", "--format=custom", f"--file={dump}", url)
        # Said after the dump was made, so it is lost.
        await served.answer(begun, "/kind", "goods")
    # The database is gone with its server's volume, and so is the memory.
    shutil.rmtree(folder)
    await postgres.execute("CREATE DATABASE test_recovered")
    try:
        url = postgres.url("test_recovered")
        await run("pg_restore", "--exit-on-error", f"--dbname={url}", str(dump))
        async with replica(url, qdrant_folder=folder) as again:
            after = Remembering(again, folder)
            assert (await after.settled())["texts"] == texts
            assert await again.messages(begun) == said
            goes_on = await again.call("GenerateQuestions", conversation_id=begun, question_count=20)
            assert goes_on["questions"] == asked["questions"]
            [question] = (await after.asked("ann", "What is your date of birth?"))["questions"]
            assert (question["suggestion"], question["source"]["conversation_id"]) == ("on the fifth of May", earlier)
    finally:
        await postgres.execute("DROP DATABASE test_recovered WITH (FORCE)")


async def run(name: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(program(name), *arguments, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
