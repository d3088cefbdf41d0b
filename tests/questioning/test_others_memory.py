"""What one owner's users have said is recalled for nobody else, whatever they call their own users."""

import json
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from qmcp.questioning.v1 import questioning_service_pb2 as pb

from tests.contract.callers import everybody
from tests.contract.running import Running
from tests.questioning.subject import SUBJECT
from tests.stack import Server

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
