"""What the same user answered before: when it counts as an answer, and when it is only proposed as one.

Two questions are the same where somebody wrote them as whole questions in the same words, or where they are one field
of one schema, and the answer has the same form. Words in common prove nothing: what fits less well is proposed, and
the user confirms it.
"""

import hashlib
from collections.abc import Iterable, Sequence

from servicekit.postgres import Connection
from services.questioning.engines.engine import Answers, UnfitAnswerError, UnknownQuestionError
from services.questioning.interviews.goals import EngineBeside
from services.questioning.interviews.store import messages as store
from services.questioning.memory.models import Recalled
from services.questioning.models import Candidate, Conversation

# Questions whose earlier answers are looked for at a time.
MAX_LOOKED_FOR = 200


def fact_of(candidate: Candidate) -> bytes | None:
    """What an answer to it is a fact of; None where it must not answer anything else."""
    return _digest(candidate.fact) if candidate.fact else None


def words_of(candidate: Candidate) -> bytes | None:
    """The words of the question, to which an answer may be proposed again."""
    return _digest(" ".join(candidate.text.casefold().split())) if candidate.recalled else None


class Remembered:
    """What there is to recall for a number of questions."""

    def __init__(self, found: Iterable[Recalled]) -> None:
        self._facts: dict[bytes, Recalled] = {}
        self._words: dict[bytes, Recalled] = {}
        # Newest first: the newest counts.
        for each in found:
            if each.fact is not None:
                self._facts.setdefault(each.fact, each)
            self._words.setdefault(each.words, each)

    def certain(self, candidate: Candidate) -> Recalled | None:
        """The answer that the question has, as sure as if it had been asked again."""
        fact = fact_of(candidate)
        return self._facts.get(fact) if fact else None

    def knows(self, candidate: Candidate) -> bool:
        """Whether the very question was answered before, so that none that is only like it need be looked for."""
        return words_of(candidate) in self._words

    async def proposed(self, candidate: Candidate, engine: EngineBeside, answers: Answers) -> Recalled | None:
        """What may be proposed as the answer, because it was one to the same words and would fit."""
        words = words_of(candidate)
        found = self._words.get(words) if words else None
        return found if found is not None and await fits(candidate, found, engine, answers) else None


async def fits(candidate: Candidate, found: Recalled, engine: EngineBeside, answers: Answers) -> bool:
    """Whether an earlier answer is one to this question, too, and says the same there."""
    try:
        read = await engine.read(candidate.id, found.value, answers)
    except (UnfitAnswerError, UnknownQuestionError):
        return False
    return bool(read.value == found.value)


async def remembered(connection: Connection, conversation: Conversation, candidates: Sequence[Candidate]) -> Remembered:
    """Looks for earlier answers; finds none where the conversation is not to recall any."""
    looked_for = [each for each in candidates[:MAX_LOOKED_FOR] if each.recalled]
    if not (conversation.goal.recall and looked_for):
        return Remembered(())
    facts = [fact for each in looked_for if (fact := fact_of(each)) is not None]
    words = [digest for each in looked_for if (digest := words_of(each)) is not None]
    return Remembered(await store.recalled(connection, conversation, facts, words))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
