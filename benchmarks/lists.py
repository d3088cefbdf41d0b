"""What benchmarks of lists share: each filter and each pair, how long their answers take, and filling tables."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import combinations
from typing import Any

import asyncpg
from google.protobuf.timestamp_pb2 import Timestamp

SAMPLES = 20
GOAL_MS = 20

Filter = Mapping[str, Any]
# Of each list its kind, and in what time half and nineteen of twenty were answered, milliseconds.
Found = Mapping[str, tuple[str, float, float]]


def combined(values: Mapping[str, tuple[Any, ...]]) -> list[Filter]:
    """None, each filter and each pair of them, with each of their values."""
    return [
        {},
        *({name: value} for name, found in values.items() for value in found),
        *(
            {one: first, other: second}
            for one, other in combinations(values, 2)
            for first in values[one]
            for second in values[other]
        ),
    ]


async def measured(
    call: Callable[[Mapping[str, Any]], Awaitable[object]], wanted: list[Filter], kind: Callable[[Filter], str]
) -> Found:
    found = {}
    for one in wanted:
        fields = {key: _timestamp(value) if isinstance(value, datetime) else value for key, value in one.items()}
        times = []
        for _ in range(SAMPLES):
            started = time.perf_counter()
            await call(fields)
            times.append((time.perf_counter() - started) * 1000)
        times.sort()
        found[_name(one)] = kind(one), times[SAMPLES // 2], times[SAMPLES * 95 // 100 - 1]
    return found


def worst(found: Found, kind: str) -> str:
    """The worst median and the worst p95 of a kind of list; of all for ""."""
    of_kind = [(p50, p95) for group, p50, p95 in found.values() if group.startswith(kind)]
    return f"{max(p50 for p50, _ in of_kind):.1f}, {max(p95 for _, p95 in of_kind):.1f}"


def slowest(found: Found) -> str:
    return max(found, key=lambda name: found[name][2])


@asynccontextmanager
async def filling(url: str, *tables: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that writes masses of rows: indexes but the primary keys are made afterwards."""
    connection = await asyncpg.connect(url)
    try:
        made = await connection.fetch(
            """
            SELECT indexes.oid::regclass::text AS index,
                   pg_get_indexdef(indexes.oid) AS definition
            FROM pg_index AS i
            JOIN pg_class AS indexes ON indexes.oid = i.indexrelid
            JOIN pg_class AS tables ON tables.oid = i.indrelid
            WHERE tables.relname = ANY($1::text[])
              AND NOT i.indisunique
            """,
            tables,
        )
        await connection.execute("SET maintenance_work_mem = '1GB'; SET statement_timeout = 0; SET jit = off")
        for each in made:
            await connection.execute(f"DROP INDEX {each['index']}")
        yield connection
        for each in made:
            await connection.execute(each["definition"].replace(" ON ONLY ", " ON "))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _name(wanted: Filter) -> str:
    shown = {name: f"{value:%Y-%m-%d}" if "created" in name else value for name, value in wanted.items()}
    return " and ".join(f"{name}={value}" for name, value in shown.items()) or "all"


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
