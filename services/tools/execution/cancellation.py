"""Cancellation: what a caller asks for, and what the replica does that runs the invocation."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Database
from services.tools import errors
from services.tools.audit.history import History
from services.tools.audit.recording import Recorder
from services.tools.execution import store
from services.tools.execution.active import ActiveInvocations
from services.tools.models import Invocation

LOOK_AGAIN_SECONDS = 1.0
# How long CancelInvocation waits for the replica that runs the invocation.
CANCEL_SECONDS = 5.0

# Ends an invocation that awaits its approval, for a principal; False where it is decided already.
CancelAwaiting = Callable[[Invocation, str], Awaitable[bool]]


class Cancellations:
    """The caller's side."""

    def __init__(self, database: Database, waiters: Waiters, history: History, cancel_awaiting: CancelAwaiting) -> None:
        self._database = database
        self._waiters = waiters
        self._history = history
        self._cancel_awaiting = cancel_awaiting

    async def cancel(self, invocation_id: str, viewer: Viewer) -> Invocation:
        """Ends what awaits its approval; asks the process that runs it otherwise, and waits a little for that.

        Raises:
            ServiceError: INVOCATION_NOT_FOUND, INVOCATION_ENDED; PERMISSION_DENIED where it is another's and the viewer
                is no administrator.
        """
        invocation = await self._history.get(invocation_id, viewer)
        viewer.require_own(invocation.intent.principal)
        if invocation.ended:
            raise errors.invocation_ended(invocation_id, invocation.status)
        if invocation.status == "awaiting_approval" and await self._cancel_awaiting(invocation, viewer.name):
            return await self._history.get(invocation_id, viewer)
        with self._waiters.registered(str(invocation.intent.id)) as woken:
            async with self._database.connection() as connection:
                await store.insert_cancellation(connection, invocation.intent.id, viewer.name)
            give_up = monotonic() + CANCEL_SECONDS
            while not invocation.ended and monotonic() < give_up:
                await wait_for(woken, LOOK_AGAIN_SECONDS)
                woken.clear()
                invocation = await self._history.get(invocation_id, viewer)
        return invocation


class CancellationFollower:
    """The side of the replica that runs it."""

    def __init__(self, database: Database, active: ActiveInvocations, recorder: Recorder) -> None:
        self._database = database
        self._active = active
        self._recorder = recorder

    def tell(self, payload: str | None) -> None:
        """A notification: somebody wants this invocation ended."""
        if payload:
            self._cancel(UUID(payload))

    async def follow(self) -> None:
        """Looks for those whose notification got lost, for ever."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            if self._active:
                async with self._database.connection() as connection:
                    wanted = await store.cancellations_of(connection, list(self._active))
                for invocation_id in wanted:
                    self._cancel(invocation_id)

    def _cancel(self, invocation_id: UUID) -> None:
        active = self._active.get(invocation_id)
        if active is not None:
            self._recorder.announce(invocation_id)
            active.stop("CANCELLED_BY_REQUEST")
