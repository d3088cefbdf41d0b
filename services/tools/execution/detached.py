"""Runs beside the calls that they came from: so many and no more, each as long as its caller may invoke tools."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from servicekit.errors import overloaded
from servicekit.identity.detached_work import DetachedWork
from servicekit.identity.principal import Principal
from servicekit.methods import CallKind
from servicekit.shares import Shares
from services.tools import reach
from services.tools.execution.active import ActiveInvocation, InvocationRequest
from services.tools.models import Tool

MAX_DETACHED = 10_000


class DetachedRuns:
    """Those of this process."""

    def __init__(self, shares: Shares, work: DetachedWork) -> None:
        self._shares = shares
        self._work = work
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        return len(self._tasks) >= MAX_DETACHED

    def require_room(self, caller: Principal) -> None:
        """Refuses where so many run already, or of the caller as many as its share allows.

        Raises:
            ServiceError: OVERLOADED, CONCURRENCY_LIMITED.
        """
        self._shares.require(caller, CallKind.LONG)
        if self.full:
            raise overloaded()

    def begin(
        self, run: Coroutine[Any, Any, None], tool: Tool, request: InvocationRequest, active: ActiveInvocation
    ) -> None:
        """Runs it beside; it is a long call of its principal's as long as it lasts."""
        self._shares.take(request.principal, CallKind.LONG)
        task = asyncio.create_task(self._held(run, tool, request, active))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._shares.give_back(request.principal, CallKind.LONG))

    async def _held(
        self, run: Coroutine[Any, Any, None], tool: Tool, request: InvocationRequest, active: ActiveInvocation
    ) -> None:
        def may_run(caller: Principal) -> bool:
            return reach.may_run(caller, tool)

        with self._work.held(request.sponsor, may_run, lambda: active.stop("ACCESS_ENDED")):
            await run

    async def ended(self, grace_seconds: float) -> None:
        """Returns when all have ended, or the time is up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
