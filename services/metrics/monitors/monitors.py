"""Monitors: made, changed, removed; and their history."""

from datetime import datetime
from secrets import token_hex
from uuid import UUID

import uuid_utils.compat as uuid

from servicekit import pagination
from servicekit.errors import invalid_field, permission_denied
from servicekit.idempotency import Answer, Once
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.postgres import Connection, Database
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.sealing import GRACE_SECONDS, Sealing, new_secret, reseal
from services.metrics import errors
from services.metrics.monitors.models import (
    BurnRate,
    Definition,
    IssuedMonitor,
    Monitor,
    Threshold,
    Transition,
    Webhook,
)
from services.metrics.monitors.store import monitors as store
from services.metrics.monitors.store import transitions

MAX_MONITORS = 200
# What whoever writes an action must be allowed: a monitor does for nobody what they may not do themselves.
NEEDED = {"human_request": "hitl.ask", "pause_tool": "tools.pause"}


class Monitors:
    """Reads and changes them."""

    def __init__(self, database: Database, client: WebhookClient, sealing: Sealing) -> None:
        self._database = database
        self._client = client
        self._sealing = sealing

    async def create(self, wanted: Definition, by: Principal, once: Once[IssuedMonitor, Answer]) -> Answer:
        """Makes a monitor.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, TOO_MANY_MONITORS, PERMISSION_DENIED.
        """

        async def create(connection: Connection) -> IssuedMonitor:
            secret, monitor_id = new_secret(), uuid.uuid7()
            sealed = self._sealing.seal(secret)
            made = await store.insert(connection, monitor_id, wanted, sealed, token_hex(8), by.name, MAX_MONITORS)
            if made is None:
                raise errors.too_many_monitors(MAX_MONITORS)
            return IssuedMonitor(made, secret)

        await self._require_usable(wanted, by)
        return await once.run(self._database, create)

    async def get(self, monitor_id: str, viewer: Viewer) -> Monitor:
        known = _uuid(monitor_id)
        async with self._database.connection() as connection:
            found = await store.get(connection, known, viewer) if known else None
        if found is None:
            raise errors.monitor_not_found(monitor_id)
        return found

    async def page(self, viewer: Viewer, state: str, page_size: int, page_token: str) -> tuple[list[Monitor], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (state,), _before, width=2)
        async with self._database.connection() as connection:
            found = await store.list_before(connection, viewer, state, asked.after, asked.limit)
        return asked.page(found, lambda monitor: (monitor.created_at.isoformat(), str(monitor.id)))

    async def update(
        self,
        monitor_id: str,
        wanted: Definition,
        etag: str,
        by: Principal,
        *,
        rotate: bool,
        grace_seconds: int | None = None,
    ) -> IssuedMonitor:
        """Replaces the definition, and the secret where that is wanted: then the old one signs too for the grace time.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, MONITOR_NOT_FOUND, ETAG_MISMATCH, PERMISSION_DENIED.
        """
        await self._require_usable(wanted, by)
        known = _uuid(monitor_id)
        if known is None:
            raise errors.monitor_not_found(monitor_id)
        secret = new_secret() if rotate else ""
        sealed = self._sealing.seal(secret) if rotate else None
        replaced = (sealed, GRACE_SECONDS if grace_seconds is None else grace_seconds) if sealed else None
        async with self._database.connection() as connection:
            changed = await store.replace(connection, known, wanted, replaced, (etag, token_hex(8)), by.name)
            if changed is None:
                if await store.get(connection, known, ITSELF) is None:
                    raise errors.monitor_not_found(monitor_id)
                raise errors.etag_mismatch("The monitor")
        return IssuedMonitor(changed, secret)

    async def delete(self, monitor_id: str) -> None:
        known = _uuid(monitor_id)
        async with self._database.connection() as connection:
            if known is None or not await store.delete(connection, known):
                raise errors.monitor_not_found(monitor_id)

    async def transitions(
        self, viewer: Viewer, wanted: tuple[str, str], page_size: int, page_token: str
    ) -> tuple[list[Transition], str]:
        """A page of the history, of one monitor and to one state where these are given; and the token of the next."""
        asked = pagination.page_request(page_size, page_token, wanted, _before, width=2)
        monitor_id, state = wanted
        known = _uuid(monitor_id)
        if monitor_id and known is None:
            return [], ""
        async with self._database.connection() as connection:
            found = await transitions.list_before(connection, viewer, (known, state), asked.after, asked.limit)
        return asked.page(found, lambda transition: (transition.at.isoformat(), str(transition.id)))

    async def reseal(self) -> None:
        """Seals their secrets with the newest key, so that older ones may be thrown away."""
        await reseal(self._database, self._sealing, store.sealed_secrets, store.reseal)

    async def _require_usable(self, wanted: Definition, by: Principal) -> None:
        """Outside of any transaction: it asks the name service."""
        _require_sound(wanted)
        for number, action in enumerate(wanted.actions):
            permission = NEEDED.get(action.kind, "")
            if permission and not by.may(permission):
                raise permission_denied(permission)
            if isinstance(action, Webhook):
                await self._client.require_allowed(f"monitor.actions[{number}].webhook.url", action.url)


def _require_sound(wanted: Definition) -> None:
    """Refuses limits that contradict each other, and failures that nothing can be."""
    match wanted.condition:
        case Threshold(comparison=comparison, limit=limit, recovery_limit=recovery):
            beyond = recovery > limit if comparison == "above" else recovery < limit
            if beyond:
                raise invalid_field("monitor.threshold.recovery_limit", f"must not be {comparison} the limit")
        case BurnRate() as burn_rate:
            if burn_rate.recovery_limit > burn_rate.limit:
                raise invalid_field("monitor.burn_rate.recovery_factor", "must not be above the factor")
            if burn_rate.short_window_seconds > burn_rate.long_window_seconds:
                raise invalid_field("monitor.burn_rate.short_window_seconds", "must not be longer than the long time")
            if burn_rate.failures.keys() & wanted.selection.dimensions.keys():
                what = "must not name dimensions that the selection names already"
                raise invalid_field("monitor.burn_rate.failures", what)


def _uuid(text: str) -> UUID | None:
    """The id, None where it cannot be one of ours."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _before(at: str, row_id: str) -> tuple[datetime, UUID]:
    return pagination.time(at), UUID(row_id)
