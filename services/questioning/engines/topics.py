"""The engine for a context without a goal: what one asks about any undertaking, less what the context says already."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from services.questioning.engines import values
from services.questioning.engines.engine import Answers, UnknownQuestionError
from services.questioning.models import Candidate, Known, Progress

FILE = Path(__file__).parent / "topics.yaml"
# Of a context so much is looked at.
MAX_CONTEXT = 100_000
MAX_TOPIC_WORDS = 8
FREE_BYTES = 1_000
WORDS = re.compile(r"[^\W_][\w'\N{RIGHT SINGLE QUOTATION MARK}-]*")
ABSENT = re.compile(r"\b(?:no|not|without|unknown|unclear)\b", re.IGNORECASE)
# What stands at the beginning of what people want.
WANTED = re.compile(
    r"\b(?:wants?|needs?|plans?|planning|trying|like|going|help (?:me|us)) (?:to |with )?([^.,;:!?\n]{3,120})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to ask about."""

    id: str
    text: str
    importance: str
    information: str
    told: Sequence[re.Pattern[str]]


class Topics:
    """Asks about what the context leaves open, in a fixed order."""

    def __init__(self, context: str) -> None:
        looked_at = context[:MAX_CONTEXT]
        self._name = topic_of(looked_at)
        self._told = {topic.id: said for topic in topics() if (said := _told(topic, looked_at))}

    @property
    def memory_bytes(self) -> int:
        """About what it takes."""
        return FREE_BYTES + sum(map(len, self._told.values()))

    def advance(self, answers: Answers) -> Progress:
        """What is known, and what to ask next."""
        waiting = [topic for topic in topics() if topic.id not in answers and topic.id not in self._told]
        result: dict[str, Any] = {name: {"value": said, "source": "context"} for name, said in self._told.items()}
        result |= {name: {"value": known.value, "source": "answer"} for name, known in answers.items() if known.valued}
        total = len(topics())
        reason = f"{len(waiting)} of {total} subjects are open, and this is the first of them that matters."
        return Progress(
            [
                Candidate(
                    topic.id,
                    topic.text.format(topic=self._name),
                    importance=topic.importance,
                    information=topic.information,
                    score=round(1 - topics().index(topic) / total, 3),
                    reason=reason,
                )
                for topic in waiting
            ],
            "" if waiting else "covered",
            result,
            len(waiting),
            missing=[name for name, known in answers.items() if not known.valued],
        )

    def read(self, question_id: str, said: Any, answers: Answers) -> Known:  # noqa: ARG002 - as every engine has it
        """What an answer says."""
        if question_id not in {topic.id for topic in topics()}:
            raise UnknownQuestionError(question_id)
        return values.read(said, "text")


@cache
def topics() -> tuple[Topic, ...]:
    """The built-in subjects."""
    return tuple(
        Topic(
            each["id"],
            each["text"],
            each["importance"],
            each["information"],
            tuple(re.compile(pattern, re.IGNORECASE) for pattern in each["told"]),
        )
        for each in _file()["topics"]
    )


@cache
def _file() -> Any:
    return yaml.safe_load(FILE.read_text())


@cache
def _small_words() -> frozenset[str]:
    return frozenset(_file()["small_words"].split())


def topic_of(context: str) -> str:
    """What a text is about, in its own words: what somebody wants, else what is said first; `this` of none."""
    small = _small_words()
    wanted = WANTED.search(context)
    words = WORDS.findall(wanted[1] if wanted else context[:400].partition("\n")[0])
    while words and words[0].casefold() in small:
        words.pop(0)
    kept = words[:MAX_TOPIC_WORDS]
    while kept and kept[-1].casefold() in small:
        kept.pop()
    return " ".join(kept) or "this"


def _told(topic: Topic, context: str) -> str:
    """The sentence of the context that says it; empty where none does."""
    for sentence in re.split(r"(?<=[.!?])\s+|\n+", context):
        # A question, and what is said of something that is not there, tell nothing.
        if sentence.rstrip().endswith("?") or ABSENT.search(sentence):
            continue
        if any(pattern.search(sentence) for pattern in topic.told):
            return sentence.strip()
    return ""
