"""SQL of roll-ups: what is added to them, and what they are together."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.metrics.rollups.models import MAX_EXEMPLARS, SECOND, Measure, Rollups, Spreads, Tier

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A sketch with more bytes has been added to so often that its buckets may come several times.
MAX_SKETCH_BYTES = 8_192

# Rows of one statement: one that takes longer than statements may would never be done.
AT_A_TIME = 5_000
COLUMNS = """
    series_id, bucket, is_approximate,
    value_count, value_sum, value_min, value_max, value_sketch,
    duration_count, duration_sum, duration_min, duration_max, duration_sketch,
    invocations, magnitudes
"""
# Adds what `source` selects, and says which rows have long sketches now.
ADD = """
    WITH added AS (
        INSERT INTO {table} AS r ({columns})
        {source}
        ON CONFLICT (series_id, bucket) DO UPDATE
        SET is_approximate = r.is_approximate OR excluded.is_approximate,
            value_count = r.value_count + excluded.value_count,
            value_sum = r.value_sum + excluded.value_sum,
            value_min = least(r.value_min, excluded.value_min),
            value_max = greatest(r.value_max, excluded.value_max),
            value_sketch = r.value_sketch || excluded.value_sketch,
            duration_count = r.duration_count + excluded.duration_count,
            duration_sum = r.duration_sum + excluded.duration_sum,
            duration_min = least(r.duration_min, excluded.duration_min),
            duration_max = greatest(r.duration_max, excluded.duration_max),
            duration_sketch = r.duration_sketch || excluded.duration_sketch,
            (invocations, magnitudes) = (
                SELECT coalesce(array_agg(invocation), '{{}}'), coalesce(array_agg(magnitude), '{{}}')
                FROM (
                    SELECT *
                    FROM unnest(r.invocations || excluded.invocations, r.magnitudes || excluded.magnitudes)
                        AS e (invocation, magnitude)
                    ORDER BY magnitude DESC, invocation
                    LIMIT {most}
                ) AS chosen
            )
        RETURNING series_id, bucket, value_sketch, duration_sketch
    )
    SELECT *
    FROM added
    WHERE octet_length(value_sketch) > {long}
       OR octet_length(duration_sketch) > {long}
"""
GIVEN = f"""
        SELECT series_id, bucket, is_approximate,
               value_count, value_sum, value_min, value_max, value_sketch,
               duration_count, duration_sum, duration_min, duration_max, duration_sketch,
               string_to_array(invocations, ' ')::uuid[], string_to_array(magnitudes, ' ')::float8[]
        FROM unnest(
            $1::bigint[], $2::timestamptz[], $3::boolean[],
            $4::bigint[], $5::float8[], $6::float8[], $7::float8[], $8::bytea[],
            $9::bigint[], $10::float8[], $11::float8[], $12::float8[], $13::bytea[],
            $14::text[], $15::text[]
        ) AS new ({COLUMNS})
"""
# Of the buckets of a finer table that lie within a time, what they are together.
FINER = """
        SELECT summed.*, named.*
        FROM (
            SELECT series_id, date_bin('{width}', bucket, 'epoch'::timestamptz) AS bucket, bool_or(is_approximate),
                   sum(value_count)::bigint, sum(value_sum), min(value_min), max(value_max),
                   string_agg(value_sketch, ''),
                   sum(duration_count)::bigint, sum(duration_sum), min(duration_min), max(duration_max),
                   string_agg(duration_sketch, '')
            FROM {finer}
            WHERE series_id = ANY($1::bigint[])
              AND bucket >= $2
              AND bucket < $3
            GROUP BY 1, 2
        ) AS summed
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(invocation), '{{}}'), coalesce(array_agg(magnitude), '{{}}')
            FROM (
                SELECT invocation, magnitude
                FROM {finer} AS f
                CROSS JOIN unnest(f.invocations, f.magnitudes) AS e (invocation, magnitude)
                WHERE f.series_id = summed.series_id
                  AND f.bucket >= greatest($2, summed.bucket)
                  AND f.bucket < least($3, summed.bucket + '{width}'::interval)
                ORDER BY magnitude DESC, invocation
                LIMIT {most}
            ) AS chosen
        ) AS named
"""


def time_of(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def steps_of(column: str, step: int) -> str:
    """The number of the step, of so many microseconds, that a time lies in, rounded down; 0 where there is one step."""
    # Not `extract`, whose numeric takes longer than all the rest. Of a second's thousandths a double is exact enough.
    return f"floor(date_part('epoch', {column}) / {step / SECOND!r})::bigint" if step else "0::bigint"


async def add(connection: Connection, tier: Tier, rollups: Rollups) -> list[Record]:
    """Adds to the roll-ups of a tier; a sketch is added to by writing the other behind it.

    Returns:
        Of those whose sketches have become long: `series_id`, `bucket`, both sketches.
    """
    columns = [
        rollups.series.tolist(),
        _buckets(tier, rollups),
        rollups.approximate.tolist(),
        *_columns(rollups.values),
        *_columns(rollups.durations),
        [" ".join(str(UUID(bytes=each)) for each in ids) for ids in rollups.exemplars],
        [" ".join(map(repr, magnitudes)) for magnitudes in rollups.magnitudes],
    ]
    found: list[Record] = []
    for begin in range(0, len(columns[0]), AT_A_TIME):
        found += await connection.fetch(
            _adding(tier, GIVEN), *(column[begin : begin + AT_A_TIME] for column in columns)
        )
    return found


async def add_finer(
    connection: Connection, tier: Tier, finer: Tier, series: Sequence[int], within: tuple[int, int]
) -> list[Record]:
    """Adds what finer roll-ups of these series have of a time, microseconds; returns what `add` does."""
    source = FINER.format(width=timedelta(microseconds=tier.width), finer=finer.table, most=MAX_EXEMPLARS)
    found: list[Record] = await connection.fetch(_adding(tier, source), series, time_of(within[0]), time_of(within[1]))
    return found


def _adding(tier: Tier, source: str) -> str:
    return ADD.format(table=tier.table, columns=COLUMNS, source=source, most=MAX_EXEMPLARS, long=MAX_SKETCH_BYTES)


def _buckets(tier: Tier, rollups: Rollups) -> list[datetime]:
    return [time_of(bucket * tier.width) for bucket in rollups.buckets.tolist()]


def _columns(spreads: Spreads) -> list[list[Any]]:
    counts = spreads.counts.tolist()
    # A group without values has no least one.
    ends = [
        [value if count else None for value, count in zip(column.tolist(), counts, strict=True)]
        for column in (spreads.least, spreads.greatest)
    ]
    return [counts, spreads.sums.tolist(), *ends, spreads.sketches]


async def replace_sketches(connection: Connection, tier: Tier, rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes sketches anew: series, bucket, and both sketches."""
    await connection.executemany(
        f"""
        UPDATE {tier.table}
        SET value_sketch = $3,
            duration_sketch = $4
        WHERE series_id = $1
          AND bucket = $2
        """,
        rows,
    )


# A tier and a time, from when and until when; microseconds.
Within: TypeAlias = tuple[Tier, tuple[int, int]]


async def parts(
    connection: Connection,
    within: Sequence[Within],
    groups: Mapping[int, int],
    measure: Measure,
    step: int,
    *,
    sketches: bool,
    most: int,
) -> list[Record]:
    """What the roll-ups of some series say of each group and step, in the order of Part's fields.

    Args:
        connection: to the database.
        within: which roll-ups of which times; several tiers are one statement, and one row where they have the same.
        groups: of each series its group.
        measure: of what.
        step: the width of a step, microseconds; 0: one step.
        sketches: whether they are wanted, which are most of what there is to read.
        most: so many at most.
    """
    columns = ("count", "sum", "min", "max", *(["sketch"] if sketches else []))
    chosen = ", ".join(["is_approximate", *(f"{measure}_{each} AS measure_{each}" for each in columns)])
    source, times = _buckets_of(within, chosen, f"{measure}_count > 0")
    found: list[Record] = await connection.fetch(
        f"""
        SELECT group_number, {steps_of("bucket", step)} AS step,
               sum(measure_count)::bigint, sum(measure_sum), min(measure_min), max(measure_max),
               bool_or(is_approximate), {"string_agg(measure_sketch, '')" if sketches else "''::bytea"}
        FROM ({source}) AS chosen
        GROUP BY 1, 2
        LIMIT {most}
        """,
        list(groups),
        list(groups.values()),
        *times,
    )
    return found


async def exemplars(
    connection: Connection, within: Sequence[Within], groups: Mapping[int, int], step: int
) -> list[tuple[int, int, float, str]]:
    """Of each group and step the invocations with the greatest magnitudes: group, step, magnitude, id."""
    steps = steps_of("bucket", step)
    source, times = _buckets_of(within, "invocations, magnitudes", "true")
    rows = await connection.fetch(
        f"""
        SELECT group_number, step, magnitude, invocation::text
        FROM (
            SELECT group_number, {steps} AS step, e.magnitude, e.invocation,
                   row_number() OVER (
                       PARTITION BY group_number, {steps}
                       ORDER BY e.magnitude DESC, e.invocation
                   ) AS place
            FROM ({source}) AS chosen
            CROSS JOIN unnest(invocations, magnitudes) AS e (invocation, magnitude)
        ) AS named
        WHERE place <= {MAX_EXEMPLARS}
        """,
        list(groups),
        list(groups.values()),
        *times,
    )
    return [(group, step, magnitude, invocation) for group, step, magnitude, invocation in rows]


def _buckets_of(within: Sequence[Within], columns: str, condition: str) -> tuple[str, list[datetime]]:
    """A query for the roll-ups of these times of the series that are wanted, and its parameters, from the third on."""
    sources = [
        f"""
            SELECT group_number, bucket, {columns}
            FROM {tier.table}
            JOIN unnest($1::bigint[], $2::integer[]) AS wanted (series_id, group_number) USING (series_id)
            WHERE bucket >= ${3 + 2 * number}
              AND bucket < ${4 + 2 * number}
              AND {condition}
        """
        for number, (tier, _) in enumerate(within)
    ]
    return "UNION ALL".join(sources), [time_of(end) for _, ends in within for end in ends]
