"""kill -9 of the metrics service and of Postgres while events come in, and which of them are kept afterwards."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg
import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.metrics.v1 import metric_pb2, metrics_service_pb2, metrics_service_pb2_grpc

from tests.faults.crashes import strike
from tests.faults.load import DEADLINE_SECONDS, OPTIONS, TRANSIENT
from tests.faults.processes import replicas

IN_FLIGHT = 32
EVENTS = 50
KEPT = """
    SELECT value::int AS number, count(*) AS events, count(DISTINCT position) AS positions, min(request) AS request
    FROM metric_events
    GROUP BY value
"""


OPEN = "UPDATE closed_rollups SET closed_until = date_trunc('hour', now(), 'UTC') - ($1::integer + 60) * interval '1 minute'"
PENDING = "SELECT EXISTS (SELECT FROM pending_rollups)"
# Of events and of each table of roll-ups, with what only finer ones have yet: how many, and their sum; totals left out, which
# are the same once more.
ROLLED = """
    WITH rolled AS (
        SELECT 'minutes' AS name, * FROM metrics_minutely
        UNION ALL
        SELECT 'hours', * FROM metrics_hourly
        UNION ALL
        SELECT 'days', * FROM metrics_daily
        UNION ALL
        SELECT coarser.name, m.*
        FROM metrics_minutely m
        JOIN closed_rollups ON table_name = 'metrics_minutely' AND bucket >= closed_until
        CROSS JOIN (VALUES ('hours'), ('days')) AS coarser (name)
        UNION ALL
        SELECT 'days', h.*
        FROM metrics_hourly h
        JOIN closed_rollups ON table_name = 'metrics_hourly' AND bucket >= closed_until
    )
    SELECT name, totals, sum(value_count)::bigint AS events, sum(value_sum) AS sum
    FROM rolled
    JOIN rollup_series s ON s.id = series_id
    GROUP BY name, totals
    UNION ALL
    SELECT 'events', false, count(*), sum(value)
    FROM metric_events
"""
# The roll-up of a batch forgets that it has been made, the first time.
FORGETFUL = """
    CREATE TABLE done_once (batch bigint PRIMARY KEY);
    CREATE FUNCTION forget_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO done_once VALUES (OLD.batch) ON CONFLICT DO NOTHING;
        RETURN CASE WHEN FOUND THEN NULL ELSE OLD END;
    END $$;
    CREATE TRIGGER forget_once BEFORE DELETE ON pending_rollups FOR EACH ROW EXECUTE FUNCTION forget_once();
"""
# Events lie in so many minutes before now, and all of these are open at first: so roll-ups are closed while things are killed.
MINUTES = 2 * 24 * 60


@dataclass(slots=True)
class MeasurementFindings:
    """What callers were told, held against what is kept."""

    seed: int
    # Requests that were acknowledged, and those of them of which not all events are kept under the id that was told.
    acknowledged: int = 0
    lost: int = 0
    # Requests of which an event is kept more than once.
    doubled: int = 0
    # Requests of which only some events are kept.
    torn: int = 0
    # Kept although their caller never learnt of it; without a key it does not ask again.
    unacknowledged: int = 0
    # What of the roll-ups is not what the events are: events by table and whether it is of totals.
    rolled_up_wrong: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, doubled or torn, of events and of roll-ups."""
        return (self.lost, self.doubled, self.torn, self.rolled_up_wrong, self.violations) == (0, 0, 0, {}, [])


class MeasuringCallers:
    """Each of them sends requests over and over; every other one has a key, and is sent again until it is answered."""

    def __init__(self, target: str, events: int) -> None:
        self._target = target
        self._events = events
        self._numbers = count(1)
        self._stopping = False
        # The id that each was answered, by the number that is the value of its events.
        self.told: dict[int, str] = {}
        self.violations: list[str] = []

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Calls while the block lasts."""
        async with grpc.aio.insecure_channel(self._target, options=OPTIONS) as channel:
            stub = metrics_service_pb2_grpc.MetricsServiceStub(channel)
            tasks = [asyncio.create_task(self._call_on(stub)) for _ in range(IN_FLIGHT)]
            try:
                yield
            finally:
                self._stopping = True
                await asyncio.gather(*tasks)

    @property
    def acknowledged(self) -> int:
        return len(self.told)

    async def until_acknowledged(self, number: int) -> None:
        """Waits until that many requests have been answered."""
        while len(self.told) < number:
            await asyncio.sleep(0.05)

    async def _call_on(self, stub: "metrics_service_pb2_grpc.MetricsServiceAsyncStub") -> None:
        while not self._stopping:
            number = next(self._numbers)
            at = Timestamp(seconds=int(time.time()) - number * 7 % MINUTES * 60)
            request = metrics_service_pb2.IngestMetricsRequest(
                service="crashes",
                metrics=[metric_pb2.Metric(type="custom", value=number, at=at)] * self._events,
                idempotency_key=f"key-{number}" if number % 2 else "",
            )
            while True:
                try:
                    answer = await stub.IngestMetrics(request, timeout=DEADLINE_SECONDS, wait_for_ready=True)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in TRANSIENT:
                        self.violations.append(f"{number}: {error.code().name} {error.details()}")
                        break
                    await asyncio.sleep(0.02)
                    if not request.idempotency_key or self._stopping:
                        break
                else:
                    self.told[number] = answer.request_id
                    break


async def crash_measuring(
    folder: Path,
    kills: Sequence[str],
    *,
    synchronous_commit: str = "on",
    forgetful: bool = False,
    events: int = EVENTS,
    acknowledged: int = 0,
    seed: int | None = None,
) -> MeasurementFindings:
    """Runs load and kills; then compares.

    Args:
        folder: where the data goes.
        kills: what to kill, in order: `service`, `postgres`.
        synchronous_commit: `off` acknowledges before the commit is on disk, and loses.
        forgetful: whether roll-ups are made again, as where they and the note of them were not one transaction.
        events: of each request.
        acknowledged: requests that are answered at the end, at least.
        seed: of the random points; None for a new one.
    """
    seed = random.randrange(2**32) if seed is None else seed
    settings = {"metrics_rate_limit": 0, "metrics_prometheus_enabled": False}
    async with replicas(folder, "metrics", 1, **settings) as (engine, (replica,)):
        if synchronous_commit != "on":
            await engine.execute(f"ALTER DATABASE qmcp_metrics SET synchronous_commit = {synchronous_commit}")
            replica.stop()
            await replica.start()
        await _prepare(engine.url, forgetful=forgetful)
        callers = MeasuringCallers(replica.target, events)
        async with callers.calling():
            victims = {"postgres": engine, "service": replica}
            await strike([(what, victims[what]) for what in kills], callers, random.Random(seed), acknowledged)
            await callers.until_acknowledged(max(acknowledged, callers.acknowledged + IN_FLIGHT))
        connection = await asyncpg.connect(engine.url)
        try:
            kept = {row["number"]: row for row in await connection.fetch(KEPT)}
            while await connection.fetchval(PENDING):
                await asyncio.sleep(0.1)
            rolled = {
                (row["name"], row["totals"]): (row["events"], row["sum"]) for row in await connection.fetch(ROLLED)
            }
        finally:
            await connection.close()
    all_events = rolled.pop(("events", False))
    wanted = {(name, totals) for name in ("minutes", "hours", "days") for totals in (False, True)}
    found = MeasurementFindings(seed, len(callers.told), violations=callers.violations)
    found.rolled_up_wrong = {
        f"{name}, totals {totals}": rolled.get((name, totals), (0, 0))[0] - all_events[0]
        for name, totals in wanted
        if rolled.get((name, totals)) != all_events
    }
    for number, row in kept.items():
        found.doubled += row["events"] > row["positions"]
        found.torn += row["positions"] != events
        found.unacknowledged += number not in callers.told
    for number, told in callers.told.items():
        row = kept.get(number)
        found.lost += row is None or f"req_{row['request'] & (2**64 - 1):016x}" != told
    return found


async def _prepare(url: str, *, forgetful: bool) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(OPEN, MINUTES)
        if forgetful:
            await connection.execute(FORGETFUL)
    finally:
        await connection.close()
