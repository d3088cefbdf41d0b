"""What a service tells access each second: what it refused, and which keys were used."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog
from grpc import StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Counted

from servicekit.errors import ServiceError
from servicekit.identity import credentials
from servicekit.identity.resolver import Denial, KeyResolver
from servicekit.request_context import RequestContext

logger = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
# What one report takes.
MAX_DENIALS = 1_000
MAX_USED = 10_000
# So many kinds of refusals without a principal are told apart in a minute; anybody can make up keys.
MAX_UNKNOWN = 20
OTHERS = "_other"

# Method, reason, permission, principal.
Like = tuple[str, str, str, str]


class Reports:
    """Collects what is to be told; alike refusals within a second are one."""

    def __init__(self, resolver: KeyResolver, registry: CollectorRegistry) -> None:
        self._resolver = resolver
        self._denials: dict[Like, Denial] = {}
        self._denied: Counter[Like] = Counter()
        self._used: set[str] = set()
        self._unknown: set[Like] = set()
        self._unknown_minute = 0
        self._denials_total = Counted(
            "qmcp_access_denials_total",
            "Calls refused for want of a credential or a permission.",
            ("method", "reason"),
            registry=registry,
        )

    def used(self, key_id: str) -> None:
        """A key made a call."""
        self._used.add(key_id)

    def denied(self, call: RequestContext, error: ServiceError) -> None:
        """Counts a refusal and keeps it for the next report."""
        self._denials_total.labels(call.method.path, error.reason).inc()
        key = credentials.parse(call.credential)
        principal = call.principal.name or (key.id if key else "")
        permission = error.metadata.get("permission", "")
        like = (call.method.path, error.reason, permission, principal)
        too_many = like not in self._denials and len(self._denials) >= MAX_DENIALS
        unknown = error.code is StatusCode.UNAUTHENTICATED or "address" in error.metadata
        if too_many or (unknown and not self._told_apart(like)):
            like = (call.method.path, error.reason, permission, OTHERS)
        self._denied[like] += 1
        self._denials[like] = Denial(
            datetime.now(UTC), *like, correlation_id=call.correlation_id, request_id=call.request_id, count=0
        )

    def _told_apart(self, like: Like) -> bool:
        """Whether a refusal of nobody known has a row of its own in this minute."""
        minute = int(time.monotonic() // 60)
        if minute != self._unknown_minute:
            self._unknown.clear()
            self._unknown_minute = minute
        if len(self._unknown) < MAX_UNKNOWN:
            self._unknown.add(like)
        return like in self._unknown

    async def send(self) -> None:
        """Tells access each second, for ever."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            if not self._denied and not self._used:
                continue
            counts, self._denied = self._denied, Counter()
            denials, self._denials = self._denials, {}
            used, self._used = self._used, set()
            try:
                await self._report(_counted(denials, counts), sorted(used))
            except ServiceError as error:
                # The log and the counter have them; a queue would have to be bounded and lose them anyway.
                logger.warning("denials_not_reported", count=sum(counts.values()), error=str(error))
            except Exception:
                logger.exception("denials_not_reported", count=sum(counts.values()))

    async def _report(self, denials: Sequence[Denial], used: Sequence[str]) -> None:
        """Reports in parts that access takes."""
        first = True
        while first or denials or used:
            await self._resolver.report(denials[:MAX_DENIALS], used[:MAX_USED])
            denials, used, first = denials[MAX_DENIALS:], used[MAX_USED:], False


def _counted(denials: Mapping[Like, Denial], counts: Mapping[Like, int]) -> list[Denial]:
    return [
        Denial(d.at, d.method, d.reason, d.permission, d.principal, d.correlation_id, d.request_id, counts[like])
        for like, d in denials.items()
    ]
