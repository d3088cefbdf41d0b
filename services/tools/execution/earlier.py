"""The invocations that requests ask for again: found by their idempotency_key, and waited for."""

from uuid import UUID

from servicekit.idempotency import idempotency_key_reused
from servicekit.large import beside
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Database
from services.tools.audit.receipts import same_arguments
from services.tools.audit.store import invocations as store
from services.tools.execution.active import InvocationRequest
from services.tools.models import Invocation

# Of waits for an outcome that another replica may record: a notification may get lost.
LOOK_AGAIN_SECONDS = 1.0


class EarlierInvocations:
    """What was recorded before, by whichever replica."""

    def __init__(self, database: Database, waiters: Waiters) -> None:
        self._database = database
        self._waiters = waiters

    async def of_key(self, request: InvocationRequest) -> Invocation | None:
        """The invocation that holds the idempotency_key already; None where none does.

        Raises:
            ServiceError: as held_by.
        """
        if not request.idempotency_key:
            return None
        async with self._database.connection() as connection:
            holder = await store.id_of_idempotency_key(connection, request.principal, request.idempotency_key)
        return None if holder is None else await self.held_by(holder, request)

    async def held_by(self, holder: UUID, request: InvocationRequest) -> Invocation:
        """The invocation that holds the idempotency_key, if it is the same request.

        Raises:
            ServiceError: IDEMPOTENCY_KEY_REUSED.
        """
        earlier = await self._read(holder)
        same_place = (earlier.intent.tool_name, earlier.intent.lease) == (request.tool_name, request.lease)
        if not same_place or not await beside(request.size, same_arguments, earlier.intent, request.arguments):
            raise idempotency_key_reused(request.idempotency_key)
        return earlier

    async def ended(self, invocation: Invocation) -> Invocation:
        """The invocation once it has ended, wherever it runs; at once where humans must approve first."""
        with self._waiters.registered(str(invocation.intent.id)) as woken:
            while not invocation.ended and invocation.status != "awaiting_approval":
                await wait_for(woken, LOOK_AGAIN_SECONDS)
                woken.clear()
                invocation = await self._read(invocation.intent.id)
        return invocation

    async def _read(self, invocation_id: UUID) -> Invocation:
        async with self._database.connection() as connection:
            found = await store.get(connection, invocation_id)
        assert found is not None, "invocations are never deleted"
        return found
