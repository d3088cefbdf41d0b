"""What one owner's users have said is recalled for nobody else, whatever they call their own users."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from prometheus_client import CollectorRegistry
from qmcp.questioning.v1 import questioning_service_pb2 as pb

from servicekit.postgres import Connection, Database, database
from servicekit.search import outbox
from servicekit.search.index import Index, index
from servicekit.search.indexer import Indexer
from servicekit.search.metrics import SearchMetrics
from servicekit.search.settings import SearchSettings
from services.questioning.memory.likeness import Thresholds
from services.questioning.memory.memory import Memory
from services.questioning.memory.models import Asked, Gathered, Person
from services.questioning.memory.store import Messages
from tests.contract.callers import everybody
from tests.contract.running import Running
from tests.questioning.subject import SUBJECT
from tests.stack import Server
from tests.wire import until

SCHEMA = {
    "title": "Person",
    "required": ["secret"],
    "properties": {"secret": {"type": "string", "description": "What is the secret of the house?"}},
}
GOAL = {"schema": SCHEMA, "recall": True}


async def asked(running: Running, user: str = "ada") -> dict[str, Any]:
    request = ParseDict({"user_id": user, "goal": GOAL}, pb.GenerateQuestionsRequest())
    return MessageToDict(await running.must("GenerateQuestions", request), preserving_proto_field_name=True)


async def test_nothing_is_recalled_or_proposed_across_owners(postgres: Server, tmp_path: Path) -> None:
    async with everybody(postgres, tmp_path) as everyone:
        called = await everyone.of(SUBJECT)
        first = await asked(called.owner)
        answers = [{"question_id": "/secret", "answer": "under the third step"}]
        said = ParseDict({"conversation_id": first["conversation_id"], "answers": answers}, pb.AnswerQuestionsRequest())
        await called.owner.must("AnswerQuestions", said)
        # The control: it is recalled for whoever may have it.
        assert (await asked(called.owner)).get("questions", []) == []
        for stranger in (called.other, called.auditor, called.admin):
            for user in ("ada", "", "eve"):
                found = await asked(stranger, user)
                assert [each["id"] for each in found["questions"]] == ["/secret"]
                assert "third step" not in json.dumps(found)


@pytest.mark.parametrize("by", ["meaning", "words"])
async def test_whatever_is_asked_nothing_of_another_owner_or_user_is_near(
    postgres: Server, tmp_path: Path, by: str
) -> None:
    async with (
        postgres.database("questioning") as url,
        database(url, 4, "memory") as db,
        index(
            "test", _settings(tmp_path if by == "meaning" else None), SearchMetrics(CollectorRegistry()), db
        ) as found,
    ):
        drawn = random.Random(11)
        owners = {
            (owner, user): f"{owner} {user}" for owner in ("ada", "eve") for user in ("", "ada", "eve", "ada eve")
        }
        async with db.transaction() as connection:
            for (owner, user), secret in owners.items():
                await _say(connection, owner, user, [f"Where is the key of {secret}?", f"The key of {secret} is here."])
        indexer = Indexer(db, found, Messages(), SearchMetrics(CollectorRegistry()))
        loop = asyncio.create_task(indexer.run())
        await until(lambda: _settled(db, found), 60)
        memory = Memory(db, found, Thresholds(0.0, 0.0))
        texts = [*owners.values(), *(f"Where is the key of {each}?" for each in owners.values())]
        for _ in range(60):
            (owner, user), text = drawn.choice(list(owners)), drawn.choice(texts)
            text = drawn.choice([text, text.upper(), f"{text}\" OR owner = 'eve' --", f"{text} {drawn.choice(texts)}"])
            gathered = Gathered()
            await memory.similar(gathered, Person(owner, user), text, recall=True)
            await memory.gather(gathered, Person(owner, user), [Asked(text, "text", (), text)])
            assert gathered.memory == by
            told = [each.content for each in gathered.similar]
            told += [each.recalled.value for found_ones in gathered.answers.values() for each in found_ones]
            assert told or by == "words"
            assert all(f"of {owners[owner, user]}?" in each or f"of {owners[owner, user]} is" in each for each in told)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


def _settings(folder: Path | None) -> SearchSettings:
    return SearchSettings(database_url="", qdrant_folder=folder / "qdrant" if folder else None)


async def _settled(db: Database, found: Index | None) -> bool:
    async with db.connection() as connection:
        return (await outbox.waiting(connection)).waiting == 0 and (found is None or await found.exists())


async def _say(connection: Connection, owner: str, user: str, said: list[str]) -> None:
    """A conversation with one question and its answer."""
    session = await connection.fetchval(
        "INSERT INTO sessions (owner, user_id, context, metadata) VALUES ($1, $2, '', '{}') RETURNING id", owner, user
    )
    conversation = await connection.fetchval(
        """
        INSERT INTO conversations (session_id, owner, user_id, topic, context, goal, metadata, progress)
        VALUES ($1, $2, $3, '', '', '{}', '{}', '{}')
        RETURNING id
        """,
        session,
        owner,
        user,
    )
    about = {"answer_type": "text", "options": [], "information_to_look_for": said[0]}
    for sequence, (kind, text) in enumerate(zip(("question", "answer"), said, strict=True), start=1):
        await connection.execute(
            """
            INSERT INTO messages (
                conversation_id, owner, user_id, sequence, message_type, content, question_id, state, value, metadata, words
            )
            VALUES ($1, $2, $3, $4, $5, $6, 'q', '', $7, $8, $9)
            """,
            conversation,
            owner,
            user,
            sequence,
            kind,
            text,
            json.dumps(text) if kind == "answer" else None,
            json.dumps(about),
            b"words" if kind == "answer" else None,
        )
