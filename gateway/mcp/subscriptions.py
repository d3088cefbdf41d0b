"""`subscriptions/listen`: a client hears that a list or a resource has changed, for as long as its credential is good.

Nothing in the services tells of every change, and what a caller sees of a list is its own. So what is listened to is
asked for again and again with the caller's credential, and compared.
"""

from collections import Counter
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
    event_to_notification,
)
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from gateway.mcp.callers import SCOPE, Callers, RefusedError

LISTS: dict[str, ServerEvent] = {
    "tools/list": ToolsListChanged(),
    "prompts/list": PromptsListChanged(),
    "resources/list": ResourcesListChanged(),
}
# In one replica. A stream is one caller asking all the time.
MAX_OF_ONE = 10
MAX_RESOURCES = 20
# Of a list so many pages are compared.
MAX_PAGES = 20
Context = ServerRequestContext[Any, Any]
Seen = dict[ServerEvent, bytes]


class Subscriptions:
    """The handler. Each stream has its own state: a client's ids mean nothing beside it."""

    def __init__(self, server: Server[Any], callers: Callers, *, seconds: float) -> None:
        """`seconds`: how often is looked."""
        self._server = server
        self._callers = callers
        self._seconds = seconds
        self._open: Counter[str] = Counter()

    async def listen(self, context: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Says what it will tell, and then that it has changed, until the client goes away or may not call any more."""
        wanted = _honoured(params.notifications)
        principal = context.request.scope[SCOPE].principal if context.request is not None else ""
        if self._open[principal] >= MAX_OF_ONE:
            raise MCPError(INTERNAL_ERROR, f"You listen {MAX_OF_ONE} times already.")
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: context.request_id}
        self._open[principal] += 1
        try:
            seen = await self._look(context, wanted)
            acknowledged = SubscriptionsAcknowledgedNotificationParams(notifications=wanted, _meta=meta)
            await context.session.send_notification(
                SubscriptionsAcknowledgedNotification(params=acknowledged), related_request_id=context.request_id
            )
            async for event in self._changes(context, wanted, seen):
                await context.session.send_notification(
                    event_to_notification(event, meta), related_request_id=context.request_id
                )
        finally:
            self._open[principal] -= 1
            self._open = +self._open
        return SubscriptionsListenResult(_meta=meta)

    async def _changes(self, context: Context, wanted: SubscriptionFilter, seen: Seen) -> AsyncIterator[ServerEvent]:
        """What looks otherwise than before; it ends with the credential."""
        assert context.request is not None
        while True:
            await anyio.sleep(self._seconds)
            try:
                context.request.scope[SCOPE] = await self._callers.of(context.request)
            except RefusedError:
                return
            now = await self._look(context, wanted)
            for event, digest in now.items():
                if seen.get(event, digest) != digest:
                    yield event
            seen |= now

    async def _look(self, context: Context, wanted: SubscriptionFilter) -> Seen:
        """How each looks now; what cannot be seen just now is left out."""
        found: Seen = {}
        for method, event in LISTS.items():
            if getattr(wanted, f"{method.partition('/')[0]}_list_changed"):
                await self._add(found, event, self._list(context, method))
        for uri in wanted.resource_subscriptions or ():
            asked = self._answer(context, "resources/read", ReadResourceRequestParams(uri=uri))
            await self._add(found, ResourceUpdated(uri), asked)
        return found

    async def _add(self, found: Seen, event: ServerEvent, asked: Any) -> None:
        try:
            found[event] = (await asked)[0]
        except MCPError as error:
            # What is not there looks like nothing.
            if error.error.code == INVALID_PARAMS:
                found[event] = b""

    async def _list(self, context: Context, method: str) -> tuple[bytes, None]:
        digest, cursor = sha256(), None
        for _ in range(MAX_PAGES):
            page, cursor = await self._answer(context, method, PaginatedRequestParams(cursor=cursor))
            digest.update(page)
            if cursor is None:
                break
        return digest.digest(), None

    async def _answer(self, context: Context, method: str, params: Any) -> tuple[bytes, str | None]:
        """The digest of what the server answers this caller, and where the next page begins."""
        entry = self._server.get_request_handler(method)
        assert entry is not None
        result: Any = await entry.handler(context, params)
        return sha256(result.model_dump_json().encode()).digest(), getattr(result, "next_cursor", None)


def _honoured(asked: SubscriptionFilter) -> SubscriptionFilter:
    uris = list(dict.fromkeys(asked.resource_subscriptions or ()))[:MAX_RESOURCES]
    return SubscriptionFilter(
        tools_list_changed=asked.tools_list_changed or None,
        prompts_list_changed=asked.prompts_list_changed or None,
        resources_list_changed=asked.resources_list_changed or None,
        resource_subscriptions=uris or None,
    )
