"""`resources/subscribe` (2025-11-25): a session hears on its open stream (GET) that a resource has changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from cachetools import TTLCache
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import INVALID_PARAMS, INVALID_REQUEST, EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams
from starlette.requests import Request

from gateway.mcp.callers import caller_of
from gateway.mcp.changes import Changes, Seen, changed
from gateway.mcp.sessions import HEADER, IDLE_SECONDS, MAX_SESSIONS
from gateway.mcp.subscriptions import MAX_OF_ONE, MAX_RESOURCES

# Of one principal in one replica, in all its sessions: as many as it may listen to in the revision 2026-07-28.
MAX_OF_PRINCIPAL = MAX_OF_ONE * MAX_RESOURCES
Context = ServerRequestContext[Any, Any]


@dataclass(slots=True)
class Subscribed:
    """What one session wants to hear of."""

    principal: str
    # Of the request that subscribed first: what is said later goes to its session.
    context: Context
    seen: Seen = field(default_factory=dict)


class SessionSubscriptions:
    """The handlers, and what is said on the streams of sessions."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._of: TTLCache[str, Subscribed] = TTLCache(MAX_SESSIONS, IDLE_SECONDS)

    async def subscribe(self, context: Context, params: SubscribeRequestParams) -> EmptyResult:
        """From now on the session hears when it changes. What the caller is not shown, nobody can subscribe to."""
        session_id, principal = _session(context), caller_of(context).principal
        digest = await self._changes.resource(context, params.uri)
        mine = self._of.get(session_id) or Subscribed(principal, context)
        event = ResourceUpdated(params.uri)
        if event not in mine.seen:
            of_principal = sum(len(each.seen) for each in self._of.values() if each.principal == principal)
            if len(mine.seen) >= MAX_RESOURCES or of_principal >= MAX_OF_PRINCIPAL:
                raise MCPError(
                    INVALID_PARAMS,
                    f"A session subscribes to up to {MAX_RESOURCES} resources, and all of yours to {MAX_OF_PRINCIPAL}.",
                )
            mine.seen[event] = digest
        self._of[session_id] = mine
        return EmptyResult()

    async def unsubscribe(self, context: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """It hears no more of it."""
        if mine := self._of.get(_session(context)):
            mine.seen.pop(ResourceUpdated(params.uri), None)
        return EmptyResult()

    def forget(self, session_id: str) -> None:
        """The session has ended."""
        self._of.pop(session_id, None)

    async def rounds(self, request: Request, session_id: str) -> AsyncIterator[None]:
        """Tells the session what has changed, again and again; ends when its stream must, with the credential."""
        async for _ in self._changes.rounds(request):
            if mine := self._of.get(session_id):
                # Its time counts from now on.
                self._of[session_id] = mine
                await self._tell(mine, request)
            yield

    async def _tell(self, mine: Subscribed, request: Request) -> None:
        asked = [event.uri for event in mine.seen if isinstance(event, ResourceUpdated)]
        now = await self._changes.look(replace(mine.context, request=request), (), asked)
        for event in changed(mine.seen, now):
            assert isinstance(event, ResourceUpdated)
            await mine.context.session.send_resource_updated(event.uri)
        # What was given up meanwhile stays so.
        mine.seen |= {event: digest for event, digest in now.items() if event in mine.seen}


def _session(context: Context) -> str:
    session_id: str = context.request.headers.get(HEADER, "") if context.request is not None else ""
    if not session_id:
        raise MCPError(INVALID_REQUEST, "A subscription is that of a session, and there is none.")
    return session_id
