"""Finds out what became of runs whose end nobody knows, by the tools that theirs name."""

import asyncio
from typing import Any
from uuid import UUID

import orjson
import structlog
import uuid_utils.compat as uuid

from servicekit.errors import ServiceError
from servicekit.postgres import Database
from services.tools.audit.receipts import intent_digests
from services.tools.audit.store import invocations, reconciliations
from services.tools.catalogue.loading import LoadedTool, LoadedTools
from services.tools.execution.active import InvocationRequest
from services.tools.execution.runner import Runner
from services.tools.models import Invocation, Outcome

logger = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 1.0
# Between a try that told nothing and the next.
PAUSES_SECONDS = (5.0, 30.0, 120.0, 600.0)
MAX_TRIES = len(PAUSES_SECONDS) + 1
# Beyond the time that the tool may take: who has not ended by then is dead.
CLAIM_SECONDS = 60.0
VERDICTS = ("success", "failed")


class Reconciling:
    """One try at a time of each replica; which is next is settled in the database."""

    def __init__(self, database: Database, tools: LoadedTools, runner: Runner) -> None:
        self._database = database
        self._tools = tools
        self._runner = runner

    async def run(self) -> None:
        """Looks, for ever."""
        while True:
            if not await self.try_next():
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def try_next(self) -> bool:
        """Tries the next that is due; False where none is."""
        attempt: UUID = uuid.uuid7()
        async with self._database.connection() as connection:
            claimed = await reconciliations.claim(connection, attempt, CLAIM_SECONDS)
            if claimed is None:
                return False
            invocation_id, tool_name, tries = claimed
            invocation = await invocations.get(connection, invocation_id)
        # What was written before a process died counts as a try, so that no tool that ends processes is tried for ever.
        verdict = "" if invocation is None or tries > MAX_TRIES else await self._asked(invocation, tool_name, attempt)
        if not verdict and tries >= MAX_TRIES:
            verdict = "unknown"
        async with self._database.connection() as connection:
            if verdict:
                await reconciliations.decide(connection, invocation_id, verdict)
            else:
                await reconciliations.postpone(connection, invocation_id, PAUSES_SECONDS[tries - 1])
        logger.info("reconciliation", invocation_id=str(invocation_id), attempt=tries, verdict=verdict or "open")
        return True

    async def _asked(self, invocation: Invocation, tool_name: str, attempt: UUID) -> str:
        """What the tool says became of it; empty where it says nothing, or cannot be run now."""
        arguments = _arguments(invocation)
        try:
            self._runner.require_lease()
            loaded = await self._tools.find(tool_name)
            if loaded is None or arguments is None:
                return ""
            loaded.require_not_paused()
            arguments = loaded.read(arguments)
            if loaded.needs_approval(arguments):
                # What humans are to see first is not run by the way.
                return ""
            outcome = await self._ran(loaded, invocation, arguments, attempt)
        except ServiceError as error:
            logger.warning("reconciliation_failed", tool=tool_name, reason=error.reason)
            return ""
        answer = orjson.loads(outcome.result) if outcome.status == "success" and outcome.result else None
        said = answer.get("status") if isinstance(answer, dict) else None
        return said if said in VERDICTS else ""

    async def _ran(
        self, loaded: LoadedTool, invocation: Invocation, arguments: dict[str, Any], attempt: UUID
    ) -> Outcome:
        """One invocation of it, in the name of whoever made the first."""
        async with self._database.connection() as connection:
            await reconciliations.postpone(connection, invocation.intent.id, loaded.timeout_seconds + CLAIM_SECONDS)
        request = InvocationRequest(
            tool_name=loaded.tool.name,
            arguments=arguments,
            principal=invocation.intent.principal,
            correlation_id=invocation.intent.correlation_id,
            idempotency_key="",
            invocation_id=attempt,
            digests=intent_digests(arguments),
        )
        return await self._runner.run_beside(loaded, request)


def _arguments(invocation: Invocation) -> dict[str, Any] | None:
    """What the tool is told; None where the arguments have been erased."""
    intent, approval = invocation.intent, invocation.approval
    decision = approval.decision if approval is not None else None
    ran_with = (decision.edited_arguments if decision is not None else None) or intent.input_params
    if ran_with is None:
        return None
    return {
        "invocation_id": str(intent.id),
        "idempotency_key": intent.idempotency_key,
        "tool_name": intent.tool_name,
        "arguments": orjson.loads(ran_with),
    }
