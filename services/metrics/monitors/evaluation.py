"""Evaluates monitors: each replica takes what is due, one of them each monitor, and writes what changed, once."""

import asyncio

import structlog
import uuid_utils.compat as uuid

from servicekit.database_errors import unreachable
from servicekit.errors import ServiceError
from servicekit.postgres import Database
from services.metrics.monitors.conditions import Conditions
from services.metrics.monitors.models import FIRING, OK, Action, ClaimedMonitor, Reading, Standing, Transition
from services.metrics.monitors.store import monitors as store
from services.metrics.monitors.store import transitions
from services.metrics.monitors.transitions import judged_by, next_standing

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
# Evaluated by one replica at a time: each reads from the database.
AT_A_TIME = 4
# After which another replica may evaluate what this one has taken; a reading that took longer is thrown away.
LEASE_SECONDS = 60.0
MAX_ERROR_LENGTH = 1_000


class Evaluation:
    """The loop of one process; every replica has it, and they share the monitors out among themselves."""

    def __init__(self, database: Database, conditions: Conditions) -> None:
        self._database = database
        self._conditions = conditions

    async def run(self) -> None:
        """Evaluates what is due, for ever."""
        while True:
            async with self._database.connection() as connection:
                claimed = await store.claim(connection, AT_A_TIME, LEASE_SECONDS)
            await asyncio.gather(*map(self._evaluate, claimed))
            if len(claimed) < AT_A_TIME:
                await asyncio.sleep(LOOK_SECONDS)

    async def _evaluate(self, claimed: ClaimedMonitor) -> None:
        try:
            reading = await self._conditions.read(claimed.definition, claimed.now)
            await self._record(claimed, reading)
        except Exception as error:
            if unreachable(error):
                # It is due again when the lease is over.
                logger.warning("monitor_not_evaluated", monitor_id=str(claimed.id), error=str(error))
                return
            why = "The log of the service has more."
            if isinstance(error, ServiceError):
                why = error.message
            else:
                logger.exception("monitor_not_evaluated", monitor_id=str(claimed.id))
            async with self._database.connection() as connection:
                await store.failed(connection, claimed, f"It could not be evaluated: {why}"[:MAX_ERROR_LENGTH])

    async def _record(self, claimed: ClaimedMonitor, reading: Reading) -> None:
        """Writes the state, and with it the transition and what is to be done: all of it, or nothing."""
        standing = next_standing(claimed.definition, claimed.standing, reading.value)
        async with self._database.transaction() as connection:
            if not await store.evaluated(connection, claimed, standing, reading):
                return
            if standing.state == claimed.standing.state:
                return
            await transitions.insert(
                connection, _transition(claimed, standing, reading), claimed, _due(claimed, standing)
            )
        logger.info("monitor_changed", monitor_id=str(claimed.id), state=standing.state, value=reading.value)


def _transition(claimed: ClaimedMonitor, standing: Standing, reading: Reading) -> Transition:
    definition = claimed.definition
    limit = judged_by(definition.condition, standing.state)
    return Transition(
        uuid.uuid7(),
        claimed.id,
        definition.name,
        claimed.standing.state,
        standing.state,
        claimed.now,
        limit,
        reading,
    )


def _due(claimed: ClaimedMonitor, standing: Standing) -> list[Action]:
    """What is to be done about a new state: webhooks are told of each, but that all is well from the first."""
    if standing.state == FIRING:
        return list(claimed.definition.actions)
    if standing.state == OK and not claimed.standing.state:
        return []
    return [each for each in claimed.definition.actions if each.kind == "webhook"]
