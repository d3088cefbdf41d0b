"""The nouns of what is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Recalled:
    """An answer of another conversation."""

    message_id: str
    conversation_id: str
    value: Any
    answered_at: datetime
    fact: bytes | None
    words: bytes
    # Where it was found by likeness: the question that it answers, and how like it is, if a model has told.
    question: str = ""
    similarity: float | None = None

    @property
    def source(self) -> dict[str, Any]:
        """Where it comes from, as messages tell it."""
        like = {"question": self.question} if self.question else {}
        return {
            "kind": "recalled",
            "conversation_id": self.conversation_id,
            "message_id": self.message_id,
            "answered_at": self.answered_at.isoformat(),
            **like,
            **({} if self.similarity is None else {"similarity": self.similarity}),
        }


@dataclass(frozen=True, slots=True)
class Person:
    """Whose memory it is: what one user has said to one owner; and the conversation that goes on, if any does."""

    owner: str
    user_id: str
    conversation_id: str = ""


@dataclass(frozen=True)
class Asked:
    """A question as it is compared with others."""

    text: str
    answer_type: str
    options: Sequence[str]
    information: str

    def __hash__(self) -> int:
        return hash((self.text, self.answer_type, tuple(self.options)))

    @property
    def whole(self) -> bool:
        """Whether somebody wrote it as a whole question; the name of a field means another thing in each form."""
        return self.text.endswith("?") and self.information == self.text


@dataclass(frozen=True, slots=True)
class Earlier:
    """An answer to a question that is like the one that is asked."""

    recalled: Recalled
    asked: Asked
    # Whether it is the answer; else it is proposed.
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Similar:
    """Something that was said and is like what is said now."""

    kind: str
    conversation_id: str
    message_id: str
    content: str
    # Which it answers; empty where it is no answer.
    question: str
    at: datetime
    similarity: float | None = None


Remembering = Literal["meaning", "words"]


@dataclass(slots=True)
class Gathered:
    """What was looked up for one call."""

    # How: by words where the index is away, or where there is none.
    memory: Remembering = "meaning"
    answers: dict[Asked, Sequence[Earlier]] = field(default_factory=dict)
    similar: Sequence[Similar] = ()
    # What is not in `answers` is not looked up any more.
    complete: bool = False
