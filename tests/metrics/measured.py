"""Events as numpy has them: what a service is sent, and what it must say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.metrics.v1 import metric_pb2

from tests.metrics.service import Replica, pb
from tests.wire import query, until

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
A_REQUEST = 5_000
TOOLS = ("echo", "sum", "fetch", "search", "render")
CLIENTS = ("cli", "web")
# As services/metrics/rollups/store/events.py has it: whoever holds it keeps events from being rolled up.
ROLLING_UP = 0x726F6C6C


@dataclass(frozen=True)
class Measured:
    """Columns of events of two services."""

    at: Any
    service: Any
    tool: Any
    client: Any
    user: Any
    value: Any
    duration: Any
    invocation: Sequence[str]

    def of(self, chosen: Any) -> "Measured":
        columns = (self.at, self.service, self.tool, self.client, self.user, self.value, self.duration)
        names = [name for name, each in zip(self.invocation, chosen, strict=True) if each]
        return Measured(*(column[chosen] for column in columns), names)


def measured(count: int, end: int, span: int, seed: int = 1) -> Measured:
    """Events of a time before `end`, microseconds; a fifth have no duration, a half are invocations."""
    random = np.random.default_rng(seed)
    duration = random.lognormal(3, 1.5, count)
    duration[random.random(count) < 0.2] = np.nan
    return Measured(
        end - random.integers(1, span, count),
        random.integers(0, 2, count),
        random.integers(0, len(TOOLS), count),
        random.integers(0, len(CLIENTS), count),
        random.integers(0, 50, count),
        random.normal(0, 100, count),
        duration,
        [str(UUID(int=(seed << 64) + number)) for number in range(1, count + 1)],
    )


async def send(replica: Replica, events: Measured, names: Sequence[str] = ("alpha", "beta")) -> None:
    """Sends them, each service its own."""
    for number, name in enumerate(names):
        mine = events.of(events.service == number)
        for begin in range(0, len(mine.at), A_REQUEST):
            request = pb.IngestMetricsRequest(service=name)
            request.metrics.extend(_event(mine, row) for row in range(begin, min(begin + A_REQUEST, len(mine.at))))
            answer = await replica.stub.IngestMetrics(request)
            assert answer.rejected == 0, answer.errors[:3]


def _event(events: Measured, row: int) -> metric_pb2.Metric:
    event = metric_pb2.Metric(
        type="tool_execution",
        at=Timestamp(seconds=int(events.at[row]) // SECOND, nanos=int(events.at[row]) % SECOND * 1000),
        value=events.value[row],
        duration_ms=None if np.isnan(events.duration[row]) else events.duration[row],
        dimensions={
            "tool_name": TOOLS[events.tool[row]],
            "client_name": CLIENTS[events.client[row]],
            "user": f"u{events.user[row]}",
        },
    )
    if row % 2 == 0:
        event.metadata["invocation_id"] = events.invocation[row]
    return event


async def rolled_up(replica: Replica) -> None:
    """Waits until everything is."""

    async def none_pending() -> bool:
        rows = await query(replica.settings.database_url, "SELECT count(*) AS number FROM pending_rollups")
        return rows[0]["number"] == 0

    await until(none_pending, 60)


async def open_since(url: str, at: int) -> None:
    """Takes minutes and hours since then, microseconds, for open; needs a service that has rolled up nothing."""
    await query(url, "UPDATE closed_rollups SET closed_until = to_timestamp($1 / 3600000000 * 3600)", at)


async def closed(replica: Replica) -> None:
    """Waits until all is that was over a while ago."""

    async def none_open() -> bool:
        rows = await query(
            replica.settings.database_url,
            "SELECT bool_and(closed_until > now() - interval '4 minutes' OR table_name <> 'metrics_minutely') AS done"
            " FROM closed_rollups",
        )
        return bool(rows[0]["done"])

    await until(none_open, 60)


def stamp(at: int) -> Timestamp:
    return Timestamp(seconds=at // SECOND, nanos=at % SECOND * 1000)


def microseconds(at: Timestamp) -> int:
    return at.seconds * SECOND + at.nanos // 1000


def label(events: Measured, name: str) -> Any:
    """Of each event what it is grouped under."""
    match name:
        case "service":
            return np.array(["alpha", "beta"])[events.service]
        case "tool_name":
            return np.array(TOOLS)[events.tool]
        case "client_name":
            return np.array(CLIENTS)[events.client]
        case _:
            return np.array([f"u{each}" for each in range(50)])[events.user]


def chosen(events: Measured, group: Mapping[str, str], start: int, end: int) -> Any:
    """Which events are of a group and a time."""
    mask = (events.at >= start) & (events.at < end)
    for name, value in group.items():
        mask &= label(events, name) == value
    return mask
