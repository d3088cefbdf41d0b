"""Exports over the wire: all that was said, whole, in its order, of whoever asks for it."""

import json
from typing import Any

import pytest
from qmcp.questioning.v1 import questioning_service_pb2 as pb

from tests.questioning.forms import SAID, SUPPLIER
from tests.questioning.service import Replica

in_one_loop = pytest.mark.asyncio(loop_scope="module")


async def exported(replica: Replica, **wanted: str) -> list[dict[str, Any]]:
    stream = replica.stub.ExportConversations(pb.ExportConversationsRequest(**wanted))
    text = b"".join([chunk.data async for chunk in stream])
    return [json.loads(line) for line in text.splitlines()]


def named(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(kind, row["id"]) for line in lines for kind, row in line.items() if isinstance(row, dict)]


@in_one_loop
async def test_an_export_has_every_session_conversation_and_message_in_its_order(shared: Replica) -> None:
    first = await shared.begin({"schema": SUPPLIER}, user_id="exported", context="long " * 20_000)
    await shared.answer(first, "/country", SAID["/country"])
    # More than a page holds.
    talk = [{"role": "system", "content": f"{number} " + "x" * 19_000} for number in range(150)]
    await shared.call("GenerateFollowUps", conversation_id=first, previous_messages=talk)
    second = await shared.begin(user_id="exported")
    other = await shared.begin(user_id="somebody else")
    lines = await exported(shared, user_id="exported")
    session = (await shared.call("GetConversation", id=first))["session_id"]
    said = [each["id"] for each in await all_messages(shared, first)]
    assert len(said) > 150
    wanted = [("session", session), ("conversation", first), *(("message", each) for each in said)]
    assert named(lines) == [*wanted, ("conversation", second)]
    assert lines[-1] == {"done": True, "count": 2}
    assert lines[1]["conversation"]["goal"]["schema"] == SUPPLIER
    assert lines[1]["conversation"]["context"] == "long " * 20_000
    # By whatever is asked for.
    assert named(await exported(shared, conversation_id=second)) == [("session", session), ("conversation", second)]
    assert named(await exported(shared, session_id=session)) == named(lines)
    assert other in {name for _, name in named(await exported(shared))}
    for nothing in ({"session_id": "x"}, {"conversation_id": other, "user_id": "exported"}):
        assert await exported(shared, **nothing) == [{"done": True, "count": 0}]
    # What is deleted leaves with nothing.
    await shared.call("DeleteSession", id=session)
    assert await exported(shared, user_id="exported") == [{"done": True, "count": 0}]


async def all_messages(replica: Replica, conversation: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await replica.call("ListMessages", conversation_id=conversation, page_size=500, page_token=token)
        found += page["messages"]
        token = page.get("next_page_token", "")
        if not token:
            return found
