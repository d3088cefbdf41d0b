"""Calls that somebody may make: buckets in the database, from which all replicas take, by its clock alone.

A bucket is a rate, which comes back by and by, or a quota, which is whole again when a window of the calendar ends.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from servicekit.postgres import Connection, Record

Window = Literal["", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calls that are counted together, and how many there may be."""

    key: str
    # What is in it when it is full, 1 at least.
    capacity: int
    # How many come back a minute, where there is no window.
    per_minute: float = 0
    # Of the calendar in UTC; weeks begin on Mondays.
    window: Window = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of the calls that somebody may make."""

    limit: int
    # Rounded down.
    remaining: int
    # Seconds until there is one again, and until all are.
    next_seconds: float
    reset_seconds: float
    # Whether the call that was asked for is among those that are allowed.
    granted: bool = True

    @classmethod
    def of(cls, bucket: Bucket, tokens: float, window_seconds: float, *, granted: bool = True) -> "Allowance":
        """What is told of a bucket.

        Args:
            bucket: which.
            tokens: how much is in it.
            window_seconds: until its window ends, where it has one.
            granted: whether there was one for the call.
        """
        if bucket.window:
            return cls(
                bucket.capacity, math.floor(tokens), 0 if tokens >= 1 else window_seconds, window_seconds, granted
            )
        pace = 60 / bucket.per_minute
        missing = max(bucket.capacity - tokens, 0)
        return cls(bucket.capacity, math.floor(tokens), max(1 - tokens, 0) * pace, missing * pace, granted)

    @property
    def headers(self) -> dict[str, str]:
        """As callers are told."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(math.ceil(self.reset_seconds)),
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """How many calls of those that were wanted a bucket had, what is left in it, and until when its window is."""

    granted: int
    tokens: float
    window_seconds: float


ASKED = """
    SELECT key, capacity, per_minute, clock_timestamp() AS reckoned_at,
           CASE WHEN time_window <> '' THEN
               (date_trunc(time_window, clock_timestamp() AT TIME ZONE 'UTC') + ('1 ' || time_window)::interval)
                   AT TIME ZONE 'UTC'
           END AS resets_at,
           wanted
    FROM unnest($1::text[], $2::integer[], $3::double precision[], $4::text[], $5::integer[])
        AS given (key, capacity, per_minute, time_window, wanted)
"""


def _filled(asked: str) -> str:
    """What there is now of a bucket. How much it holds may have changed; what was used stays so."""
    return f"""
    CASE
        WHEN {asked}.resets_at IS NULL THEN least(
            {asked}.capacity,
            bucket.tokens * {asked}.capacity / bucket.capacity
                + greatest(extract(epoch FROM {asked}.reckoned_at - bucket.reckoned_at), 0) * {asked}.per_minute / 60
        )
        -- Whoever waited for the row while the window ended takes from the new one.
        WHEN bucket.resets_at >= {asked}.resets_at
            THEN greatest(bucket.tokens + {asked}.capacity - bucket.capacity, 0)
        ELSE {asked}.capacity
    END
    """


async def take(connection: Connection, wanted: Mapping[Bucket, int]) -> dict[str, Taken]:
    """Takes calls of each bucket, as far as there are; by key what was granted and is left.

    The buckets stay locked until the transaction ends.
    """
    rows = await connection.fetch(
        f"""
        INSERT INTO call_buckets AS bucket (
            key, capacity, per_minute, tokens, reckoned_at, resets_at, wanted, granted
        )
        SELECT key, capacity, per_minute, capacity - least(wanted, capacity), reckoned_at, resets_at,
               wanted, least(wanted, capacity)
        FROM ({ASKED}) AS asked
        -- In one order everywhere, so that no two replicas wait for each other.
        ORDER BY key
        ON CONFLICT (key) DO UPDATE
        SET capacity = excluded.capacity,
            per_minute = excluded.per_minute,
            tokens = {_filled("excluded")} - least(excluded.wanted, floor({_filled("excluded")})),
            reckoned_at = greatest(excluded.reckoned_at, bucket.reckoned_at),
            resets_at = greatest(excluded.resets_at, bucket.resets_at),
            wanted = excluded.wanted,
            granted = least(excluded.wanted, floor({_filled("excluded")}))
        RETURNING key, granted, tokens, extract(epoch FROM resets_at - clock_timestamp())::float8 AS window_seconds
        """,
        *_columns(list(wanted)),
        list(wanted.values()),
    )
    return {row["key"]: Taken(row["granted"], row["tokens"], _seconds(row)) for row in rows}


async def give_back(connection: Connection, given: Mapping[str, int]) -> None:
    """Puts calls back into buckets from which this transaction took them."""
    await connection.execute(
        """
        UPDATE call_buckets
        SET tokens = tokens + returned.calls
        FROM unnest($1::text[], $2::integer[]) AS returned (key, calls)
        WHERE call_buckets.key = returned.key
        """,
        list(given),
        list(given.values()),
    )


async def available(connection: Connection, buckets: Sequence[Bucket]) -> list[Allowance]:
    """What is left in each, of which nothing is taken."""
    rows = await connection.fetch(
        f"""
        SELECT asked.key, coalesce({_filled("asked")}, asked.capacity)::float8 AS tokens,
               extract(epoch FROM greatest(asked.resets_at, bucket.resets_at) - clock_timestamp())::float8
                   AS window_seconds
        FROM call_buckets AS bucket
        RIGHT JOIN ({ASKED}) AS asked ON bucket.key = asked.key
        """,
        *_columns(buckets),
        [0] * len(buckets),
    )
    found = {row["key"]: row for row in rows}
    return [Allowance.of(each, found[each.key]["tokens"], _seconds(found[each.key])) for each in buckets]


async def forget(connection: Connection) -> None:
    """Deletes buckets that have been full again for a day."""
    await connection.execute(
        """
        DELETE FROM call_buckets
        WHERE coalesce(resets_at, reckoned_at + make_interval(secs => capacity * 60 / nullif(per_minute, 0)))
            < clock_timestamp() - interval '1 day'
        """
    )


def _columns(buckets: Sequence[Bucket]) -> tuple[list[object], ...]:
    return (
        [each.key for each in buckets],
        [each.capacity for each in buckets],
        [each.per_minute for each in buckets],
        [each.window for each in buckets],
    )


def _seconds(row: Record) -> float:
    return max(row["window_seconds"] or 0.0, 0.0)
