"""What is asked next, and what its answers do: the course of an interview."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.questioning import errors
from services.questioning.interviews import history, recall
from services.questioning.interviews.answering import Answering
from services.questioning.interviews.conversations import Conversations, opened, seen
from services.questioning.interviews.goals import EngineBeside, Engines
from services.questioning.interviews.store import conversations as store
from services.questioning.interviews.store import messages as messages_store
from services.questioning.interviews.writing import Writers, add
from services.questioning.metrics import QuestioningMetrics
from services.questioning.models import (
    Alternative,
    Batch,
    Candidate,
    Conversation,
    ConversationSpec,
    Goal,
    Message,
    NewMessage,
    Progress,
    Put,
    Recalled,
    Said,
    Spoken,
    Writing,
)

INITIAL_COUNT = 5
FOLLOW_UP_COUNT = 3
NUMBER_OF_ALTERNATIVES = 3
# Each answer that is recalled may open further questions that are recalled, so far.
MAX_RECALLS = 50
# Of what is told in the course of a conversation so much is kept as its context, characters.
MAX_CONTEXT = 200_000
# Questions to which "yes" is an answer of their own: nothing is proposed there, or yes would mean two things.
TAKES_YES = {"yes_no"}


class Interviews:
    """Asks, and takes answers, one conversation at a time under its lock."""

    def __init__(
        self,
        database: Database,
        conversations: Conversations,
        engines: Engines,
        writers: Writers,
        metrics: QuestioningMetrics,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._engines = engines
        self._writers = writers
        self._metrics = metrics

    async def begin(self, spec: ConversationSpec, viewer: Viewer, once: Once[Conversation, Answer]) -> Answer:
        """Begins a conversation; nothing is asked yet."""
        return await self._conversations.create(spec, self._writers.begun(spec), viewer, once)

    async def ask(
        self,
        conversation_id: str,
        spec: ConversationSpec,
        spoken: Sequence[Spoken],
        counts: Sequence[int],
        viewer: Viewer,
        once: Once[list[Batch], Answer],
        *,
        follow_up: bool,
    ) -> Answer:
        """Puts questions, a batch for each count; a later one has none of what an earlier one has.

        Args:
            conversation_id: which goes on; empty begins one.
            spec: the conversation to begin.
            spoken: what was said before; it answers what it can.
            counts: how many questions each batch has at most; 0: as many as is usual.
            viewer: who asks.
            once: what a retry finds.
            follow_up: whether the first batch is none, so that what was not put yet comes first.
        """
        started = time.perf_counter()
        sizes = [
            count or (FOLLOW_UP_COUNT if follow_up or place else INITIAL_COUNT) for place, count in enumerate(counts)
        ]
        writing = await self._writers.before_asking(
            conversation_id, spec, spoken, sum(sizes), viewer, once, follow_up=follow_up
        )

        async def ask(connection: Connection) -> list[Batch]:
            if conversation_id:
                conversation = await opened(connection, conversation_id, viewer)
                _require_same(conversation, spec)
                conversation = await add(connection, conversation, writing)
            else:
                written = writing.after if writing else self._writers.begun(spec)
                conversation = await self._conversations.begin(connection, spec, written, viewer)
            step = await self._step(connection, conversation)
            loose = await history.absorb(step.answering, spoken)
            known = _known_besides(conversation.context, [spec.context, *loose])
            if known != conversation.context or (conversation_id and spec.metadata):
                conversation = await store.extend(connection, UUID(conversation.id), known, spec.metadata)
                step = await self._step(connection, conversation)
            batches: list[Batch] = []
            seen_before: set[str] = set()
            for place, size in enumerate(sizes):
                batch = await step.put(size, seen_before, follow_up or place > 0)
                if place and not batch.questions:
                    break
                seen_before |= {each.candidate.id for each in batch.questions}
                batches.append(replace(batch, seconds=time.perf_counter() - started, writing=writing))
            self._metrics.asked(conversation.engine, batches)
            return batches

        return await once.run(self._database, ask)

    async def answer(
        self, conversation_id: str, said: Sequence[Said], count: int, viewer: Viewer, once: Once[Batch, Answer]
    ) -> Answer:
        """Takes answers, all or none of them, and asks on."""
        writing = await self._writers.before_answers(conversation_id, said, count, viewer, once)

        async def answer(connection: Connection) -> Batch:
            conversation = await add(connection, await opened(connection, conversation_id, viewer), writing)
            step = await self._step(connection, conversation)
            for place, each in enumerate(said):
                await step.answering.answer(each, f"answers[{place}].answer")
            return await self._asked_on(step, count, said, writing)

        return await once.run(self._database, answer)

    async def revise(
        self, conversation_id: str, said: Said, count: int, viewer: Viewer, once: Once[Batch, Answer]
    ) -> Answer:
        """Puts another answer in the place of one, and asks on."""
        writing = await self._writers.before_answers(conversation_id, [said], count, viewer, once)

        async def revise(connection: Connection) -> Batch:
            conversation = await add(connection, await opened(connection, conversation_id, viewer), writing)
            step = await self._step(connection, conversation)
            await step.answering.revise(said, "answer.answer")
            return await self._asked_on(step, count, [said], writing)

        return await once.run(self._database, revise)

    async def explain(
        self, conversation_id: str, question_id: str, viewer: Viewer
    ) -> tuple[Message, Message | None, int]:
        """A question as it was put last, the answer that stands, and how often it was put."""
        async with self._database.connection() as connection:
            conversation = await seen(connection, conversation_id, viewer)
            named = UUID(conversation.id)
            put = (await messages_store.put(connection, named)).get(question_id)
            if put is None:
                raise errors.question_not_found(question_id)
            standing = await messages_store.standing(connection, named)
            times = await messages_store.times_put(connection, named, question_id)
        return put, standing.get(question_id), times

    async def _step(self, connection: Connection, conversation: Conversation) -> "Step":
        engine = await self._engines.of(conversation.goal, conversation.context, conversation.written)
        answering = Answering(connection, conversation, engine)
        await answering.load()
        return Step(connection, conversation, engine, answering)

    async def _asked_on(self, step: "Step", count: int, said: Sequence[Said], writing: Writing | None) -> Batch:
        was_open = step.conversation.status == "open"
        batch = replace(await step.put(count, set(), later=False), writing=writing)
        done = was_open and batch.conversation.status == "done"
        self._metrics.answered(step.conversation.engine, len(said), batch, done=done)
        return batch


class Step:
    """One step of a conversation: recall what is known, find what is worth asking, put it."""

    def __init__(
        self, connection: Connection, conversation: Conversation, engine: EngineBeside, answering: Answering
    ) -> None:
        self._connection = connection
        self.conversation = conversation
        self._engine = engine
        self.answering = answering

    async def put(self, count: int, left_out: set[str], later: bool) -> Batch:
        """Puts up to so many questions, and writes down where the conversation stands.

        Args:
            count: how many at most.
            left_out: which not, by their ids.
            later: whether what was not put yet comes before what waits for its answer.
        """
        progress, recalled, remembered = await self._recall()
        known = self.answering.known
        open_ones = [each for each in progress.candidates if each.id not in left_out]
        if later:
            open_ones.sort(key=lambda each: self._waits(each, progress))
        chosen = open_ones[:count]
        new = [
            self._proposing(candidate, await remembered.proposed(candidate, self._engine, known))
            for candidate in chosen
            if not self._waits(candidate, progress)
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
        return Batch(self.conversation, put, later, len(messages), recalled)

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

    def _waits(self, candidate: Candidate, progress: Progress) -> bool:
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


def _require_same(conversation: Conversation, spec: ConversationSpec) -> None:
    """Refuses what would change a conversation that goes on."""
    if spec.goal != Goal() or spec.engine or spec.bank_name:
        raise invalid_field("goal", "is that of the conversation and cannot be changed; begin another")
    if spec.session_id not in {"", conversation.session_id}:
        raise invalid_field("session_id", "is not the session of the conversation")
    if spec.user_id not in {"", conversation.user_id}:
        raise invalid_field("user_id", "is not the user of the conversation")


def _known_besides(context: str, told: Sequence[str]) -> str:
    """The context with what was told besides, as long as there is room."""
    for each in told:
        if each and each not in context and len(context) + len(each) < MAX_CONTEXT:
            context = f"{context}\n{each}" if context else each
    return context


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
