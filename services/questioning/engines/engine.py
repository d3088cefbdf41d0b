"""The one interface of all engines."""

from collections.abc import Mapping
from typing import Any, Protocol

from services.questioning.models import Known, Progress

Answers = Mapping[str, Known]


class UnfitAnswerError(ValueError):
    """An answer that the question cannot take; the message is for whoever answers."""


class UnknownQuestionError(LookupError):
    """There is no such question, or not with what is known by now."""


class Engine(Protocol):
    """Pure: the same goal and the same answers give the same questions, wherever and whenever it is asked."""

    @property
    def memory_bytes(self) -> int:
        """About what it takes at most."""

    def advance(self, answers: Answers) -> Progress:
        """What is known, and what to ask next."""

    def read(self, question_id: str, said: Any, answers: Answers) -> Known:
        """What an answer says.

        Args:
            question_id: which question.
            said: text as people write it, or a JSON value.
            answers: what was answered before.

        Raises:
            UnfitAnswerError: it is none to this question.
            UnknownQuestionError: the question is none of this goal's.
        """
