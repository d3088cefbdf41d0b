"""What awaits an approval since this replica recorded it, told from the audit to whoever asks humans."""

import asyncio
from collections.abc import Iterable
from uuid import UUID


class AwaitingApproval:
    """The ids that this replica is to ask about, and an event for whatever else there is to look at."""

    def __init__(self) -> None:
        self._ids: set[UUID] = set()
        self._woken = asyncio.Event()

    def __contains__(self, invocation_id: UUID) -> bool:
        return invocation_id in self._ids

    def add(self, ids: Iterable[UUID]) -> None:
        """These are to be asked about from now on."""
        self._ids.update(ids)
        self._woken.set()

    def ids(self) -> set[UUID]:
        return set(self._ids)

    def forget(self, ids: Iterable[UUID]) -> None:
        self._ids.difference_update(ids)

    def wake(self) -> None:
        """There is something to look at, although nothing new awaits an approval."""
        self._woken.set()

    def look(self) -> None:
        """Whoever waits looks now; what comes from now on wakes it again."""
        self._woken.clear()

    async def wait(self) -> None:
        await self._woken.wait()
