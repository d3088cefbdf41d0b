"""`subscriptions/listen`: a client hears that a list or a resource has changed, while its credential is good."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY, ServerEvent, event_to_notification
from mcp_types import (
    INTERNAL_ERROR,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from gateway.mcp.callers import caller_of
from gateway.mcp.changes import LISTS, Changes, Seen, changed

# In one replica. A stream is one caller asking all the time.
MAX_OF_ONE = 10
MAX_RESOURCES = 20
Context = ServerRequestContext[Any, Any]


class Subscriptions:
    """The handler. Each stream has its own state: a client's ids mean nothing beside it."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._open: Counter[str] = Counter()

    async def listen(self, context: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Says what it will tell, and then that it has changed, until the client goes away or may not call any more."""
        wanted = _honoured(params.notifications)
        principal = caller_of(context).principal
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
            async for event in self._events(context, wanted, seen):
                await context.session.send_notification(
                    event_to_notification(event, meta), related_request_id=context.request_id
                )
        finally:
            self._open[principal] -= 1
            self._open = +self._open
        return SubscriptionsListenResult(_meta=meta)

    async def _events(self, context: Context, wanted: SubscriptionFilter, seen: Seen) -> AsyncIterator[ServerEvent]:
        assert context.request is not None
        async for _ in self._changes.rounds(context.request):
            now = await self._look(context, wanted)
            for event in changed(seen, now):
                yield event
            seen |= now

    async def _look(self, context: Context, wanted: SubscriptionFilter) -> Seen:
        lists = [each for each in LISTS if getattr(wanted, f"{each.partition('/')[0]}_list_changed")]
        return await self._changes.look(context, lists, wanted.resource_subscriptions or ())


def _honoured(asked: SubscriptionFilter) -> SubscriptionFilter:
    uris = list(dict.fromkeys(asked.resource_subscriptions or ()))[:MAX_RESOURCES]
    return SubscriptionFilter(
        tools_list_changed=asked.tools_list_changed or None,
        prompts_list_changed=asked.prompts_list_changed or None,
        resources_list_changed=asked.resources_list_changed or None,
        resource_subscriptions=uris or None,
    )
