"""What runs beside the calls: leases that have expired; every replica looks, and may."""

import asyncio

from services.tasks.board.leases import MAX_SWEPT, Leases


class Worker:
    """The background loop about leases: what two replicas find, one of them takes away."""

    def __init__(self, leases: Leases, sweep_seconds: float) -> None:
        self._leases = leases
        self._sweep_seconds = sweep_seconds

    async def sweep(self) -> None:
        """Takes leases away that have expired, for ever."""
        while True:
            while await self._leases.sweep() == MAX_SWEPT:
                pass
            await asyncio.sleep(self._sweep_seconds)
