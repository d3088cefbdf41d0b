"""What a service tells access each second: what it refused, and which keys were used."""

import asyncio
import ipaddress
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from grpc import StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Counted

from servicekit.errors import ServiceError
from servicekit.identity import credentials
from servicekit.identity.client_address import holder
from servicekit.identity.resolver import Denial, KeyResolver
from servicekit.request_context import RequestContext

logger = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
# What one report takes.
MAX_DENIALS = 1_000
MAX_USED = 10_000
# So many kinds of refusals without a principal are told apart in a minute by the key that was tried, and as many more
# by the address alone; anybody can make up keys, and behind many proxies addresses.
MAX_UNKNOWN = 20
OTHERS = "_other"

# Method, reason, permission, principal, address.
Like = tuple[str, str, str, str, str]


class Reports:
    """Collects what is to be told; alike refusals within a second are one."""

    def __init__(self, resolver: KeyResolver, registry: CollectorRegistry) -> None:
        self._resolver = resolver
        self._denials: dict[Like, Denial] = {}
        self._denied: Counter[Like] = Counter()
        self._used: set[str] = set()
        self._unknown: tuple[set[Like], set[Like]] = (set(), set())
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
        what = (call.method.path, error.reason, permission)
        came_from = _holder(call.address)
        # One who is known is one, from wherever: the row has where from last.
        like = (*what, principal, "")
        if error.code is StatusCode.UNAUTHENTICATED or "address" in error.metadata:
            like = self._of_unknown(*what, principal, came_from)
        elif like not in self._denials and len(self._denials) >= MAX_DENIALS:
            like = (*what, OTHERS, "")
        method, reason, _, name, address = like
        self._denied[like] += 1
        self._denials[like] = Denial(
            at=datetime.now(UTC),
            method=method,
            reason=reason,
            permission=permission,
            principal=name,
            correlation_id=call.correlation_id,
            request_id=call.request_id,
            count=0,
            address=address or came_from,
        )

    def _of_unknown(self, method: str, reason: str, permission: str, principal: str, address: str) -> Like:
        """Of whose refusals one of nobody known is, in this minute: of a key, of an address, or of all the others."""
        minute = int(time.monotonic() // 60)
        if minute != self._unknown_minute:
            self._unknown = (set(), set())
            self._unknown_minute = minute
        what = (method, reason, permission)
        for name, told_apart in zip((principal, OTHERS), self._unknown, strict=True):
            like = (*what, name, address)
            if like in told_apart or len(told_apart) < MAX_UNKNOWN:
                told_apart.add(like)
                return like
        return (*what, OTHERS, OTHERS)

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
    return [replace(denial, count=counts[like]) for like, denial in denials.items()]


def _holder(address: str) -> str:
    """Whoever has the address; empty where it is none, as a caller beside the edge may say."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return ""
    return holder(address)
