"""One step of a conversation: what is recalled, what is worth asking, what is put."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from servicekit.postgres import Connection
from services.questioning.interviews import likeness, recall
from services.questioning.interviews.answering import Answering
from services.questioning.interviews.goals import EngineBeside
from services.questioning.interviews.store import conversations as store
from services.questioning.memory.models import Gathered, Recalled
from services.questioning.models import Alternative, Batch, Candidate, Conversation, Message, NewMessage, Progress, Put

NUMBER_OF_ALTERNATIVES = 3
# Each answer that is recalled may open further questions that are recalled, so far.
MAX_RECALLS = 50
# Questions to which "yes" is an answer of their own: nothing is proposed there, or yes would mean two things.
TAKES_YES = {"yes_no"}


class Step:
    """One step of a conversation: recall what is known, find what is worth asking, put it."""

    def __init__(
        self,
        connection: Connection,
        conversation: Conversation,
        engine: EngineBeside,
        answering: Answering,
        gathered: Gathered,
    ) -> None:
        self._connection = connection
        self.conversation = conversation
        self._engine = engine
        self.answering = answering
        self._gathered = gathered

    async def put(self, count: int, left_out: set[str], later: bool) -> Batch:
        """Puts up to so many questions, and writes down where the conversation stands.

        Args:
            count: how many at most.
            left_out: which not, by their ids.
            later: whether what was not put yet comes before what waits for its answer.
        """
        recalled: list[Recalled] = []
        # Bounded by what recalls have room for: each round takes one answer at least.
        while True:
            progress, taken, remembered = await self._recall()
            recalled += taken
            open_ones = [each for each in progress.candidates if each.id not in left_out]
            if later:
                open_ones.sort(key=partial(self._waits, progress))
            chosen = open_ones[:count]
            anew = [each for each in chosen if not self._waits(progress, each)]
            like = likeness.of(self.conversation, remembered, anew, self._gathered)
            certain = [
                (each, found) for each in anew if (found := like.certain(each)) and each.id not in progress.invalid
            ]
            taken = [found for each, found in certain if await self._took(each, found)]
            recalled += taken
            if not taken or len(recalled) > MAX_RECALLS:
                break
        known = self.answering.known
        new = [
            self._proposing(
                each,
                await remembered.proposed(each, self._engine, known) or await like.proposed(each, self._engine, known),
            )
            for each in anew
        ]
        asked_before = self.conversation.questions_asked
        messages = [
            _question(candidate, asked_before + place, _alternatives(candidate, progress), source)
            for place, (candidate, source) in enumerate(new, start=1)
        ]
        await self.answering.put_all(messages)
        self.conversation = await store.record_progress(
            self._connection, UUID(self.conversation.id), progress, len(messages)
        )
        put = [_put(self.answering.put[each.id], each) for each in chosen]
        looked = self._gathered.similar or self._gathered.answers
        memory = self._gathered.memory if looked else ""
        return Batch(self.conversation, put, later, len(messages), recalled, self._gathered.similar, memory)

    async def _recall(self) -> tuple[Progress, list[Recalled], recall.Remembered]:
        """Takes what is certain from other conversations, until nothing more is."""
        taken: list[Recalled] = []
        for _ in range(MAX_RECALLS):
            progress = await self._engine.advance(self.answering.known)
            remembered = await recall.remembered(self._connection, self.conversation, progress.candidates)
            certain = [
                (candidate, found)
                for candidate in progress.candidates
                if candidate.id not in progress.invalid
                and candidate.id not in self.answering.known
                and (found := remembered.certain(candidate)) is not None
            ]
            if not certain:
                break
            for candidate, found in certain:
                await self.answering.take_recalled(candidate, found)
                taken.append(found)
        return progress, taken, remembered

    async def _took(self, candidate: Candidate, found: Recalled) -> bool:
        """Takes an answer to a question that is like this one, if it fits this one, too."""
        if not await recall.fits(candidate, found, self._engine, self.answering.known):
            return False
        await self.answering.take_recalled(candidate, found)
        return True

    def _waits(self, progress: Progress, candidate: Candidate) -> bool:
        """Whether a question was put and still waits for its answer."""
        put = self.answering.put.get(candidate.id)
        return put is not None and candidate.id not in self.answering.known and candidate.id not in progress.invalid

    def _proposing(self, candidate: Candidate, found: Recalled | None) -> tuple[Candidate, dict[str, Any] | None]:
        """The question with what is proposed as its answer, and where that comes from."""
        if candidate.answer_type in TAKES_YES or {"yes", "no"} & {each.casefold() for each in candidate.options}:
            return replace(candidate, suggestion=None), None
        if found is not None:
            return replace(candidate, suggestion=found.value), found.source
        return candidate, None if candidate.suggestion is None else {"kind": "default"}


def _question(
    candidate: Candidate, number: int, alternatives: Sequence[Alternative], source: dict[str, Any] | None
) -> NewMessage:
    return NewMessage(
        "question",
        candidate.text,
        candidate.id,
        value=candidate.suggestion,
        source=source,
        metadata={
            "number": number,
            "answer_type": candidate.answer_type,
            "options": list(candidate.options),
            "importance": candidate.importance,
            "information_to_look_for": candidate.information,
            "reason": candidate.reason,
            "score": candidate.score,
            "alternatives": [{"question_id": each.id, "score": each.score} for each in alternatives],
        },
    )


def _alternatives(candidate: Candidate, progress: Progress) -> list[Alternative]:
    others = [Alternative(each.id, each.score) for each in progress.candidates if each.id != candidate.id]
    return others[:NUMBER_OF_ALTERNATIVES]


def _put(message: Message, candidate: Candidate) -> Put:
    """A question as it was put, so that one that is put again is the same."""
    told = message.metadata
    return Put(
        told["number"],
        replace(
            candidate,
            text=message.content,
            score=told["score"],
            reason=told["reason"],
            suggestion=message.value,
        ),
        [Alternative(each["question_id"], each["score"]) for each in told["alternatives"]],
        message.source,
    )
