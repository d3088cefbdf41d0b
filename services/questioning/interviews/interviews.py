"""What is asked next, and what its answers do: the course of an interview."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.questioning import errors
from services.questioning.interviews import history
from services.questioning.interviews.answering import Answering
from services.questioning.interviews.conversations import Conversations, opened, seen
from services.questioning.interviews.goals import Engines
from services.questioning.interviews.likeness import NotLookedUpError
from services.questioning.interviews.step import Step
from services.questioning.interviews.store import conversations as store
from services.questioning.interviews.store import messages as messages_store
from services.questioning.interviews.writing import Writers, add
from services.questioning.memory.memory import Memory
from services.questioning.memory.models import Gathered
from services.questioning.metrics import QuestioningMetrics
from services.questioning.models import Batch, Conversation, ConversationSpec, Goal, Message, Said, Spoken, Writing

Result = TypeVar("Result")

INITIAL_COUNT = 5
FOLLOW_UP_COUNT = 3
# How often the memory is asked in one call: what it answers may open questions that it is asked about in turn.
MAX_LOOKS = 5
# Of what is told in the course of a conversation so much is kept as its context, characters.
MAX_CONTEXT = 200_000


class Interviews:
    """Asks, and takes answers, one conversation at a time under its lock."""

    def __init__(
        self,
        database: Database,
        conversations: Conversations,
        engines: Engines,
        writers: Writers,
        memory: Memory,
        metrics: QuestioningMetrics,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._engines = engines
        self._writers = writers
        self._memory = memory
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
        gathered = await self._similar(conversation_id, spec, spoken, viewer)

        async def ask(connection: Connection) -> list[Batch]:
            if conversation_id:
                conversation = await opened(connection, conversation_id, viewer)
                _require_same(conversation, spec)
                conversation = await add(connection, conversation, writing)
            else:
                written = writing.after if writing else self._writers.begun(spec)
                conversation = await self._conversations.begin(connection, spec, written, viewer)
            step = await self._step(connection, conversation, gathered)
            loose = await history.absorb(step.answering, spoken)
            known = _known_besides(conversation.context, [spec.context, *loose])
            if known != conversation.context or (conversation_id and spec.metadata):
                conversation = await store.extend(connection, UUID(conversation.id), known, spec.metadata)
                step = await self._step(connection, conversation, gathered)
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

        return await self._remembering(gathered, once, ask)

    async def answer(
        self, conversation_id: str, said: Sequence[Said], count: int, viewer: Viewer, once: Once[Batch, Answer]
    ) -> Answer:
        """Takes answers, all or none of them, and asks on."""
        writing = await self._writers.before_answers(conversation_id, said, count, viewer, once)
        gathered = Gathered()

        async def answer(connection: Connection) -> Batch:
            conversation = await add(connection, await opened(connection, conversation_id, viewer), writing)
            step = await self._step(connection, conversation, gathered)
            for place, each in enumerate(said):
                await step.answering.answer(each, f"answers[{place}].answer")
            return await self._asked_on(step, count, said, writing)

        return await self._remembering(gathered, once, answer)

    async def revise(
        self, conversation_id: str, said: Said, count: int, viewer: Viewer, once: Once[Batch, Answer]
    ) -> Answer:
        """Puts another answer in the place of one, and asks on."""
        writing = await self._writers.before_answers(conversation_id, [said], count, viewer, once)
        gathered = Gathered()

        async def revise(connection: Connection) -> Batch:
            conversation = await add(connection, await opened(connection, conversation_id, viewer), writing)
            step = await self._step(connection, conversation, gathered)
            await step.answering.revise(said, "answer.answer")
            return await self._asked_on(step, count, [said], writing)

        return await self._remembering(gathered, once, revise)

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

    async def _remembering(
        self, gathered: Gathered, once: Once[Result, Answer], effect: Callable[[Connection], Awaitable[Result]]
    ) -> Answer:
        """Has the effect; where it wants to know what was answered before, it is undone, that looked up, and had again.

        So no transaction waits for the index.
        """
        for _ in range(MAX_LOOKS):
            try:
                return await once.run(self._database, effect)
            except NotLookedUpError as wanted:
                await self._memory.gather(gathered, wanted.person, wanted.questions)
        gathered.complete = True
        return await once.run(self._database, effect)

    async def _similar(
        self, conversation_id: str, spec: ConversationSpec, spoken: Sequence[Spoken], viewer: Viewer
    ) -> Gathered:
        """What was said before and is like what is said now, or else what it is about."""
        gathered = Gathered()
        said = [each.content for each in spoken if each.role == "user"]
        async with self._database.connection() as connection:
            found = await self._conversations.whose(connection, conversation_id, spec, viewer)
        if found is not None:
            person, recalls = found
            await self._memory.similar(gathered, person, said[-1] if said else spec.context, recall=recalls)
        return gathered

    async def _step(self, connection: Connection, conversation: Conversation, gathered: Gathered) -> Step:
        engine = await self._engines.of(conversation.goal, conversation.context, conversation.written)
        answering = Answering(connection, conversation, engine)
        await answering.load()
        return Step(connection, conversation, engine, answering, gathered)

    async def _asked_on(self, step: Step, count: int, said: Sequence[Said], writing: Writing | None) -> Batch:
        was_open = step.conversation.status == "open"
        batch = replace(await step.put(count, set(), later=False), writing=writing)
        done = was_open and batch.conversation.status == "done"
        self._metrics.answered(step.conversation.engine, len(said), batch, done=done)
        return batch


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
