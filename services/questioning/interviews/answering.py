"""What an answer says, and what becomes of one that stands already."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import orjson

from servicekit.postgres import Connection
from services.questioning import errors
from services.questioning.engines import values
from services.questioning.engines.engine import UnfitAnswerError, UnknownQuestionError
from services.questioning.interviews import recall
from services.questioning.interviews.goals import EngineBeside
from services.questioning.interviews.store import messages as store
from services.questioning.memory.models import Recalled
from services.questioning.models import AnswerState, Candidate, Conversation, Known, Message, NewMessage, Said

# An answer to whatever is a question.
NO_VALUE = "I don't know"


class Answering:
    """The answers of one conversation, whose lock the caller holds."""

    def __init__(self, connection: Connection, conversation: Conversation, engine: EngineBeside) -> None:
        self._connection = connection
        self._conversation = conversation
        self._engine = engine
        self._standing: dict[str, Message] = {}
        self._put: dict[str, Message] = {}

    async def load(self) -> None:
        """Reads what was asked and answered so far."""
        conversation_id = UUID(self._conversation.id)
        self._standing = await store.standing(self._connection, conversation_id)
        self._put = await store.put(self._connection, conversation_id)

    @property
    def known(self) -> dict[str, Known]:
        """The answers that stand, as engines take them."""
        return store.known(self._standing)

    @property
    def put(self) -> Mapping[str, Message]:
        """The questions that were put, each as it was last."""
        return self._put

    @property
    def waiting(self) -> list[Message]:
        """The questions that were put and wait for their answers, in the order in which they were put."""
        return [message for name, message in self._put.items() if name not in self._standing]

    async def candidates(self) -> Sequence[Candidate]:
        """The questions that may be put with what is known."""
        return (await self._engine.advance(self.known)).candidates

    async def absorbed(self) -> set[str]:
        """The digests of what was taken in of earlier talk."""
        return await store.absorbed(self._connection, UUID(self._conversation.id))

    async def put_all(self, questions: list[NewMessage]) -> None:
        """Puts questions that were not put yet, or anew."""
        for message in await store.insert(self._connection, self._conversation, questions):
            self._put[message.question_id] = message

    async def answer(self, said: Said, field: str) -> None:
        """Takes an answer to a question that has none.

        The same answer again changes nothing; a blank one leaves what stands.

        Raises:
            ServiceError: QUESTION_NOT_FOUND, ANSWER_INVALID, ALREADY_ANSWERED.
        """
        known = await self._read(said, field)
        standing = self._standing.get(said.question_id)
        # An answer that holds no longer is asked for again, and may be another then.
        if standing is not None and said.question_id not in (await self._engine.advance(self.known)).invalid:
            if known is not None and not _same(known, Known(cast("AnswerState", standing.state), standing.value)):
                raise errors.already_answered(said.question_id)
            return
        await self._take(said, known, field)

    async def revise(self, said: Said, field: str) -> None:
        """Puts another answer in the place of the one that stands; a blank one changes nothing.

        Raises:
            ServiceError: QUESTION_NOT_FOUND (also where there is nothing to revise), ANSWER_INVALID.
        """
        if said.question_id not in self._standing:
            raise errors.question_not_found(said.question_id)
        known = await self._read(said, field)
        if known is not None:
            await self._take(said, known, field)

    async def take_recalled(self, candidate: Candidate, found: Recalled) -> None:
        """Takes an answer of another conversation."""
        message = NewMessage(
            "answer", _words(found.value), candidate.id, "given", found.value, found.source,
            fact=recall.fact_of(candidate), words=recall.words_of(candidate),
        )  # fmt: skip
        await self._insert(message)

    async def note(self, message: NewMessage) -> None:
        """Keeps what was said and answers nothing."""
        await store.insert(self._connection, self._conversation, [message])

    async def _take(self, said: Said, known: Known | None, field: str) -> None:
        if known is None:
            raise errors.answer_invalid(field, said.question_id, "is blank; say `unknown` or `declined` as its state")
        before = self._standing.get(said.question_id)
        candidate = await self._candidate(said.question_id)
        message = NewMessage(
            "answer",
            _words(said.answer) if said.answer is not None else said.state,
            said.question_id,
            known.state,
            known.value if known.valued else None,
            revises=before.id if before else "",
            fact=recall.fact_of(candidate) if candidate and known.valued else None,
            words=recall.words_of(candidate) if candidate and known.valued else None,
        )
        if before is not None:
            await store.mark_revised(self._connection, UUID(before.id))
        await self._insert(message)

    async def _insert(self, message: NewMessage) -> None:
        [inserted] = await store.insert(self._connection, self._conversation, [message])
        self._standing[message.question_id] = inserted

    async def _read(self, said: Said, field: str) -> Known | None:
        """What an answer says; None for a blank one."""
        # The question must be one before its own answer is looked at: what stands may have closed the way to it.
        others = {name: known for name, known in self.known.items() if name != said.question_id}
        put = self._put.get(said.question_id)
        proposed = put.value if put else None
        try:
            if proposed is not None and (said.state == "confirmed" or values.agrees(said.answer)):
                return Known("confirmed", (await self._engine.read(said.question_id, proposed, others)).value)
            if said.state == "confirmed":
                raise errors.answer_invalid(field, said.question_id, "cannot be confirmed: nothing was proposed")
            if said.state:
                await self._require_question(said.question_id, others)
                return Known(cast("AnswerState", said.state))
            if values.is_blank(said.answer):
                await self._require_question(said.question_id, others)
                return None
            return await self._engine.read(said.question_id, said.answer, others)
        except UnfitAnswerError as error:
            raise errors.answer_invalid(field, said.question_id, str(error)) from None
        except UnknownQuestionError:
            raise errors.question_not_found(said.question_id) from None

    async def _require_question(self, question_id: str, others: Mapping[str, Known]) -> None:
        # Not whether it would be asked next: whoever knows better may say so of any question.
        await self._engine.read(question_id, NO_VALUE, others)

    async def _candidate(self, question_id: str) -> Candidate | None:
        """The question as the engine would put it without its answer."""
        others = {name: known for name, known in self.known.items() if name != question_id}
        candidates = (await self._engine.advance(others)).candidates
        return next((each for each in candidates if each.id == question_id), None)


def _same(one: Known, other: Known) -> bool:
    """Whether two answers say the same; an answer that was agreed to says what it would if it had been given."""
    return one.value == other.value if one.valued and other.valued else one.state == other.state


def _words(answer: Any) -> str:
    return answer if isinstance(answer, str) else orjson.dumps(answer).decode()
