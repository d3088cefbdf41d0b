"""What looks otherwise to a caller than before.

Nothing in the services tells of every change, and what a caller sees of a list is its own. So what is listened to is
asked for again and again with the caller's credential, and compared.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import grpc
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp_types import INVALID_PARAMS, PaginatedRequestParams, ReadResourceRequestParams
from starlette.requests import Request

from gateway.mcp.callers import SCOPE, Callers, RefusedError

LISTS: dict[str, ServerEvent] = {
    "tools/list": ToolsListChanged(),
    "prompts/list": PromptsListChanged(),
    "resources/list": ResourcesListChanged(),
}
# Before 2026-07-28.
RESOURCE_NOT_FOUND = -32002
# What is not there looks like nothing.
NOT_THERE = frozenset({INVALID_PARAMS, RESOURCE_NOT_FOUND})
# Of a list so many pages are compared.
MAX_PAGES = 20
ENDED = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
Context = ServerRequestContext[Any, Any]
Seen = dict[ServerEvent, bytes]


class Changes:
    """Asks the server itself, in the name of who listens."""

    def __init__(self, server: Server[Any], callers: Callers, draining: asyncio.Event, *, seconds: float) -> None:
        """`draining`: set when the process is to end; `seconds`: how often is looked."""
        self._server = server
        self._callers = callers
        self._draining = draining
        self._seconds = seconds

    async def rounds(self, request: Request) -> AsyncIterator[None]:
        """When to look again, with who calls as access has it now; it ends with the credential and the process."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), self._seconds)
                return
            try:
                request.scope[SCOPE] = await self._callers.of(request)
            except RefusedError as error:
                if error.failure.code in ENDED:
                    return
                # Too many calls, or a fault: the next time.
                continue
            yield

    async def look(self, context: Context, lists: Iterable[str], uris: Iterable[str]) -> Seen:
        """How each looks now; what cannot be seen just now is left out."""
        found: Seen = {}
        for method in lists:
            await self._add(found, LISTS[method], self._list(context, method))
        for uri in uris:
            await self._add(found, ResourceUpdated(uri), self.resource(context, uri))
        return found

    async def resource(self, context: Context, uri: str) -> bytes:
        """How a resource looks.

        Raises:
            MCPError: where the caller is shown none.
        """
        digest, _ = await self._answer(context, "resources/read", ReadResourceRequestParams(uri=uri))
        return digest

    async def _add(self, found: Seen, event: ServerEvent, asked: Any) -> None:
        try:
            found[event] = await asked
        except MCPError as error:
            if error.error.code in NOT_THERE:
                found[event] = b""

    async def _list(self, context: Context, method: str) -> bytes:
        digest, cursor = sha256(), None
        for _ in range(MAX_PAGES):
            page, cursor = await self._answer(context, method, PaginatedRequestParams(cursor=cursor))
            digest.update(page)
            if cursor is None:
                break
        return digest.digest()

    async def _answer(self, context: Context, method: str, params: Any) -> tuple[bytes, str | None]:
        """The digest of what the server answers this caller, and where the next page begins."""
        entry = self._server.get_request_handler(method)
        assert entry is not None
        result: Any = await entry.handler(context, params)
        return sha256(result.model_dump_json().encode()).digest(), getattr(result, "next_cursor", None)


def changed(seen: Seen, now: Seen) -> list[ServerEvent]:
    """What looks otherwise; what is seen for the first time is no change."""
    return [event for event, digest in now.items() if seen.get(event, digest) != digest]
