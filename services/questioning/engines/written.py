"""The engine for questions that were written for one conversation: it puts them in order, and reads their answers.

Whoever writes them does so elsewhere, so this is as pure as the others: what was written is a part of what it is given.
"""

from typing import Any

from services.questioning.engines import values
from services.questioning.engines.engine import Answers, UnknownQuestionError
from services.questioning.models import Candidate, Known, Progress, Written

# One conversation has no more; whatever a model says, it ends.
MAX_WRITTEN = 60
FREE_BYTES = 1_000
REASONS = {
    "llm": "A language model wrote it for this conversation.",
    "topics": "The language model had nothing to say, and this is asked about any undertaking.",
}


class WrittenQuestions:
    """Asks what was written and not answered yet."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._by_id = {question.id: question for question in written.questions}

    @property
    def memory_bytes(self) -> int:
        """About what it takes."""
        return FREE_BYTES + sum(len(each.text) + len(each.information) for each in self._written.questions)

    def advance(self, answers: Answers) -> Progress:
        """What is known, and what to ask next."""
        waiting = [question for question in self._written.questions if question.id not in answers]
        total = len(self._written.questions)
        full = total >= MAX_WRITTEN
        more = self._written.more and not full
        result: dict[str, Any] = {
            name: {"question": self._by_id[name].text, "value": known.value, "source": "answer"}
            for name, known in answers.items()
            if known.valued and name in self._by_id
        }
        return Progress(
            [
                Candidate(
                    question.id,
                    question.text,
                    question.answer_type,
                    question.options,
                    question.importance,
                    question.information,
                    round(1 - place / len(waiting), 3),
                    REASONS[question.origin],
                )
                for place, question in enumerate(waiting)
            ],
            "" if waiting or more else ("budget" if full else "covered"),
            result,
            # Of what is not written yet there is one at least.
            len(waiting) + (max(self._written.estimated - total, 1) if more else 0),
            missing=[name for name, known in answers.items() if not known.valued],
        )

    def read(self, question_id: str, said: Any, answers: Answers) -> Known:  # noqa: ARG002 - as every engine has it
        """What an answer says."""
        question = self._by_id.get(question_id)
        if question is None:
            raise UnknownQuestionError(question_id)
        return values.read(said, question.answer_type, question.options)
