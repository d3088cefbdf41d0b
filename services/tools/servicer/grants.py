"""The RPCs of grants."""

from typing import Any

from grpc.aio import ServicerContext
from qmcp.tools.v1 import grant_pb2, tools_service_pb2

from servicekit.idempotency import Once
from servicekit.request_context import current_context
from services.tools import reach
from services.tools.approval import messages as grant_messages
from services.tools.approval.grants import Grants
from services.tools.approval.models import ToolGrant

Context = ServicerContext[Any, Any]


class GrantCalls:
    """What administrators let run without a human being asked."""

    _grants: Grants

    async def ListGrants(
        self, request: tools_service_pb2.ListGrantsRequest, context: Context
    ) -> tools_service_pb2.ListGrantsResponse:
        wanted, viewer = grant_messages.filter_from(request), current_context.get().viewer
        grants, token = await self._grants.page(wanted, viewer, request.page_size, request.page_token)
        return tools_service_pb2.ListGrantsResponse(grants=map(_grant_shown, grants), next_page_token=token)

    async def GetGrant(self, request: tools_service_pb2.GetGrantRequest, context: Context) -> grant_pb2.Grant:
        return _grant_shown(await self._grants.get(request.id, current_context.get().viewer))

    async def CreateGrant(self, request: tools_service_pb2.CreateGrantRequest, context: Context) -> grant_pb2.Grant:
        grant = grant_messages.grant_from(request.grant, current_context.get().principal.name)
        return await self._grants.create(grant, Once(request, _grant_shown))

    async def RevokeGrant(self, request: tools_service_pb2.RevokeGrantRequest, context: Context) -> grant_pb2.Grant:
        return _grant_shown(await self._grants.revoke(request.id, current_context.get().principal.name))


def _grant_shown(grant: ToolGrant) -> grant_pb2.Grant:
    """A grant as the caller may see it: no names of tools that it is not shown."""
    return grant_messages.grant_to(grant, with_tools=reach.seen_by(current_context.get().principal) is None)
