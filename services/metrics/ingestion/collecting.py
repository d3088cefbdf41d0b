"""The events of one request, put into columns as they are judged."""

import random
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from services.metrics.ingestion import rules
from services.metrics.ingestion.rules import RejectedError
from services.metrics.models import Dimensions, Events, Floats, Integers, Rejection, Series, Source

# What an event takes besides its bytes, while it waits.
EVENT_BYTES = 64
# Of a series that breaks a rule.
NO_SERIES = -1
# Those that are remembered: of the largest that there may be, 35 MB.
MAX_SERIES = 4_096


class EventCollector:
    """Takes the events of a request one by one."""

    def __init__(self, source: Source, days: int) -> None:
        """Prepares.

        Args:
            source: who sent them.
            days: how long events are kept; what is older is rejected.
        """
        self._source = source
        self._days = days
        self.now_us = time.time_ns() // 1000
        self._earliest = self.now_us - days * rules.DAY_US
        self._latest = self.now_us + rules.AHEAD_US
        self._series: list[Series] = []
        # Where each stands there, by its id, and by its type and dimensions as they came.
        self._places: dict[int, int] = {}
        self._known: dict[tuple[str, Dimensions], int] = {}
        self._index: list[int] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._duration: list[float] = []
        self._position: list[int] = []
        self._metadata: dict[int, str] = {}
        # Those that came as columns, which no request mixes with others.
        self._columns: tuple[Integers, Integers, Floats, Floats, Integers] | None = None
        self.rejections: list[Rejection] = []

    def add(
        self,
        position: int,
        kind: str,
        at_us: int | None,
        value: float | None,
        duration_ms: float | None,
        dimensions: Dimensions,
        metadata: Mapping[str, Any] | None,
    ) -> None:
        """Takes one event, or says why not; its dimensions may come in any order."""
        try:
            index = self._known.get((kind, dimensions))
            if index is None:
                index = self._series_index(kind, dimensions)
            if value is None or not -rules.MAX_VALUE <= value <= rules.MAX_VALUE:
                value = rules.require_value(value)
            duration = np.nan if duration_ms is None else duration_ms
            if not 0 <= duration <= rules.MAX_DURATION_MS and duration_ms is not None:
                rules.require_duration(duration)
            at = self.now_us if at_us is None else at_us
            if not self._earliest <= at <= self._latest:
                rules.require_time(at, self.now_us, self._days)
            text = rules.metadata_of(metadata) if metadata else ""
        except RejectedError as error:
            self.reject(position, error)
            return
        if text:
            self._metadata[len(self._value)] = text
        self._index.append(index)
        self._at.append(at)
        self._value.append(value)
        self._duration.append(duration)
        self._position.append(position)

    def add_columns(
        self,
        series: Sequence[tuple[str, Mapping[str, str]]],
        index: Integers,
        at_us: Integers | None,
        value: Floats,
        duration_ms: Floats | None,
    ) -> None:
        """Takes many events at once: what each of the columns says of all of them is looked at together."""
        numbers = np.full(len(series) + 1, NO_SERIES, np.int64)
        wrong: dict[int, RejectedError] = {}
        for number, (kind, dimensions) in enumerate(series):
            try:
                numbers[number] = self._series_index(kind, tuple(dimensions.items()))
            except RejectedError as error:
                wrong[number] = error
        # What names no series is taken for the one behind the last.
        known = np.where((index >= 0) & (index < len(series)), index, len(series))
        at = np.full(len(value), self.now_us) if at_us is None else at_us
        duration = np.full(len(value), np.nan) if duration_ms is None else duration_ms
        with np.errstate(invalid="ignore"):
            good = (
                (numbers[known] != NO_SERIES)
                & (np.abs(value) <= rules.MAX_VALUE)
                & (np.isnan(duration) | ((duration >= 0) & (duration <= rules.MAX_DURATION_MS)))
                & (at >= self._earliest)
                & (at <= self._latest)
            )
        for position in np.flatnonzero(~good).tolist():
            try:
                if known[position] == len(series):
                    raise RejectedError("series_index", "names no series")  # noqa: TRY301 -- as the rules do
                if (broken := wrong.get(int(known[position]))) is not None:
                    raise broken
                rules.require_value(float(value[position]))
                if not np.isnan(duration[position]):
                    rules.require_duration(float(duration[position]))
                rules.require_time(int(at[position]), self.now_us, self._days)
            except RejectedError as error:
                self.reject(position, error)
        kept = np.flatnonzero(good)
        self._columns = (numbers[known][kept], at[kept], value[kept], duration[kept], kept)

    def reject(self, position: int, error: RejectedError) -> None:
        """Keeps why an event is not taken."""
        self.rejections.append(Rejection(position, error.field, error.reason))

    def collected(self, size: int) -> Events:
        """All that was accepted, of a request of so many bytes."""
        index, at_us, value, duration_ms, position = self._columns or (
            np.array(self._index, np.int64),
            np.array(self._at, np.int64),
            np.array(self._value, np.float64),
            np.array(self._duration, np.float64),
            np.array(self._position, np.int64),
        )
        return Events(
            request=random.getrandbits(64) - 2**63,
            series=self._series,
            series_index=index,
            at_us=at_us,
            value=value,
            duration_ms=duration_ms,
            position=position,
            metadata=self._metadata,
            cost=size + EVENT_BYTES * len(value),
        )

    def _series_index(self, kind: str, dimensions: Dimensions) -> int:
        """Which series an event belongs to; rules of types and dimensions are looked at once a series."""
        series = _series(self._source, kind, dimensions)
        index = self._places.setdefault(series.id, len(self._series))
        if index == len(self._series):
            self._series.append(series)
        self._known[kind, dimensions] = index
        return index


@lru_cache(MAX_SERIES)
def _series(source: Source, kind: str, dimensions: Dimensions) -> Series:
    """The series of events, remembered beyond a request: whoever measures sends the same ones again."""
    rules.require_type(kind)
    return Series.of(source, kind, rules.dimensions_of(dict(dimensions)))
