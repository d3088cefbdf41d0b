"""gRPC health: SERVING only while every dependency answers; `liveness` only says that the loop turns."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from grpc_health.v1 import health, health_pb2

logger = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[bool]]

# A probe under this name never touches a dependency: restarting us would not heal the database.
LIVENESS = "liveness"
CHECK_SECONDS = 1.0
# How long a check may take before it has said no.
ANSWER_SECONDS = 3.0


class Readiness:
    """Asks the dependencies again and again, and tells it to the health service."""

    def __init__(self, services: Sequence[str], checks: Mapping[str, Check]) -> None:
        self.servicer = health.aio.HealthServicer()
        self._names = ["", *services]
        self._checks = checks
        self._ready: bool | None = None
        self._leaving = False

    async def watch(self) -> None:
        """Checks for ever."""
        while True:
            await self.check()
            await asyncio.sleep(CHECK_SECONDS)

    async def check(self) -> None:
        """Asks every dependency once."""
        answers = await asyncio.gather(*(_answers(name, check) for name, check in self._checks.items()))
        failing = [name for name, answer in zip(self._checks, answers, strict=True) if not answer]
        ready = not failing
        if ready != self._ready:
            logger.info("readiness_changed", ready=ready, failing=failing)
            self._ready = ready
        await self._tell(ready and not self._leaving)

    async def alive(self) -> None:
        await self.servicer.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)

    async def leave(self) -> None:
        """Says "not serving" from now on, whatever the dependencies say."""
        self._leaving = True
        # Not by enter_graceful_shutdown, which would take liveness away as well.
        await self._tell(False)

    async def _tell(self, ready: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self.servicer.set(name, status)


async def _answers(name: str, check: Check) -> bool:
    """What the check says; one that fails or hangs says no, and must not end the watch."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await check()
    except TimeoutError:
        return False
    except Exception:
        logger.exception("check_failed", check=name)
        return False
