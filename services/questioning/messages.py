"""Domain ↔ protobuf, both ways."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.struct_pb2 import Struct
from qmcp.questioning.v1 import bank_pb2, conversation_pb2, memory_pb2, questioning_service_pb2

from servicekit import ndjson
from servicekit.deep_json import given, put
from servicekit.http_json.writing import json_form
from servicekit.json_values import STRUCT_DEPTH, document, fill_struct, is_deeper
from servicekit.search.indexer import Condition
from servicekit.timestamps import to_timestamp
from services.questioning.engines.lint import Finding
from services.questioning.engines.models import BankVersion
from services.questioning.engines.simulation import Simulated
from services.questioning.memory.models import Similar
from services.questioning.models import (
    Alternative,
    Batch,
    Candidate,
    Conversation,
    ConversationSpec,
    Goal,
    Message,
    Put,
    Said,
    Session,
    Spoken,
)

pb = questioning_service_pb2
# What is shown of a text that is like what is asked about, characters.
MAX_SHOWN = 1_000
# Levels of a value within a list of a document of ours.
SHALLOW = STRUCT_DEPTH - 4


def goal_from(request: Any) -> Goal:
    """The goal that a request has; that of a context where it has none."""
    goal = request.goal
    return Goal(
        given(goal, "schema", "goal."),
        _optional(goal, "bank", "goal.bank"),
        goal.include_optional,
        goal.recall,
    )


def spec_from(request: Any) -> ConversationSpec:
    """The conversation to begin, where the request names none."""
    topic = request.topic if "topic" in request.DESCRIPTOR.fields_by_name else ""
    return ConversationSpec(
        request.session_id,
        request.user_id,
        topic,
        request.context,
        goal_from(request),
        dict(request.metadata),
        request.goal.engine,
        request.goal.bank_name,
        request.goal.bank_version,
    )


def spoken_from(request: Any) -> list[Spoken]:
    return [Spoken(each.role or "user", each.content, each.timestamp) for each in request.previous_messages]


def said_from(answer: questioning_service_pb2.Answer, path: str) -> Said:
    return Said(answer.question_id, given(answer, "answer", path), answer.state)


def session_to(session: Session) -> conversation_pb2.Session:
    return conversation_pb2.Session(
        id=session.id,
        owner=session.owner,
        user_id=session.user_id,
        context=session.context,
        metadata=session.metadata,
        status=session.status,
        created_at=to_timestamp(session.created_at),
        closed_at=to_timestamp(session.closed_at),
    )


def conversation_to(conversation: Conversation) -> conversation_pb2.Conversation:
    progress = conversation.progress
    shown = conversation_pb2.Conversation(
        id=conversation.id,
        session_id=conversation.session_id,
        owner=conversation.owner,
        user_id=conversation.user_id,
        topic=conversation.topic,
        context=conversation.context,
        engine=conversation.engine,
        goal=_goal_to(conversation.goal, "llm" if conversation.written else ""),
        metadata=conversation.metadata,
        status=conversation.status,
        stopped=progress.stopped,
        entropy=progress.entropy,
        missing=progress.missing,
        not_applicable=progress.not_applicable,
        contradictions=[
            conversation_pb2.Contradiction(question_ids=each.questions, text=each.text)
            for each in progress.contradictions
        ],
        questions_remaining=progress.remaining,
        questions_asked=conversation.questions_asked,
        created_at=to_timestamp(conversation.created_at),
        updated_at=to_timestamp(conversation.updated_at),
        closed_at=to_timestamp(conversation.closed_at),
        tokens_used=conversation.written.tokens if conversation.written else 0,
        model=conversation.written.model if conversation.written else "",
        bank_name=conversation.bank.name if conversation.bank else "",
        bank_version=conversation.bank.version if conversation.bank else 0,
        outcome=conversation.outcome,
    )
    put(shown, "result", progress.result)
    return shown


def brief_to(conversation: Conversation) -> conversation_pb2.Conversation:
    """A conversation where its caller knows the goal: without the documents of that, and without its context."""
    goal = conversation.goal
    brief = replace(goal, schema=None if goal.schema is None else {}, bank=None if goal.bank is None else {})
    return conversation_to(replace(conversation, context="", goal=brief))


def message_to(message: Message) -> conversation_pb2.Message:
    shown = conversation_pb2.Message(
        id=message.id,
        conversation_id=message.conversation_id,
        sequence=message.sequence,
        message_type=message.message_type,
        content=message.content,
        question_id=message.question_id,
        state=message.state,
        source=_struct(message.source) if message.source is not None else None,
        revises=message.revises,
        metadata=_struct(message.metadata),
        created_at=to_timestamp(message.created_at),
    )
    put(shown, "value", message.value)
    return shown


def batch_to(batches: Sequence[Batch]) -> questioning_service_pb2.QuestionBatch:
    """The first of some batches, in the original's form."""
    batch = batches[0]
    conversation = batch.conversation
    progress = conversation.progress
    listed = _listed(batch.questions)
    open_count = progress.remaining
    return pb.QuestionBatch(
        current_question=listed,
        question=listed,
        questions=map(question_to, batch.questions),
        conversation_id=conversation.id,
        session_id=conversation.session_id,
        current_question_number=batch.questions[0].number if batch.questions else 0,
        total_questions_in_batch=len(batch.questions),
        total_questions_estimated=max(
            conversation.questions_asked - len(batch.questions) + open_count, conversation.questions_asked
        ),
        next_batch_needed=open_count > len(batch.questions),
        metadata=_struct(_about(batch)),
    )


def automated_to(batches: Sequence[Batch]) -> questioning_service_pb2.AutomatedInterview:
    """All rounds, in the original's form."""
    questions = [question_to(each) for batch in batches for each in batch.questions]
    last = batches[-1].conversation
    return pb.AutomatedInterview(
        initial_questions=batch_to(batches),
        follow_up_questions=batch_to(batches[-1:]) if len(batches) > 1 else None,
        all_questions_combined=questions,
        conversation_id=last.id,
        session_id=last.session_id,
        total_questions=len(questions),
        metadata=_struct({"rounds": len(batches), "stopped": last.progress.stopped, **_cost(batches[-1])}),
    )


def step_to(batch: Batch) -> questioning_service_pb2.InterviewStep:
    writing = batch.writing
    return pb.InterviewStep(
        conversation=brief_to(batch.conversation),
        questions=map(question_to, batch.questions),
        tokens_used=writing.tokens if writing else 0,
        fallback=writing.fallback if writing else "",
    )


def question_to(question: Put) -> questioning_service_pb2.QuestionItem:
    candidate = question.candidate
    shown = pb.QuestionItem(
        question_text=candidate.text,
        question_number=question.number,
        metadata={"importance": candidate.importance, "information_to_look_for": candidate.information},
        id=candidate.id,
        answer_type=candidate.answer_type,
        options=candidate.options,
        reason=candidate.reason,
        score=candidate.score,
        alternatives=[pb.QuestionAlternative(question_id=each.id, score=each.score) for each in question.alternatives],
        source=_struct(question.source) if question.source is not None else None,
    )
    put(shown, "suggestion", candidate.suggestion)
    return shown


def explanation_to(told: tuple[Message, Message | None, int]) -> questioning_service_pb2.Explanation:
    asked, answer, times = told
    about = asked.metadata
    question = Put(
        about["number"],
        Candidate(
            asked.question_id,
            asked.content,
            about["answer_type"],
            about["options"],
            about["importance"],
            about["information_to_look_for"],
            about["score"],
            about["reason"],
            asked.value,
        ),
        [Alternative(each["question_id"], each["score"]) for each in about["alternatives"]],
        asked.source,
    )
    return pb.Explanation(
        question=question_to(question), answer=message_to(answer) if answer else None, times_asked=times
    )


def finding_to(finding: Finding) -> questioning_service_pb2.BankFinding:
    return pb.BankFinding(kind=finding.kind, subject=finding.subject, text=finding.text)


def simulated_to(simulated: Simulated) -> questioning_service_pb2.SimulatedInterviews:
    return pb.SimulatedInterviews(
        interviews=simulated.interviews,
        mean_questions=simulated.mean_questions,
        max_questions=simulated.max_questions,
        accuracy=simulated.accuracy,
    )


def kept_bank_to(bank: BankVersion) -> bank_pb2.Bank:
    return bank_pb2.Bank(
        id=bank.id,
        owner=bank.owner,
        name=bank.name,
        version=bank.version,
        status=bank.status,
        bank=None if bank.document is None else _struct(bank.document),
        learned_from=bank.learned_from,
        interviews=bank.interviews,
        created_at=to_timestamp(bank.created_at),
        accepted_by=bank.accepted_by,
        accepted_at=to_timestamp(bank.accepted_at),
    )


def memory_to(condition: Condition) -> memory_pb2.Memory:
    return memory_pb2.Memory(**asdict(condition))


def bank_from(request: Any) -> dict[str, Any]:
    return document(request.bank, "bank")


def export_chunks(rows: Sequence[Session | Conversation | Message]) -> list[bytes]:
    """The lines of an export, field by field as the service shows them, joined to messages."""
    return [*ndjson.chunks(map(_export_line, rows))]


def export_end(count: int) -> bytes:
    """The last line of an export; without it the export was cut off."""
    return orjson.dumps({"done": True, "count": count}) + b"\n"


def _export_line(row: Session | Conversation | Message) -> bytes:
    if isinstance(row, Session):
        shown = {"session": json_form(session_to(row))}
    elif isinstance(row, Conversation):
        shown = {"conversation": json_form(conversation_to(row))}
    else:
        shown = {"message": json_form(message_to(row))}
    return orjson.dumps(shown) + b"\n"


def _about(batch: Batch) -> dict[str, Any]:
    conversation = batch.conversation
    return {
        "question_type": "follow_up" if batch.follow_up else "initial",
        "context_enhanced": bool(batch.recalled or batch.similar),
        "similar_contexts": [
            *({**each.source, "value": _shallow(each.value)} for each in batch.recalled),
            *map(_similar, batch.similar),
        ],
        "memory": batch.memory,
        "generation_time": round(batch.seconds, 6),
        **_cost(batch),
        "timestamp": conversation.updated_at.isoformat(),
        "engine": conversation.engine,
        "stopped": conversation.progress.stopped,
        "batch_metadata": {"batch_size": len(batch.questions), "questions_asked": conversation.questions_asked},
    }


def _cost(batch: Batch) -> dict[str, Any]:
    """What a language model was asked for it, and whether it answered."""
    writing = batch.writing
    told = {"tokens_used": 0, "model": "", "fallback_generation": False, "fallback": ""}
    if writing is not None:
        told |= {"tokens_used": writing.tokens, "model": writing.after.model}
        told |= {"fallback_generation": bool(writing.fallback), "fallback": writing.fallback}
    return told


def _similar(found: Similar) -> dict[str, Any]:
    like = {} if found.similarity is None else {"similarity": round(found.similarity, 4)}
    answers = {"question": found.question} if found.question else {}
    return {
        "kind": found.kind,
        "conversation_id": found.conversation_id,
        "message_id": found.message_id,
        "at": found.at.isoformat(),
        "content": found.content[:MAX_SHOWN],
        **answers,
        **like,
    }


def _listed(questions: Sequence[Put]) -> str:
    if len(questions) == 1:
        return questions[0].candidate.text
    return "\n".join(f"{each.number}. {each.candidate.text}" for each in questions)


def _goal_to(goal: Goal, engine: str) -> conversation_pb2.Goal:
    shown = conversation_pb2.Goal(
        bank=_struct(goal.bank) if goal.bank is not None else None,
        include_optional=goal.include_optional,
        recall=goal.recall,
        engine=engine,
    )
    if goal.schema is not None:
        put(shown, "schema", goal.schema)
    return shown


def _optional(message: ProtoMessage, field: str, path: str) -> dict[str, Any] | None:
    return document(getattr(message, field), path) if message.HasField(field) else None


def _struct(values: Mapping[str, Any]) -> Struct:
    struct = Struct()
    fill_struct(struct, values)
    return struct


def _shallow(value: Any) -> Any:
    """A value as it may stand within a document of our own, which everybody is to read; a deeper one as JSON text."""
    return orjson.dumps(value).decode() if is_deeper(value, SHALLOW) else value
