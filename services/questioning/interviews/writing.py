"""Has a language model write questions, before the transaction in which they are put: no lock waits for a model.

What it wrote is kept with the conversation, so that the conversation asks the same again. Where it fails, the built-in
questions stand in for it, and whoever asks is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from servicekit.idempotency import Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from servicekit.request_context import current_context
from services.questioning import errors
from services.questioning.engines.topics import Topics
from services.questioning.engines.written import MAX_WRITTEN
from services.questioning.interviews.conversations import seen
from services.questioning.interviews.sessions import visible
from services.questioning.interviews.store import conversations as store
from services.questioning.interviews.store import messages as messages_store
from services.questioning.language_model.client import LanguageModel, ModelFailedError
from services.questioning.language_model.prompt import Briefing
from services.questioning.metrics import QuestioningMetrics
from services.questioning.models import (
    Conversation,
    ConversationSpec,
    Message,
    Said,
    Spent,
    Spoken,
    Writing,
    Written,
    WrittenQuestion,
)

# Of what was said before, so many are told to the model: the newest.
MAX_SPOKEN = 50


class Writers:
    """Knows the model, if there is one, and when to ask it."""

    def __init__(
        self, database: Database, model: LanguageModel | None, usual: str, metrics: QuestioningMetrics
    ) -> None:
        """Prepares.

        Args:
            database: where conversations are.
            model: who writes; None: nobody, and the offline engine stands in.
            usual: the engine for a context where the request names none.
            metrics: what is counted.
        """
        self._database = database
        self._model = model
        self._usual = usual
        self._metrics = metrics

    def begun(self, spec: ConversationSpec) -> Written | None:
        """What a conversation has before anything is written; None where no model is asked in it."""
        about_context = spec.goal.schema is None and spec.goal.bank is None and not spec.bank_name
        asked = about_context and (spec.engine or self._usual) == "llm"
        return Written(model=self._model.name if self._model else "") if asked else None

    async def before_asking(
        self,
        conversation_id: str,
        spec: ConversationSpec,
        spoken: Sequence[Spoken],
        wanted: int,
        viewer: Viewer,
        once: Once[Any, Any],
        *,
        follow_up: bool,
    ) -> Writing | None:
        """What is to be added so that there is as much to ask as is wanted; None where there is enough, or no model.

        Raises:
            ServiceError: CONVERSATION_NOT_FOUND, SESSION_NOT_FOUND, CLOSED, PERMISSION_DENIED.
        """
        if await once.earlier(self._database) is not None:
            return None
        if not conversation_id:
            written = self.begun(spec)
            if written is None:
                return None
            if spec.session_id:
                async with self._database.connection() as connection:
                    viewer.require_own((await visible(connection, spec.session_id, viewer)).owner)
            return await self._written(written, spec.context, {}, {}, spoken, wanted)
        conversation, put, standing = await self._read(conversation_id, viewer)
        if conversation.written is None:
            return None
        # Who asks on wants what was not put yet, and not what waits for its answer.
        waiting = set(standing) | (set(put) if follow_up else set())
        missing = wanted - sum(question.id not in waiting for question in conversation.written.questions)
        context = "\n".join(each for each in (conversation.context, spec.context) if each)
        answered = {name: message.content for name, message in standing.items()}
        return await self._written(conversation.written, context, put, answered, spoken, missing)

    async def before_answers(
        self, conversation_id: str, said: Sequence[Said], count: int, viewer: Viewer, once: Once[Any, Any]
    ) -> Writing | None:
        """The same where answers are given, of which the model is told.

        Raises:
            ServiceError: as before_asking.
        """
        if not count or await once.earlier(self._database) is not None:
            return None
        conversation, put, standing = await self._read(conversation_id, viewer)
        if conversation.written is None:
            return None
        answered = {name: message.content for name, message in standing.items()}
        answered |= {each.question_id: str(each.answer if each.answer is not None else each.state) for each in said}
        missing = count - sum(question.id not in answered for question in conversation.written.questions)
        return await self._written(conversation.written, conversation.context, put, answered, (), missing)

    async def _read(
        self, conversation_id: str, viewer: Viewer
    ) -> tuple[Conversation, Mapping[str, Message], Mapping[str, Message]]:
        """A conversation, the questions that were put in it, and the answers that stand."""
        async with self._database.connection() as connection:
            conversation = await seen(connection, conversation_id, viewer)
            viewer.require_own(conversation.owner)
            if conversation.status == "closed":
                raise errors.closed("conversation")
            if conversation.written is None:
                return conversation, {}, {}
            named = UUID(conversation.id)
            return (
                conversation,
                await messages_store.put(connection, named),
                await messages_store.standing(connection, named),
            )

    async def _written(
        self,
        written: Written,
        context: str,
        put: Mapping[str, Message],
        answered: Mapping[str, str],
        spoken: Sequence[Spoken],
        missing: int,
    ) -> Writing | None:
        missing = min(missing, MAX_WRITTEN - len(written.questions))
        if missing <= 0 or not written.more:
            return None
        asked = [(question.text, answered.get(question.id, "")) for question in written.questions]
        briefing = Briefing(context, asked, spoken[-MAX_SPOKEN:], missing)
        spent = Spent()
        try:
            if self._model is None:
                raise ModelFailedError("not_configured")  # noqa: TRY301 - one way to say that nobody wrote
            before = [text for text, _ in asked] + [message.content for message in put.values()]
            output = await self._model.write(briefing, before, spent, current_context.get().ends_at)
        except ModelFailedError as error:
            after, fallback = _offline(written, context, missing), error.reason
        else:
            first = len(written.questions) + 1
            named = [replace(each, id=f"q{place}") for place, each in enumerate(output.questions, start=first)]
            after = replace(
                written,
                questions=(*written.questions, *named),
                more=output.more,
                estimated=output.estimated,
            )
            fallback = ""
        after = replace(after, tokens=written.tokens + spent.tokens)
        if self._model is not None:
            after = replace(after, model=self._model.name)
        self._metrics.written(spent, fallback)
        return Writing(written, after, fallback)


async def add(connection: Connection, conversation: Conversation, writing: Writing | None) -> Conversation:
    """Keeps what was written, in the transaction that holds the conversation's lock.

    Whoever wrote for it at the same time and came first has said what is asked; this one has cost what it cost.
    """
    if writing is None or conversation.written is None:
        return conversation
    after = writing.after
    if conversation.written != writing.before:
        after = replace(conversation.written, tokens=conversation.written.tokens + writing.tokens)
    return await store.write(connection, UUID(conversation.id), after)


def _offline(written: Written, context: str, count: int) -> Written:
    """The questions that one asks about any undertaking, as many as there are left."""
    there = {question.id for question in written.questions}
    left = [each for each in Topics(context).advance({}).candidates if each.id not in there][:count]
    added = [
        WrittenQuestion(each.id, each.text, each.answer_type, (), each.importance, each.information, "topics")
        for each in left
    ]
    # With nothing left to ask the interview is over, as it is offline.
    return replace(written, questions=(*written.questions, *added), more=bool(added))
