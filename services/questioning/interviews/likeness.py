"""What the memory knows of questions that are about to be put: what answers them, and what is only proposed."""

from collections.abc import Sequence

from services.questioning.engines.engine import Answers
from services.questioning.interviews import recall
from services.questioning.interviews.goals import EngineBeside
from services.questioning.interviews.recall import Remembered
from services.questioning.memory.models import Asked, Earlier, Gathered, Person, Recalled
from services.questioning.models import Candidate, Conversation


class NotLookedUpError(Exception):
    """The memory was not asked about these questions yet, and must not be within a transaction."""

    def __init__(self, person: Person, questions: Sequence[Asked]) -> None:
        super().__init__(f"{len(questions)} questions are to be looked up")
        self.person = person
        self.questions = questions


class Like:
    """Earlier answers to questions that are like these."""

    def __init__(self, found: dict[str, Sequence[Earlier]]) -> None:
        self._found = found

    def certain(self, candidate: Candidate) -> Recalled | None:
        """The answer that the question has."""
        found = self._found.get(candidate.id, ())
        return next((each.recalled for each in found if each.answers and candidate.fact), None)

    async def proposed(self, candidate: Candidate, engine: EngineBeside, answers: Answers) -> Recalled | None:
        """What may be proposed as the answer: the one to the question most like it that would fit."""
        for each in self._found.get(candidate.id, ()):
            if await recall.fits(candidate, each.recalled, engine, answers):
                return each.recalled
        return None


def of(conversation: Conversation, remembered: Remembered, candidates: Sequence[Candidate], gathered: Gathered) -> Like:
    """What was gathered for these questions.

    Raises:
        NotLookedUpError: for some of them nothing was gathered yet.
    """
    if not conversation.goal.recall:
        return Like({})
    asked = {each.id: _asked(each) for each in candidates if each.recalled and not remembered.knows(each)}
    missing = [each for each in dict.fromkeys(asked.values()) if each not in gathered.answers]
    if missing and not gathered.complete:
        raise NotLookedUpError(Person(conversation.owner, conversation.user_id, conversation.id), missing)
    return Like({name: gathered.answers.get(each, ()) for name, each in asked.items()})


def _asked(candidate: Candidate) -> Asked:
    return Asked(candidate.text, candidate.answer_type, tuple(candidate.options), candidate.information)
