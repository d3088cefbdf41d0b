"""The calls about the knowledge base."""

from functools import partial
from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.tasks.v1 import knowledge_pb2, original_knowledge_pb2

from servicekit.idempotency import Once
from servicekit.request_context import current_context
from services.tasks.knowledge.knowledge import Knowledge
from services.tasks.messages import knowledge as knowledge_messages

Context = ServicerContext[Any, Any]


class KnowledgeCalls:
    """See protos/qmcp/tasks/v1/knowledge.proto."""

    _knowledge: Knowledge

    async def UpsertKnowledge(
        self, request: knowledge_pb2.UpsertKnowledgeRequest, context: Context
    ) -> knowledge_pb2.KnowledgeItem:
        viewer, once = current_context.get().viewer, Once(request, knowledge_messages.item_to)
        return await self._knowledge.upsert(knowledge_messages.change_from(request), viewer, once)

    async def GetKnowledgeItem(
        self, request: knowledge_pb2.GetKnowledgeItemRequest, context: Context
    ) -> knowledge_pb2.KnowledgeItem:
        viewer = current_context.get().viewer
        return knowledge_messages.item_to(await self._knowledge.get(request.id, request.version, viewer))

    async def ListKnowledgeItems(
        self, request: knowledge_pb2.ListKnowledgeItemsRequest, context: Context
    ) -> knowledge_pb2.ListKnowledgeItemsResponse:
        viewer, wanted = current_context.get().viewer, knowledge_messages.filter_from(request)
        size = request.page_size or request.limit
        page, token = await self._knowledge.page(wanted, viewer, size, request.page_token)
        items = map(knowledge_messages.item_to, page)
        return knowledge_pb2.ListKnowledgeItemsResponse(items=items, next_page_token=token)

    async def DeleteKnowledgeItem(self, request: knowledge_pb2.DeleteKnowledgeItemRequest, context: Context) -> Empty:
        await self._knowledge.delete(request.id, current_context.get().viewer)
        return Empty()

    async def AppendKnowledgeLog(
        self, request: knowledge_pb2.AppendKnowledgeLogRequest, context: Context
    ) -> knowledge_pb2.KnowledgeLogEntry:
        viewer, once = current_context.get().viewer, Once(request, knowledge_messages.entry_to)
        return await self._knowledge.append(knowledge_messages.remark_from(request), viewer, once)

    async def ListKnowledgeLogEntries(
        self, request: knowledge_pb2.ListKnowledgeLogEntriesRequest, context: Context
    ) -> knowledge_pb2.ListKnowledgeLogEntriesResponse:
        viewer = current_context.get().viewer
        page, token = await self._knowledge.log(request.knowledge_id, viewer, request.page_size, request.page_token)
        entries = map(knowledge_messages.entry_to, page)
        return knowledge_pb2.ListKnowledgeLogEntriesResponse(entries=entries, next_page_token=token)

    async def ListScopedKnowledge(
        self, request: original_knowledge_pb2.ListScopedKnowledgeRequest, context: Context
    ) -> original_knowledge_pb2.ListScopedKnowledgeResponse:
        viewer, wanted = current_context.get().viewer, knowledge_messages.scoped_from(request)
        page, token, total = await self._knowledge.counted_page(wanted, viewer, request.page_size, request.page_token)
        return knowledge_messages.scoped_to(wanted, page, token, total)

    async def PutKnowledge(
        self, request: original_knowledge_pb2.PutKnowledgeRequest, context: Context
    ) -> original_knowledge_pb2.PutKnowledgeResponse:
        viewer, once = current_context.get().viewer, Once(request, partial(knowledge_messages.put_to, request))
        return await self._knowledge.upsert(knowledge_messages.put_from(request), viewer, once)
