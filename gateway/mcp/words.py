"""What happens to a call, as words for the client's log, where it asks for them and not for progress."""

from typing import Any

from cachetools import TTLCache
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_REQUEST,
    LOG_LEVEL_META_KEY,
    EmptyResult,
    LoggingLevel,
    LoggingMessageNotification,
    LoggingMessageNotificationParams,
    SetLevelRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from gateway.mcp.invocations import Progress
from gateway.mcp.sessions import HEADER, IDLE_SECONDS, MAX_SESSIONS

# All of it is said on this level.
LEVEL: LoggingLevel = "info"
HEARD_FROM: frozenset[Any] = frozenset({"debug", LEVEL})
Context = ServerRequestContext[Any, Any]


class Words:
    """Who wants to hear what: in the revision 2026-07-28 each request says so, before it a session."""

    def __init__(self) -> None:
        self._levels: TTLCache[str, str] = TTLCache(MAX_SESSIONS, IDLE_SECONDS)

    async def set_level(self, context: Context, params: SetLevelRequestParams) -> EmptyResult:
        """From which level on a session wants to hear."""
        session_id = _session(context)
        if not session_id:
            raise MCPError(INVALID_REQUEST, "A level is that of a session, and there is none.")
        self._levels[session_id] = params.level
        return EmptyResult()

    def teller(self, context: Context) -> Progress | None:
        """Tells the client what else would be progress; None where it did not ask."""
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            level = (context.meta or {}).get(LOG_LEVEL_META_KEY)
        else:
            level = self._levels.get(_session(context))
        if level not in HEARD_FROM:
            return None

        async def tell(_: float, __: float | None, message: str | None) -> None:
            if message:
                said = LoggingMessageNotificationParams(level=LEVEL, logger="qmcp", data=message)
                await context.session.send_notification(
                    LoggingMessageNotification(params=said), related_request_id=context.request_id
                )

        return tell


def _session(context: Context) -> str:
    return context.request.headers.get(HEADER, "") if context.request is not None else ""
