"""What logs of runs say together: how they ended, how long they waited and took."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

LOGGER = "docops.api"
ENDED = {"done", "error"}


@dataclass(slots=True)
class LogSummary:
    """Counts, and percentiles by nearest rank; None where nothing was measured."""

    files: int = 0
    lines_total: int = 0
    parse_errors: int = 0
    outcome_counts: dict[str, int] = field(default_factory=dict)
    http_status_counts: dict[str, int] = field(default_factory=dict)
    queue_wait_ms_p50: int | None = None
    queue_wait_ms_p95: int | None = None
    total_ms_p50: int | None = None
    total_ms_p95: int | None = None


def summarize(files: Iterable[Iterable[str]]) -> LogSummary:
    """Reads lines of JSON; those of other loggers are counted and passed over."""
    summary = LogSummary()
    outcomes, statuses = Counter[str](), Counter[str]()
    waits: list[int] = []
    totals: list[int] = []
    for lines in files:
        summary.files += 1
        for line in lines:
            if not line.strip():
                continue
            summary.lines_total += 1
            told = _read(line)
            if told is None:
                summary.parse_errors += 1
            elif told.get("logger") == LOGGER and told.get("event") in ENDED:
                outcomes[str(told.get("outcome"))] += 1
                statuses[str(told.get("http_status"))] += 1
                timing = told.get("timing")
                if isinstance(timing, dict):
                    waits.append(int(timing.get("queue_wait_ms", 0)))
                    totals.append(int(timing.get("total_ms", 0)))
    summary.outcome_counts, summary.http_status_counts = dict(outcomes), dict(statuses)
    summary.queue_wait_ms_p50, summary.queue_wait_ms_p95 = nearest_rank(waits, 50), nearest_rank(waits, 95)
    summary.total_ms_p50, summary.total_ms_p95 = nearest_rank(totals, 50), nearest_rank(totals, 95)
    return summary


def nearest_rank(values: Sequence[int], percent: int) -> int | None:
    """The smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1] if ordered else None


def _read(line: str) -> dict[str, Any] | None:
    """A line; None where it is no object. Before it may stand what a terminal shows, `documents | `."""
    start = line.find("{")
    try:
        told = json.loads(line[start:]) if start >= 0 else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
