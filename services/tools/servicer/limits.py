"""The RPCs of limits."""

from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.tools.v1 import tool_limit_pb2, tools_service_pb2

from servicekit.http_status import CREATED, answer_with
from servicekit.idempotency import Once
from servicekit.request_context import current_context
from services.tools.catalogue.catalogue import Catalogue
from services.tools.limits import messages as limit_messages
from services.tools.limits.limits import Limits
from services.tools.limits.messages import limit_to
from services.tools.limits.models import ToolLimit

Context = ServicerContext[Any, Any]


class LimitCalls:
    """How often tools may be invoked, and what is left of that."""

    _limits: Limits
    _catalogue: Catalogue

    async def ListToolLimits(
        self, request: tools_service_pb2.ListToolLimitsRequest, context: Context
    ) -> tools_service_pb2.ListToolLimitsResponse:
        limits, token = await self._limits.page(request.page_size, request.page_token)
        return tools_service_pb2.ListToolLimitsResponse(limits=map(limit_to, limits), next_page_token=token)

    async def GetToolLimit(
        self, request: tools_service_pb2.GetToolLimitRequest, context: Context
    ) -> tool_limit_pb2.ToolLimit:
        return limit_to(await self._limits.get(request.name))

    async def CreateToolLimit(
        self, request: tools_service_pb2.CreateToolLimitRequest, context: Context
    ) -> tool_limit_pb2.ToolLimit:
        limit = limit_messages.limit_from(request.limit, current_context.get().principal.name)
        return await self._limits.create(limit, Once(request, limit_to))

    async def UpdateToolLimit(
        self, request: tools_service_pb2.UpdateToolLimitRequest, context: Context
    ) -> tool_limit_pb2.ToolLimit:
        is_new = False

        def answer(updated: tuple[ToolLimit, bool]) -> tool_limit_pb2.ToolLimit:
            nonlocal is_new
            limit, is_new = updated
            return limit_to(limit)

        limit = limit_messages.limit_from(request.limit, current_context.get().principal.name)
        replaced = await self._limits.update(limit, request.limit.etag, Once(request, answer))
        if is_new:
            await answer_with(context, CREATED)
        return replaced

    async def DeleteToolLimit(self, request: tools_service_pb2.DeleteToolLimitRequest, context: Context) -> Empty:
        await self._limits.delete(request.name, request.etag, current_context.get().principal.name)
        return Empty()

    async def GetToolAllowances(
        self, request: tools_service_pb2.GetToolAllowancesRequest, context: Context
    ) -> tools_service_pb2.ToolAllowances:
        caller = current_context.get().principal
        tool = await self._catalogue.get(request.name, caller)
        return limit_messages.allowances_to(await self._limits.available(caller, tool))
