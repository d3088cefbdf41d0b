"""From points to what each interval added: totals become differences, and what came twice counts once.

A series whose start is known has a state for each start, so that a process that began anew, two processes that send the
same series, and a late point of the one that ended are each taken for what they are.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from services.metrics.otlp.histograms import NotComparableError, difference
from services.metrics.otlp.models import (
    Explicit,
    Exponential,
    Kind,
    Point,
    Rejected,
    Temporality,
    Value,
)

# How many intervals of a series are remembered, to know one that comes again: a collector that sends from several
# queues repeats one after later ones have passed it.
MAX_INTERVALS = 32
NO_CHANGE = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a series."""

    # Of totals: the last one, and its time.
    time: int = 0
    value: Value | None = None
    # Of others: start and time of the last points.
    seen: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Deltas:
    """What an export comes to."""

    # Each point's value is what its interval added, or a level.
    points: tuple[Point, ...]
    rejected: tuple[Rejected, ...]
    # What is to be remembered, by key.
    states: Mapping[bytes, State]


def key(point: Point, principal: str) -> bytes:
    """What a point's state is kept under; nobody's points are another's."""
    start = point.start if point.series.temporality is Temporality.CUMULATIVE else 0
    named = point.series.identity + start.to_bytes(8, "big") + principal.encode()
    return hashlib.blake2b(named, digest_size=16).digest()


def deltas(points: Iterable[Point], principal: str, known: Mapping[bytes, State], since: int = 0) -> Deltas:
    """What happened that was not known yet.

    Args:
        points: as they came; those of one series are taken in order of their times.
        principal: who sent them.
        known: the states of these points' keys, as far as there are any.
        since: what began before, nanoseconds, may have been told and forgotten; it counts from now on.
    """
    states: dict[bytes, State] = {}
    found: list[Point] = []
    rejected: list[Rejected] = []
    for point in sorted(points, key=lambda each: each.time):
        place = key(point, principal)
        state = states.get(place) or known.get(place)
        try:
            value, after = _step(point, state, since)
        except NotComparableError as error:
            rejected.append(Rejected(point.series.name, str(error)))
            continue
        if after is not state and after is not None:
            states[place] = after
        if value is not None:
            found.append(replace(point, value=value))
    return Deltas(tuple(found), tuple(rejected), states)


def _step(point: Point, state: State | None, since: int) -> tuple[Value | None, State | None]:
    """What a point adds, None where that is nothing; and the state after it."""
    if point.series.temporality is not Temporality.CUMULATIVE:
        seen = state.seen if state else ()
        interval = (point.start, point.time)
        if interval in seen:
            return None, state
        return point.value, State(seen=(*seen, interval)[-MAX_INTERVALS:])
    if state is not None and point.time <= state.time:
        return None, state
    after = State(time=point.time, value=point.value)
    if point.series.kind is Kind.GAUGE:
        return point.value, after
    if state is None or state.value is None:
        # All of it is since the start. Where that is not known, neither is what came before us.
        return (_unless_nothing(point.value) if point.start > since else None), after
    return _since(point.value, state.value), after


def _since(later: Value, earlier: Value) -> Value | None:
    if isinstance(later, float) and isinstance(earlier, float):
        # A total that fell began anew.
        return _unless_nothing(later if later < earlier else later - earlier)
    if isinstance(later, float) or isinstance(earlier, float):
        raise NotComparableError("it was a number and a histogram with the same start time")
    added = difference(later, earlier)
    return _unless_nothing(later if added is None else added)


def _unless_nothing(value: Value) -> Value | None:
    empty = value == NO_CHANGE if isinstance(value, float) else value.count == 0
    return None if empty else value


def packed(state: State) -> bytes:
    """As it is kept."""
    return orjson.dumps([state.time, _packed_value(state.value), state.seen])


def unpacked(kept: bytes) -> State:
    """As it was."""
    time, value, seen = orjson.loads(kept)
    return State(time, _unpacked_value(value), tuple((start, end) for start, end in seen))


def _packed_value(value: Value | None) -> Any:
    match value:
        case Explicit():
            return ["e", value.count, value.total, value.low, value.high, value.bounds, value.buckets]
        case Exponential():
            buckets = [list(each.items()) for each in (value.positive, value.negative)]
            scaled = [value.scale, value.zeros, value.zero_threshold]
            return ["x", value.count, value.total, value.low, value.high, *scaled, *buckets]
    return value


def _unpacked_value(kept: Any) -> Value | None:
    if not isinstance(kept, list):
        return kept if kept is None else float(kept)
    form, count, total, low, high, *rest = kept
    if form == "e":
        bounds, buckets = rest
        return Explicit(count, total, low, high, tuple(bounds), tuple(buckets))
    scale, zeros, threshold, positive, negative = rest
    return Exponential(count, total, low, high, scale, zeros, threshold, dict(positive), dict(negative))
