"""Events as Postgres' binary COPY has rows: laid out by numpy, without a step for each."""

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from services.metrics.models import Events

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)
# Postgres counts microseconds since 2000.
EPOCH_US = 946_684_800_000_000
# at, series_id, value, duration_ms, request, position, metadata.
COLUMNS = ("at", "series_id", "value", "duration_ms", "request", "position", "metadata")
ABSENT = -1
# What a jsonb begins with on the wire.
JSONB = b"\x01"

# A column is its length and its value, both big-endian; a row begins with how many columns it has.
_HEAD = [
    ("count", ">i2"),
    *((f"{name}_{part}", kind) for name in ("at", "series") for part, kind in (("n", ">i4"), ("v", ">i8"))),
]
_VALUE = [("value_n", ">i4"), ("value_v", ">f8")]
_TAIL = [
    ("request_n", ">i4"),
    ("request_v", ">i8"),
    ("position_n", ">i4"),
    ("position_v", ">i4"),
    ("metadata_n", ">i4"),
]
WITH_DURATION = np.dtype([*_HEAD, *_VALUE, ("duration_n", ">i4"), ("duration_v", ">f8"), *_TAIL])
WITHOUT_DURATION = np.dtype([*_HEAD, *_VALUE, ("duration_n", ">i4"), *_TAIL])


def encoded(batch: Sequence[Events]) -> Iterator[bytes]:
    """All events of a batch, as what is sent for a COPY of these columns."""
    yield HEADER
    for events in batch:
        timed = ~np.isnan(events.duration_ms)
        for chosen in (timed, ~timed):
            yield from _rows(events, np.flatnonzero(chosen))
    yield TRAILER


def _rows(events: Events, chosen: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Iterator[bytes]:
    """These events, of which all or none have a duration."""
    if not len(chosen):
        return
    has_duration = not np.isnan(events.duration_ms[chosen[0]])
    rows = np.zeros(len(chosen), WITH_DURATION if has_duration else WITHOUT_DURATION)
    rows["count"] = len(COLUMNS)
    for name, column in (
        ("at", events.at_us[chosen] - EPOCH_US),
        ("series", events.series_id[chosen]),
        ("value", events.value[chosen]),
        ("request", events.request),
        ("position", events.position[chosen]),
    ):
        rows[f"{name}_v"] = column
        rows[f"{name}_n"] = rows.dtype[f"{name}_v"].itemsize
    rows["duration_n"] = 8 if has_duration else ABSENT
    if has_duration:
        rows["duration_v"] = events.duration_ms[chosen]
    rows["metadata_n"] = ABSENT
    if not events.metadata:
        yield rows.tobytes()
        return
    # The length of what has metadata stands at the end of its row, and the text after it.
    for row, number in zip(rows, chosen, strict=True):
        text = events.metadata.get(int(number))
        if text is None:
            yield row.tobytes()
        else:
            written = JSONB + text.encode()
            row["metadata_n"] = len(written)
            yield row.tobytes() + written
