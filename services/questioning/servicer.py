"""The gRPC edge of the questioning service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.questioning.v1 import (
    bank_pb2,
    conversation_pb2,
    memory_pb2,
    questioning_service_pb2,
    questioning_service_pb2_grpc,
)

from servicekit import ndjson
from servicekit.idempotency import Once
from servicekit.large import LARGE_BYTES, beside
from servicekit.request_context import current_context
from services.questioning import messages
from services.questioning.interviews import banks
from services.questioning.interviews.conversations import Conversations, in_the_name_of
from services.questioning.interviews.exporting import Exporting
from services.questioning.interviews.interviews import Interviews
from services.questioning.interviews.kept_banks import KeptBanks
from services.questioning.interviews.sessions import Sessions
from services.questioning.memory.upkeep import Upkeep
from services.questioning.models import Conversation, ConversationFilter

Context = ServicerContext[Any, Any]
DEFAULT_ROUNDS = 2
DEFAULT_INTERVIEWS = 200
pb = questioning_service_pb2


class QuestioningServicer(questioning_service_pb2_grpc.QuestioningServiceServicer):
    """See protos/qmcp/questioning/v1/questioning_service.proto, where every method is documented."""

    def __init__(
        self,
        sessions: Sessions,
        conversations: Conversations,
        interviews: Interviews,
        kept_banks: KeptBanks,
        exporting: Exporting,
        upkeep: Upkeep,
    ) -> None:
        self._sessions = sessions
        self._conversations = conversations
        self._interviews = interviews
        self._kept_banks = kept_banks
        self._exporting = exporting
        self._upkeep = upkeep

    async def CreateSession(
        self, request: questioning_service_pb2.CreateSessionRequest, context: Context
    ) -> conversation_pb2.Session:
        by, once = current_context.get().principal, Once(request, messages.session_to)
        return await self._sessions.create(request.user_id, request.context, dict(request.metadata), by, once)

    async def GetSession(
        self, request: questioning_service_pb2.GetSessionRequest, context: Context
    ) -> conversation_pb2.Session:
        return messages.session_to(await self._sessions.get(request.id, current_context.get().viewer))

    async def ListSessions(
        self, request: questioning_service_pb2.ListSessionsRequest, context: Context
    ) -> questioning_service_pb2.ListSessionsResponse:
        viewer = current_context.get().viewer
        page, token = await self._sessions.page(
            request.user_id, request.status, viewer, request.page_size, request.page_token
        )
        return pb.ListSessionsResponse(sessions=map(messages.session_to, page), next_page_token=token)

    async def CloseSession(
        self, request: questioning_service_pb2.CloseSessionRequest, context: Context
    ) -> conversation_pb2.Session:
        return messages.session_to(await self._sessions.close(request.id, current_context.get().viewer))

    async def DeleteSession(self, request: questioning_service_pb2.DeleteSessionRequest, context: Context) -> Empty:
        await self._sessions.delete(request.id, current_context.get().viewer)
        return Empty()

    async def CreateConversation(
        self, request: questioning_service_pb2.CreateConversationRequest, context: Context
    ) -> conversation_pb2.Conversation:
        viewer, once = current_context.get().viewer, Once(request, messages.conversation_to)
        viewer = in_the_name_of(request.on_behalf_of, viewer)
        return await self._interviews.begin(messages.spec_from(request), viewer, once)

    async def GetConversation(
        self, request: questioning_service_pb2.GetConversationRequest, context: Context
    ) -> conversation_pb2.Conversation:
        return messages.conversation_to(await self._conversations.get(request.id, current_context.get().viewer))

    async def ListConversations(
        self, request: questioning_service_pb2.ListConversationsRequest, context: Context
    ) -> questioning_service_pb2.ListConversationsResponse:
        viewer = current_context.get().viewer
        wanted = ConversationFilter(request.session_id, request.status, tuple(request.ids))
        page, token = await self._conversations.page(wanted, viewer, request.page_size, request.page_token)
        return pb.ListConversationsResponse(conversations=map(messages.conversation_to, page), next_page_token=token)

    async def CloseConversation(
        self, request: questioning_service_pb2.CloseConversationRequest, context: Context
    ) -> conversation_pb2.Conversation:
        viewer = current_context.get().viewer
        return messages.conversation_to(await self._conversations.close(request.id, request.outcome, viewer))

    async def DeleteConversation(
        self, request: questioning_service_pb2.DeleteConversationRequest, context: Context
    ) -> Empty:
        await self._conversations.delete(request.id, current_context.get().viewer)
        return Empty()

    async def ListMessages(
        self, request: questioning_service_pb2.ListMessagesRequest, context: Context
    ) -> questioning_service_pb2.ListMessagesResponse:
        viewer = current_context.get().viewer
        page, token = await self._conversations.messages(
            request.conversation_id, viewer, request.page_size, request.page_token
        )
        return pb.ListMessagesResponse(messages=map(messages.message_to, page), next_page_token=token)

    async def ExportConversations(
        self, request: questioning_service_pb2.ExportConversationsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        count, viewer = 0, current_context.get().viewer
        rows = self._exporting.rows(request.session_id, request.conversation_id, request.user_id, viewer)
        async with aclosing(rows) as pages:
            async for page in pages:
                count += sum(isinstance(row, Conversation) for row in page)
                # A conversation may have a goal as large as a body; of messages a page has its bound.
                for chunk in await beside(LARGE_BYTES, messages.export_chunks, page):
                    yield HttpBody(content_type=ndjson.CONTENT_TYPE, data=chunk)
        yield HttpBody(content_type=ndjson.CONTENT_TYPE, data=messages.export_end(count))

    async def GenerateQuestions(
        self, request: questioning_service_pb2.GenerateQuestionsRequest, context: Context
    ) -> questioning_service_pb2.QuestionBatch:
        return await self._interviews.ask(
            request.conversation_id,
            messages.spec_from(request),
            messages.spoken_from(request),
            [request.question_count],
            current_context.get().viewer,
            Once(request, messages.batch_to),
            follow_up=bool(request.previous_messages),
        )

    async def GenerateFollowUps(
        self, request: questioning_service_pb2.GenerateFollowUpsRequest, context: Context
    ) -> questioning_service_pb2.QuestionBatch:
        return await self._interviews.ask(
            request.conversation_id,
            messages.spec_from(request),
            messages.spoken_from(request),
            [request.question_count],
            current_context.get().viewer,
            Once(request, messages.batch_to),
            follow_up=True,
        )

    async def AutomateInterview(
        self, request: questioning_service_pb2.AutomateInterviewRequest, context: Context
    ) -> questioning_service_pb2.AutomatedInterview:
        goes_on = request.auto_handle_follow_up or not request.HasField("auto_handle_follow_up")
        rounds = (request.max_rounds or DEFAULT_ROUNDS) if goes_on else 1
        return await self._interviews.ask(
            request.conversation_id,
            messages.spec_from(request),
            messages.spoken_from(request),
            [request.question_count] * rounds,
            current_context.get().viewer,
            Once(request, messages.automated_to),
            follow_up=False,
        )

    async def AnswerQuestions(
        self, request: questioning_service_pb2.AnswerQuestionsRequest, context: Context
    ) -> questioning_service_pb2.InterviewStep:
        said = [messages.said_from(each, f"answers[{place}].") for place, each in enumerate(request.answers)]
        return await self._interviews.answer(
            request.conversation_id,
            said,
            _count(request),
            current_context.get().viewer,
            Once(request, messages.step_to),
        )

    async def ReviseAnswer(
        self, request: questioning_service_pb2.ReviseAnswerRequest, context: Context
    ) -> questioning_service_pb2.InterviewStep:
        return await self._interviews.revise(
            request.conversation_id,
            messages.said_from(request.answer, "answer."),
            _count(request),
            current_context.get().viewer,
            Once(request, messages.step_to),
        )

    async def ExplainQuestion(
        self, request: questioning_service_pb2.ExplainQuestionRequest, context: Context
    ) -> questioning_service_pb2.Explanation:
        viewer = current_context.get().viewer
        return messages.explanation_to(
            await self._interviews.explain(request.conversation_id, request.question_id, viewer)
        )

    async def LintBank(
        self, request: questioning_service_pb2.LintBankRequest, context: Context
    ) -> questioning_service_pb2.LintBankResponse:
        found = await banks.findings(messages.bank_from(request))
        return pb.LintBankResponse(findings=map(messages.finding_to, found))

    async def SimulateBank(
        self, request: questioning_service_pb2.SimulateBankRequest, context: Context
    ) -> questioning_service_pb2.BankSimulation:
        by_gain, in_order = await banks.simulated(
            messages.bank_from(request), request.interviews or DEFAULT_INTERVIEWS, request.seed
        )
        return pb.BankSimulation(by_gain=messages.simulated_to(by_gain), in_order=messages.simulated_to(in_order))

    async def CreateBank(self, request: bank_pb2.CreateBankRequest, context: Context) -> bank_pb2.Bank:
        viewer, once = current_context.get().viewer, Once(request, messages.kept_bank_to)
        return await self._kept_banks.create(messages.bank_from(request), viewer, once)

    async def GetBank(self, request: bank_pb2.GetBankRequest, context: Context) -> bank_pb2.Bank:
        return messages.kept_bank_to(await self._kept_banks.get(request.id, current_context.get().viewer))

    async def ListBanks(self, request: bank_pb2.ListBanksRequest, context: Context) -> bank_pb2.ListBanksResponse:
        viewer = current_context.get().viewer
        page, token = await self._kept_banks.page(
            request.name, request.status, viewer, request.page_size, request.page_token
        )
        return bank_pb2.ListBanksResponse(banks=map(messages.kept_bank_to, page), next_page_token=token)

    async def LearnBank(self, request: bank_pb2.LearnBankRequest, context: Context) -> bank_pb2.Bank:
        viewer, once = current_context.get().viewer, Once(request, messages.kept_bank_to)
        return await self._kept_banks.learn(request.id, request.weight, viewer, once)

    async def AcceptBank(self, request: bank_pb2.AcceptBankRequest, context: Context) -> bank_pb2.Bank:
        return messages.kept_bank_to(await self._kept_banks.accept(request.id, current_context.get().viewer))

    async def DeleteBank(self, request: bank_pb2.DeleteBankRequest, context: Context) -> Empty:
        await self._kept_banks.delete(request.id, current_context.get().viewer)
        return Empty()

    async def GetMemory(self, request: questioning_service_pb2.GetMemoryRequest, context: Context) -> memory_pb2.Memory:
        return messages.memory_to(await self._upkeep.condition())

    async def ReindexMemory(
        self, request: questioning_service_pb2.ReindexMemoryRequest, context: Context
    ) -> memory_pb2.Memory:
        return messages.memory_to(await self._upkeep.rebuild())


def _count(request: Any) -> int:
    """How many questions to ask on with: 0 is none, and none said is one."""
    count: int = request.question_count if request.HasField("question_count") else 1
    return count
