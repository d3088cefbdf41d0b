"""What was said before, as chat models have it: what answers a question, and what is only kept."""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from servicekit.errors import ServiceError
from services.questioning.engines import values
from services.questioning.interviews.answering import Answering
from services.questioning.models import Message, NewMessage, Said, Spoken

# "1. Yes. 2) Next week": one answer a number; and what stands before a question that has one.
LABEL = re.compile(r"(\d{1,3})[.)]\s+\Z")
NUMBERED = re.compile(r"(?:^|\n|\s)(\d{1,3})[.)]\s+")


async def absorb(answering: Answering, spoken: Sequence[Spoken]) -> list[str]:
    """Takes in what was said and was not taken in before; returns what a user said to no question in particular."""
    before = await answering.absorbed()
    loose: list[str] = []
    addressed: list[Asked] = []
    for previous, each in zip((None, *spoken), spoken, strict=False):
        digest = _digest(previous, each)
        if each.role == "assistant":
            addressed = await _asked(answering, each.content)
        if digest in before:
            continue
        before.add(digest)
        if each.role == "user":
            answers = answers_in(each.content, addressed or _waiting(answering))
            taken = [await _taken(answering, answer) for answer in answers]
            if not any(taken):
                loose.append(each.content)
        await answering.note(NewMessage("system", each.content, metadata=_told(each, digest)))
    return loose


class Asked(NamedTuple):
    """A question that somebody has put."""

    # By which it may be answered.
    number: int
    question_id: str


async def _asked(answering: Answering, content: str) -> list[Asked]:
    """The questions in what an assistant said: those that were put here, else those that would be.

    Whoever sends the whole talk each time, and no id, has had them put in another conversation.
    """
    put = [message for message in answering.waiting if message.content in content]
    if put:
        return _of(put)
    found = [(content.find(each.text), each) for each in await answering.candidates() if each.text in content]
    return [
        Asked(int(number[1]) if (number := LABEL.search(content[:at])) else place, each.id)
        for place, (at, each) in enumerate(sorted(found, key=lambda pair: pair[0]), start=1)
    ]


def _waiting(answering: Answering) -> list[Asked]:
    return _of(answering.waiting)


def _of(messages: Sequence[Message]) -> list[Asked]:
    return [Asked(message.metadata["number"], message.question_id) for message in messages]


def answers_in(content: str, asked: Sequence[Asked]) -> list[Said]:
    """Which of the questions a text answers: the only one there is, or those whose numbers it names."""
    if values.is_blank(content):
        return []
    by_number = {each.number: each.question_id for each in asked}
    parts = NUMBERED.split(content)
    numbered = [(int(number), text.strip()) for number, text in zip(parts[1::2], parts[2::2], strict=True)]
    if len(asked) > 1 and numbered and not parts[0].strip():
        return [Said(by_number[number], text) for number, text in numbered if number in by_number and text]
    return [Said(asked[0].question_id, content)] if len(asked) == 1 else []


async def _taken(answering: Answering, answer: Said) -> bool:
    """Takes an answer if it is one: what somebody said in talk is kept in any case."""
    try:
        await answering.answer(answer, "previous_messages")
    except ServiceError:
        return False
    return True


def _told(spoken: Spoken, digest: str) -> dict[str, str]:
    return {"spoken": digest, "role": spoken.role} | ({"timestamp": spoken.timestamp} if spoken.timestamp else {})


def _digest(previous: Spoken | None, spoken: Spoken) -> str:
    """Of what was said and of what that followed: "yes" is said more than once."""
    before = previous.content if previous else ""
    return hashlib.sha256(orjson.dumps([before, spoken.role, spoken.content, spoken.timestamp])).hexdigest()[:32]
