"""The questioning service under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from google.protobuf.json_format import ParseDict
from qmcp.questioning.v1 import bank_pb2
from qmcp.questioning.v1 import questioning_service_pb2 as pb

from services.questioning import server as questioning_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject, held_up

TALKATIVE = UUID(int=5)
STANDING: dict[str, str] = {}


async def _session(running: Running, user: str = "maker") -> str:
    return str((await running.must("CreateSession", pb.CreateSessionRequest(user_id=user))).id)


async def _conversation(running: Running, session: str = "") -> str:
    return str((await running.must("CreateConversation", pb.CreateConversationRequest(session_id=session))).id)


async def _asked(running: Running) -> str:
    """A conversation in which a question was put."""
    return str((await running.must("GenerateQuestions", pb.GenerateQuestionsRequest(question_count=1))).conversation_id)


async def _standing_conversation(running: Running) -> None:
    """One that is known beforehand, with an answer that may be revised."""
    STANDING["id"] = await _conversation(running)
    await running.must("AnswerQuestions", _answers(STANDING["id"], "constraints", "none"))


async def _make_sessions(running: Running, number: int) -> list[str]:
    return [await _session(running) for _ in range(number)]


async def _make_conversations(running: Running, number: int) -> list[str]:
    STANDING["session"] = await _session(running)
    return [await _conversation(running, STANDING["session"]) for _ in range(number)]


async def _make_messages(running: Running, number: int) -> list[int]:
    """What is said in one conversation that is known beforehand."""
    connection = await asyncpg.connect(running.database)
    try:
        await connection.execute(
            """
            INSERT INTO sessions (id, owner, user_id, context, metadata)
            VALUES ($1, 'local', '', '', '{}')
            ON CONFLICT DO NOTHING
            """,
            TALKATIVE,
        )
        await connection.execute(
            """
            INSERT INTO conversations (id, session_id, owner, user_id, topic, context, goal, metadata, progress)
            VALUES ($1, $1, 'local', '', '', '', '{}', '{}', '{}')
            ON CONFLICT DO NOTHING
            """,
            TALKATIVE,
        )
        rows = await connection.fetch(
            """
            INSERT INTO messages (
                conversation_id, sequence, message_type, content, question_id, state, metadata, owner, user_id
            )
            SELECT $1, last + step, 'system', '', '', '', '{}', 'local', ''
            FROM generate_series(1, $2) AS step, (
                SELECT coalesce(max(sequence), 0) AS last FROM messages WHERE conversation_id = $1
            ) AS before
            RETURNING sequence
            """,
            TALKATIVE,
            number,
        )
        return [row["sequence"] for row in rows]
    finally:
        await connection.close()


def _answers(conversation: str, question: str, said: str) -> pb.AnswerQuestionsRequest:
    answers = [{"question_id": question, "answer": said}]
    return ParseDict({"conversation_id": conversation, "answers": answers}, pb.AnswerQuestionsRequest())


def _revision(conversation: str, said: str) -> pb.ReviseAnswerRequest:
    answer = {"question_id": "constraints", "answer": said}
    return ParseDict({"conversation_id": conversation, "answer": answer}, pb.ReviseAnswerRequest())


async def _session_of(owner: Running, _admin: Running) -> str:
    return await _session(owner)


async def _conversation_of(owner: Running, _admin: Running) -> str:
    return await _asked(owner)


async def _answered_of(owner: Running, _admin: Running) -> str:
    conversation = await _asked(owner)
    await owner.must("AnswerQuestions", _answers(conversation, "constraints", "none"))
    return conversation


def _bank(name: str) -> pb.LintBankRequest:
    """Anything that takes a bank may be made of it: they have the field alike."""
    document = {
        "name": name,
        "hypotheses": [{"id": "dog"}, {"id": "whale"}],
        "questions": [{"id": "swims", "text": "Does it swim?", "expected": {"dog": "no", "whale": "yes"}}],
    }
    return ParseDict({"bank": document}, pb.LintBankRequest())


def _kept(name: str) -> bank_pb2.CreateBankRequest:
    return bank_pb2.CreateBankRequest(bank=_bank(name).bank)


async def _make_banks(running: Running, number: int) -> list[str]:
    return [(await running.must("CreateBank", _kept("listed"))).id for _ in range(number)]


async def _bank_of(owner: Running, _admin: Running) -> str:
    return str((await owner.must("CreateBank", _kept("owned"))).id)


async def _taught_bank_of(owner: Running, _admin: Running) -> str:
    """A bank with an interview of which it is known what held."""
    made = await owner.must("CreateBank", _kept("taught"))
    goal = {"bank_name": "taught", "bank_version": made.version}
    begun = await owner.must("CreateConversation", ParseDict({"goal": goal}, pb.CreateConversationRequest()))
    await owner.must("AnswerQuestions", _answers(begun.id, "swims", "yes"))
    await owner.must("CloseConversation", pb.CloseConversationRequest(id=begun.id, outcome="whale"))
    return str(made.id)


async def _standing_bank(running: Running) -> None:
    STANDING["bank"] = await _taught_bank_of(running, running)


@asynccontextmanager
async def _slow_list(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "ListConversations", pb.ListConversationsRequest(), "conversations") as slow:
        yield slow


SUBJECT = Subject(
    name="questioning",
    service=pb.DESCRIPTOR.services_by_name["QuestioningService"],
    settings=questioning_server.Settings,
    compose=questioning_server.compose,
    variables=lambda _: {},
    listings={
        "ListSessions": Listing(_make_sessions, "id", {"user_id": "maker"}, {"user_id": "other"}),
        "ListConversations": Listing(_make_conversations, "id", {"status": "open"}, {"status": "closed"}),
        "ListBanks": Listing(_make_banks, "id", {"name": "listed"}, {"name": "other"}),
        "ListMessages": Listing(
            _make_messages, "sequence", {"conversation_id": str(TALKATIVE)}, {"conversation_id": str(UUID(int=6))}
        ),
    },
    effects={
        "CreateSession": Effect(lambda number: pb.CreateSessionRequest(user_id=f"user{number}"), lambda each: each.id),
        "CreateConversation": Effect(
            lambda number: pb.CreateConversationRequest(topic=f"topic{number}"), lambda each: each.id
        ),
        "GenerateQuestions": Effect(
            lambda number: pb.GenerateQuestionsRequest(context=f"context {number}"), lambda each: each.conversation_id
        ),
        "GenerateFollowUps": Effect(
            lambda number: pb.GenerateFollowUpsRequest(
                previous_messages=[pb.PreviousMessage(role="user", content=f"talk {number}")]
            ),
            lambda each: each.conversation_id,
        ),
        "AutomateInterview": Effect(
            lambda number: pb.AutomateInterviewRequest(context=f"context {number}"), lambda each: each.conversation_id
        ),
        "AnswerQuestions": Effect(
            lambda number: _answers(STANDING["id"], ("goals", "risks", "measures")[number % 3], "so"),
            lambda step: step.conversation.updated_at.ToNanoseconds(),
            prepare=_standing_conversation,
        ),
        "ReviseAnswer": Effect(
            lambda number: _revision(STANDING["id"], f"other {number}"),
            lambda step: step.conversation.updated_at.ToNanoseconds(),
            prepare=_standing_conversation,
        ),
        "CreateBank": Effect(lambda number: _kept(f"bank{number}"), lambda each: each.id),
        "LearnBank": Effect(
            lambda number: bank_pb2.LearnBankRequest(id=STANDING["bank"], weight=1 + number % 1000),
            lambda each: each.id,
            prepare=_standing_bank,
        ),
    },
    sights={
        "GetSession": Sight(_session_of, lambda made: pb.GetSessionRequest(id=made)),
        "ListSessions": Sight(_session_of, lambda _: pb.ListSessionsRequest()),
        "CloseSession": Sight(_session_of, lambda made: pb.CloseSessionRequest(id=made)),
        "DeleteSession": Sight(_session_of, lambda made: pb.DeleteSessionRequest(id=made)),
        "CreateConversation": Sight(_session_of, lambda made: pb.CreateConversationRequest(session_id=made)),
        "GetConversation": Sight(_conversation_of, lambda made: pb.GetConversationRequest(id=made)),
        "ListConversations": Sight(_conversation_of, lambda _: pb.ListConversationsRequest()),
        "CloseConversation": Sight(_conversation_of, lambda made: pb.CloseConversationRequest(id=made)),
        "DeleteConversation": Sight(_conversation_of, lambda made: pb.DeleteConversationRequest(id=made)),
        "ListMessages": Sight(_conversation_of, lambda made: pb.ListMessagesRequest(conversation_id=made)),
        "GenerateQuestions": Sight(_conversation_of, lambda made: pb.GenerateQuestionsRequest(conversation_id=made)),
        "GenerateFollowUps": Sight(_conversation_of, lambda made: pb.GenerateFollowUpsRequest(conversation_id=made)),
        "AutomateInterview": Sight(_conversation_of, lambda made: pb.AutomateInterviewRequest(conversation_id=made)),
        "AnswerQuestions": Sight(_conversation_of, lambda made: _answers(made, "goals", "so")),
        "ReviseAnswer": Sight(_answered_of, lambda made: _revision(made, "other")),
        "GetBank": Sight(_bank_of, lambda made: bank_pb2.GetBankRequest(id=made)),
        "ExportConversations": Sight(_conversation_of, lambda _: pb.ExportConversationsRequest()),
        "ListBanks": Sight(_bank_of, lambda _: bank_pb2.ListBanksRequest()),
        "LearnBank": Sight(_taught_bank_of, lambda made: bank_pb2.LearnBankRequest(id=made)),
        "AcceptBank": Sight(_bank_of, lambda made: bank_pb2.AcceptBankRequest(id=made)),
        "DeleteBank": Sight(_bank_of, lambda made: bank_pb2.DeleteBankRequest(id=made)),
        "ExplainQuestion": Sight(
            _conversation_of, lambda made: pb.ExplainQuestionRequest(conversation_id=made, question_id="goals")
        ),
    },
    shared={
        "GetMemory": "how the memory is, is the same for all; nothing that is in it is told",
        "CreateSession": "what it begins is the caller's own",
        "CreateBank": "what it keeps is the caller's own",
        "LintBank": "what is wrong with a bank is in the bank that the caller sends",
        "SimulateBank": "how a bank fares is in the bank that the caller sends",
    },
    slow=_slow_list,
    lasting={"ExportConversations": Lasting(pb.ExportConversationsRequest(), "conversations")},
    words=("open", "user", "goals", "given", "constraints", "closed"),
)
