# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with interviews."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qmcp.client.calling.conversion import from_message, to_object
from qmcp.client.calling.json_values import to_value
from qmcp.client.calling.sync import Calls
from qmcp.client.questioning.models import (
    AutomatedInterview,
    Bank,
    BankFinding,
    BankSimulation,
    Conversation,
    Explanation,
    InterviewStep,
    Memory,
    Message,
    QuestionBatch,
    Session,
)
from qmcp.questioning.v1 import bank_pb2, conversation_pb2
from qmcp.questioning.v1 import questioning_service_pb2 as api


class Questioning(Calls):
    """The calls of the questioning service."""

    def create_session(
        self, user_id: str = "", *, context: str = "", metadata: Mapping[str, str] | None = None
    ) -> Session:
        """Begins a session with a user, as you call them."""
        request = api.CreateSessionRequest(user_id=user_id, context=context, metadata=metadata)
        return self._call(request, Session)

    def get_session(self, session_id: str) -> Session:
        """One session."""
        return self._call(api.GetSessionRequest(id=session_id), Session)

    def list_sessions(self, user_id: str = "", *, status: str = "", limit: int | None = 50) -> list[Session]:
        """The newest sessions for which all filters hold; `limit` None means all there are."""
        return self._list(api.ListSessionsRequest(user_id=user_id, status=status), Session, limit=limit)

    def close_session(self, session_id: str) -> Session:
        """Closes a session and its conversations."""
        return self._call(api.CloseSessionRequest(id=session_id), Session)

    def delete_session(self, session_id: str) -> None:
        """Deletes a session with all that was said in it."""
        self._send(api.DeleteSessionRequest(id=session_id))

    def create_conversation(
        self,
        *,
        schema: Mapping[str, Any] | None = None,
        bank: Mapping[str, Any] | None = None,
        bank_name: str = "",
        bank_version: int = 0,
        engine: str = "",
        context: str = "",
        topic: str = "",
        user_id: str = "",
        session_id: str = "",
        include_optional: bool = False,
        recall: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> Conversation:
        """Begins a conversation that fills a schema, finds a hypothesis of a bank, or is about its context.

        A bank is a document, or one that is kept, by its name and version (0: the newest accepted). `engine` says
        who asks about a context: `llm` or `topics`.
        """
        request = api.CreateConversationRequest(
            session_id=session_id,
            user_id=user_id,
            topic=topic,
            context=context,
            goal=conversation_pb2.Goal(
                schema=to_object(schema),
                bank=to_object(bank),
                bank_name=bank_name,
                bank_version=bank_version,
                engine=engine,
                include_optional=include_optional,
                recall=recall,
            ),
            metadata=metadata,
        )
        return self._call(request, Conversation)

    def get_conversation(self, conversation_id: str) -> Conversation:
        """One conversation: how far it is, and what was found out."""
        return self._call(api.GetConversationRequest(id=conversation_id), Conversation)

    def list_conversations(
        self, session_id: str = "", *, status: str = "", limit: int | None = 50
    ) -> list[Conversation]:
        """The newest conversations for which all filters hold; `limit` None means all there are."""
        request = api.ListConversationsRequest(session_id=session_id, status=status)
        return self._list(request, Conversation, limit=limit)

    def close_conversation(self, conversation_id: str, *, outcome: str = "") -> Conversation:
        """Closes a conversation; of a bank `outcome` is the hypothesis that held, from which it learns."""
        return self._call(api.CloseConversationRequest(id=conversation_id, outcome=outcome), Conversation)

    def delete_conversation(self, conversation_id: str) -> None:
        """Deletes a conversation with all that was said in it."""
        self._send(api.DeleteConversationRequest(id=conversation_id))

    def list_messages(self, conversation_id: str, *, limit: int | None = None) -> list[Message]:
        """What was said in a conversation, oldest first."""
        return self._list(api.ListMessagesRequest(conversation_id=conversation_id), Message, limit=limit)

    def export_conversation_lines(
        self, *, session_id: str = "", conversation_id: str = "", user_id: str = ""
    ) -> Iterator[bytes]:
        """Conversations with all that was said in them, as the lines of JSON that the service sends."""
        request = api.ExportConversationsRequest(
            session_id=session_id, conversation_id=conversation_id, user_id=user_id
        )
        return self._ndjson(request)

    def generate_questions(
        self, conversation_id: str = "", *, context: str = "", user_id: str = "", question_count: int | None = None
    ) -> QuestionBatch:
        """Asks on in a conversation, or about a context in a new one."""
        request = api.GenerateQuestionsRequest(
            conversation_id=conversation_id, context=context, user_id=user_id, question_count=question_count
        )
        return self._call(request, QuestionBatch)

    def generate_follow_ups(
        self,
        conversation_id: str = "",
        *,
        previous_messages: Sequence[Mapping[str, str]] = (),
        question_count: int | None = None,
    ) -> QuestionBatch:
        """Asks on after what was said: mappings with `role` and `content`, as chat models have them."""
        request = api.GenerateFollowUpsRequest(
            conversation_id=conversation_id,
            previous_messages=[api.PreviousMessage(**each) for each in previous_messages],
            question_count=question_count,
        )
        return self._call(request, QuestionBatch)

    def automate_interview(
        self, conversation_id: str = "", *, context: str = "", user_id: str = "", max_rounds: int | None = None
    ) -> AutomatedInterview:
        """Asks in rounds, of which none repeats what one before has asked."""
        request = api.AutomateInterviewRequest(
            conversation_id=conversation_id, context=context, user_id=user_id, max_rounds=max_rounds
        )
        return self._call(request, AutomatedInterview)

    def answer_questions(
        self, conversation_id: str, answers: Mapping[str, Any], *, question_count: int | None = None
    ) -> InterviewStep:
        """Answers questions, by their ids, all or none of them, and asks on."""
        given = [api.Answer(question_id=name, answer=to_value(said)) for name, said in answers.items()]
        request = api.AnswerQuestionsRequest(
            conversation_id=conversation_id, answers=given, question_count=question_count
        )
        return self._call(request, InterviewStep)

    def set_answer_state(
        self, conversation_id: str, question_id: str, state: str, *, question_count: int | None = None
    ) -> InterviewStep:
        """Says that there is no answer (`unknown`, `declined`, `not_applicable`), or `confirmed` what is proposed."""
        request = api.AnswerQuestionsRequest(
            conversation_id=conversation_id,
            answers=[api.Answer(question_id=question_id, state=state)],
            question_count=question_count,
        )
        return self._call(request, InterviewStep)

    def revise_answer(
        self, conversation_id: str, question_id: str, answer: Any, *, question_count: int | None = None
    ) -> InterviewStep:
        """Replaces an answer, and asks what that opens."""
        request = api.ReviseAnswerRequest(
            conversation_id=conversation_id,
            answer=api.Answer(question_id=question_id, answer=to_value(answer)),
            question_count=question_count,
        )
        return self._call(request, InterviewStep)

    def explain_question(self, conversation_id: str, question_id: str) -> Explanation:
        """Why a question was asked, and what might have been asked instead."""
        request = api.ExplainQuestionRequest(conversation_id=conversation_id, question_id=question_id)
        return self._call(request, Explanation)

    def lint_bank(self, bank: Mapping[str, Any]) -> list[BankFinding]:
        """What the author of a bank should look at."""
        answer = self._send(api.LintBankRequest(bank=to_object(bank)))
        return [from_message(BankFinding, each) for each in answer.findings]

    def simulate_bank(self, bank: Mapping[str, Any], *, interviews: int | None = None, seed: int = 0) -> BankSimulation:
        """How interviews with a bank go, and how they would in the order of its questions."""
        request = api.SimulateBankRequest(bank=to_object(bank), interviews=interviews, seed=seed)
        return self._call(request, BankSimulation)

    def create_bank(self, bank: Mapping[str, Any]) -> Bank:
        """Keeps a bank, as the next version of its name."""
        return self._call(bank_pb2.CreateBankRequest(bank=to_object(bank)), Bank)

    def get_bank(self, bank_id: str) -> Bank:
        """A version of a bank, with its document."""
        return self._call(bank_pb2.GetBankRequest(id=bank_id), Bank)

    def list_banks(self, name: str = "", *, status: str = "", limit: int | None = 50) -> list[Bank]:
        """The newest versions for which all filters hold, without their documents; `limit` None means all there are."""
        return self._list(bank_pb2.ListBanksRequest(name=name, status=status), Bank, limit=limit)

    def learn_bank(self, bank_id: str, *, weight: int | None = None) -> Bank:
        """Proposes what the interviews with a version teach; what stands in it is worth `weight` interviews."""
        return self._call(bank_pb2.LearnBankRequest(id=bank_id, weight=weight), Bank)

    def accept_bank(self, bank_id: str) -> Bank:
        """Accepts what was learned: conversations begin with it."""
        return self._call(bank_pb2.AcceptBankRequest(id=bank_id), Bank)

    def delete_bank(self, bank_id: str) -> None:
        """Deletes a version of a bank; conversations that were begun with it go on."""
        self._send(bank_pb2.DeleteBankRequest(id=bank_id))

    def get_memory(self) -> Memory:
        """How the memory is: where, by what model, how far behind."""
        return self._call(api.GetMemoryRequest(), Memory)

    def reindex_memory(self) -> Memory:
        """Empties the memory and has it made again from what was said."""
        return self._call(api.ReindexMemoryRequest(), Memory)
