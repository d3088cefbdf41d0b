"""Counts outcomes by hour, so that summaries are added up and not counted through."""

import asyncio

from servicekit.postgres import Database
from services.tools.audit.store import summaries as store

PAUSE_SECONDS = 10.0
# Outcomes in one transaction: an audit that was there before is counted in such bits, while others work.
AT_A_TIME = 20_000


class OutcomeCounter:
    """Every replica has one; where two are at it, one counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Counts, for ever."""
        while True:
            if not await self.count():
                await asyncio.sleep(PAUSE_SECONDS)

    async def count(self) -> bool:
        """Counts what is not counted yet, or a bit of it; whether there is more."""
        async with self._database.transaction() as connection:
            if not await store.lock_counting(connection):
                return False
            some: list[store.Piece] = []
            room = AT_A_TIME
            for chain_id, first, last in await store.uncounted(connection):
                if room == 0:
                    break
                some.append((chain_id, first, min(last, first + room - 1)))
                room -= some[-1][2] - first + 1
            if some:
                await store.count(connection, some)
            return room == 0
