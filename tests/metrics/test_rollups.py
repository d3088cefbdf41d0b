"""Every event is in the roll-ups once: with replicas that take turns, transactions that are cut off, and any order of time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from qmcp.metrics.v1 import query_pb2

from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.postgres import Connection, Database
from servicekit.postgres import database as pool
from services.metrics.rollups import builder, folding
from services.metrics.rollups.builder import RollupBuilder
from services.metrics.rollups.folding import Folding
from services.metrics.rollups.sketch import Sketch
from services.metrics.rollups.store import rollups as store
from tests.metrics.measured import (
    DAY,
    HOUR,
    MINUTE,
    ROLLING_UP,
    Measured,
    closed,
    measured,
    open_since,
    rolled_up,
    send,
    stamp,
)
from tests.metrics.service import Replica, Start, event, replica, settings_for
from tests.wire import query

NOW = time.time_ns() // 1000
TABLES = ("metrics_minutely", "metrics_hourly", "metrics_daily")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests wait for roll-ups again and again."""
    monkeypatch.setattr(builder, "PAUSE_SECONDS", 0.02)


async def counts(replica: Replica) -> dict[str, Any]:
    """What each tier has altogether with what only finer ones have yet, by totals or not; and the events themselves."""
    url = replica.settings.database_url
    found: dict[str, Any] = {}
    for number, table in enumerate(TABLES, 1):
        finer = " ".join(
            f"""
            UNION ALL
            SELECT {each}.*
            FROM {each}
            JOIN closed_rollups ON table_name = '{each}' AND bucket >= closed_until
            """
            for each in TABLES[: number - 1]
        )
        for row in await query(
            url,
            f"""
            SELECT totals, sum(value_count)::bigint AS number, sum(duration_count)::bigint AS timed
            FROM (SELECT * FROM {table} {finer}) AS rolled
            JOIN rollup_series s ON s.id = series_id
            GROUP BY totals
            """,
        ):
            found[f"{table}, totals: {row['totals']}"] = (row["number"], row["timed"])
    (row,) = await query(url, "SELECT sum(weight)::bigint AS number, count(duration_ms) AS timed FROM metric_events")
    return {**found, "events": (row["number"], row["timed"])}


async def test_events_count_once_though_connections_are_cut_off_while_replicas_take_turns(start: Start) -> None:
    replicas = [await start(), await start()]
    url = replicas[0].settings.database_url
    folded = {"times": 0}
    await open_since(url, NOW - 10 * HOUR)

    async def cut_off() -> None:
        """Ends whatever rolls up, in the middle of it, again and again."""
        while True:
            ended = await query(
                url,
                """
                SELECT pg_terminate_backend(pid) AS ended
                FROM pg_locks
                WHERE locktype = 'advisory' AND objid = $1 AND granted
                """,
                ROLLING_UP,
            )
            folded["times"] += len(ended)
            await asyncio.sleep(0.01)

    cutting = asyncio.create_task(cut_off())
    sent = [measured(1_500, NOW, 3 * DAY, seed) for seed in range(3)]
    async with pool(url, 2, "test") as db:
        builder = RollupBuilder(db, Folding(["tool_name"]))
        for number, events in enumerate(sent):
            await send(replicas[number % 2], events)
            for _ in range(3):
                try:
                    await builder.build()
                    await builder.close()
                except (*CONNECTION_ERRORS, ConnectionError):
                    pass
        cutting.cancel()
        while await builder.build():
            pass
    assert folded["times"] > 0
    number = sum(len(events.at) for events in sent)
    timed = sum(int((~np.isnan(events.duration)).sum()) for events in sent)
    for wait in (rolled_up, closed):
        await wait(replicas[0])
        found = await counts(replicas[0])
        assert found == dict.fromkeys(found, (number, timed))
        assert len(found) == 2 * len(TABLES) + 1


async def test_a_backlog_of_large_batches_after_small_ones_is_taken_in_bits(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, sizes = 300, []
    replica = await start()
    async with pool(replica.settings.database_url, 3, "test") as db:
        async with db.connection() as holder:
            await holder.execute("SELECT pg_advisory_lock($1)", ROLLING_UP)
            for seed in range(6):
                await send(replica, measured(200, NOW, DAY, seed))
            monkeypatch.setattr(builder, "MAX_EVENTS", most)
            await holder.execute("SELECT pg_advisory_unlock($1)", ROLLING_UP)
        built = RollupBuilder(db, Folding(["tool_name"]))
        fold = built._fold

        async def seen(connection: Connection, events: Any) -> None:
            sizes.append(len(events))
            await fold(connection, events)

        monkeypatch.setattr(built, "_fold", seen)
        while await built.build():
            pass
        await rolled_up(replica)
    assert max(sizes, default=0) < most
    found = await counts(replica)
    assert {number for number, _ in found.values()} == {6 * 200}


@asynccontextmanager
async def sent(database: str, events: Measured) -> AsyncIterator[tuple[Replica, Database]]:
    """A database with events that nobody has rolled up, and no service any more that would."""
    async with pool(database, 3, "test") as db:
        async with db.connection() as holder:
            await holder.execute("SELECT pg_advisory_lock($1)", ROLLING_UP)
            async with replica(settings_for(database)) as sender:
                await send(sender, events)
            await holder.execute("SELECT pg_advisory_unlock($1)", ROLLING_UP)
        yield sender, db


async def test_a_transaction_that_fails_at_its_end_leaves_everything_pending(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> None:
        raise RuntimeError("killed")

    async with sent(database, measured(200, NOW, DAY)) as (sender, db):
        builder = RollupBuilder(db, Folding([]))
        with monkeypatch.context() as patched:
            patched.setattr("services.metrics.rollups.builder.store.forget_pending", fails)
            with pytest.raises(RuntimeError, match="killed"):
                await builder.build()
        assert list(await counts(sender)) == ["events"]
        while await builder.build():
            pass
        found = await counts(sender)
        assert (len(found), len(set(found.values()))) == (2 * len(TABLES) + 1, 1)


async def test_minutes_that_are_over_are_closed_once_and_what_comes_late_for_them_is_added_everywhere(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def totals() -> list[Any]:
        found = [f"SELECT coalesce(sum(value_count), 0)::integer AS number FROM {table}" for table in TABLES]
        return [row["number"] for row in await query(database, " UNION ALL ".join(found))]

    async def fails(*_: Any) -> None:
        raise RuntimeError("killed")

    # All of an hour that is over.
    async with sent(database, measured(200, NOW // HOUR * HOUR - 2 * HOUR, HOUR)) as (_, db):
        await open_since(database, NOW - 6 * HOUR)
        builder = RollupBuilder(db, Folding([]))
        while await builder.build():
            pass
        assert await totals() == [400, 0, 0]
        with monkeypatch.context() as patched:
            patched.setattr("services.metrics.rollups.closing.store.set_closed_until", fails)
            with pytest.raises(RuntimeError, match="killed"):
                await builder.close()
        assert await totals() == [400, 0, 0]
        while await builder.close():
            pass
        assert await totals() == [400, 400, 400]
        await query(
            database,
            """
            INSERT INTO metric_events (at, series_id, value, request, position)
            SELECT at, series_id, value, request + 1, position
            FROM metric_events
            LIMIT 100
            """,
        )
        while await builder.build() or await builder.close():
            pass
        assert await totals() == [600, 600, 600]


async def test_more_combinations_than_are_told_apart_become_other_and_the_totals_stay_right(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "MAX_SERIES", 3)
    replica = await start(metrics_rollup_dimensions="tool_name, client_name")
    for begin in (0, 5):
        await replica.ingest(
            *(event(dimensions={"tool_name": f"t{number}"}) for number in range(begin, begin + 5)), service="many"
        )
        await rolled_up(replica)
    request = query_pb2.QueryMetricsRequest(group_by=["tool_name"], end_at=stamp(NOW + 10 * MINUTE * 60))
    request.selection.service = "many"
    answer = await replica.stub.QueryMetrics(request)
    found = {line.group["tool_name"]: line.points[0].count for line in answer.series}
    assert found == {"t0": 1, "t1": 1, "t2": 1, "_other": 7}


async def test_sketches_that_were_added_to_often_are_summed_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_SKETCH_BYTES", 40)
    replica = await start()
    for _ in range(12):
        await replica.ingest(
            *(event(value=value, at="2026-11-01T12:00:00Z") for value in (1, 10, 100)), service="often"
        )
        await rolled_up(replica)
    rows = await query(
        replica.settings.database_url, "SELECT value_sketch, value_count FROM metrics_daily WHERE value_count > 0"
    )
    assert len(rows) == 2
    for row in rows:
        assert row["value_count"] == 36
        assert len(row["value_sketch"]) <= 40
        assert Sketch.from_bytes(row["value_sketch"]).counts.tolist() == [12, 12, 12]


async def test_what_came_in_buckets_of_a_histogram_counts_as_often_as_they_say_and_is_marked(start: Start) -> None:
    replica = await start()
    await replica.ingest(event(value=8), event(value=2), service="weighed")
    await query(
        replica.settings.database_url,
        """
        INSERT INTO metric_events (at, series_id, value, request, position, weight)
        SELECT now() - interval '1 minute', (SELECT min(id) FROM series WHERE service = 'weighed'), 4, 7, n, 49
        FROM generate_series(1, 2) AS n
        """,
    )
    request = query_pb2.QueryMetricsRequest(quantiles=[0.0, 0.5, 1.0])
    request.selection.service = "weighed"
    for _ in range(2):
        (line,) = (await replica.stub.QueryMetrics(request)).series
        (point,) = line.points
        assert (point.count, point.sum, point.min, point.max) == (100, 402, 2, 8)
        assert [each.value for each in point.quantiles] == pytest.approx([2, 4, 8], rel=0.01)
        assert all(each.approximate for each in point.quantiles)
        await rolled_up(replica)
