"""What an event must be, pure: the limits that stand in metric.proto, applied to each event by itself."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from services.metrics.models import TYPES, Dimensions

MAX_VALUE = 1e12
MAX_DURATION_MS = 86_400_000.0
MAX_DIMENSIONS, MAX_DIMENSION_LENGTH = 20, 200
MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_BYTES = 30, 50, 1_000
DIMENSION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,49}")
AHEAD_US = 5 * 60 * 1_000_000
DAY_US = 86_400 * 1_000_000
KNOWN_TYPES = frozenset(TYPES)


class RejectedError(ValueError):
    """An event breaks a rule."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def require_type(kind: str) -> None:
    if kind not in KNOWN_TYPES:
        raise RejectedError("type", f"must be one of {', '.join(TYPES)}" if kind else "is required")


def require_value(value: float | None) -> float:
    """The value; no comparison holds for what is not a number."""
    if value is None:
        raise RejectedError("value", "is required")
    if not -MAX_VALUE <= value <= MAX_VALUE:
        raise RejectedError("value", "must be finite and from -1e12 to 1e12")
    return value


def require_duration(duration_ms: float) -> float:
    if not 0 <= duration_ms <= MAX_DURATION_MS:
        raise RejectedError("duration_ms", "must be finite and from 0 to 86,400,000")
    return duration_ms


def require_time(at_us: int, now_us: int, days: int) -> int:
    """When it was measured, if that is neither ahead nor longer ago than events are kept."""
    if at_us > now_us + AHEAD_US:
        raise RejectedError("at", "is more than 5 minutes ahead")
    if at_us < now_us - days * DAY_US:
        raise RejectedError("at", f"is longer ago than events are kept, {days} days")
    return at_us


def time_of(text: str) -> int:
    """A time as text, in microseconds since 1970; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise RejectedError("timestamp", "must be a time as 2026-01-31T12:00:00Z") from None
    since = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return int(since.timestamp()) * 1_000_000 + since.microsecond


def dimensions_of(given: Mapping[str, str]) -> Dimensions:
    """Dimensions that keep to the rules, sorted by their names."""
    if len(given) > MAX_DIMENSIONS:
        raise RejectedError("dimensions", f"must be at most {MAX_DIMENSIONS}")
    for name, value in given.items():
        if not DIMENSION_NAME.fullmatch(name):
            raise RejectedError(
                "dimensions", "have names of a letter or _ and then at most 49 letters, digits, _ and ."
            )
        if len(value) > MAX_DIMENSION_LENGTH:
            raise RejectedError(f"dimensions.{name}", f"must be at most {MAX_DIMENSION_LENGTH} characters")
        if "\x00" in value:
            raise RejectedError(f"dimensions.{name}", "must not have the character NUL")
    return tuple(sorted(given.items()))


def metadata_of(given: Mapping[str, Any]) -> str:
    """Metadata that keeps to the rules, as JSON."""
    if len(given) > MAX_METADATA:
        raise RejectedError("metadata", f"must have at most {MAX_METADATA} members")
    for name, value in given.items():
        if len(name) > MAX_METADATA_NAME:
            raise RejectedError("metadata", f"has a name of more than {MAX_METADATA_NAME} characters")
        try:
            written = orjson.dumps(value)
        except (TypeError, ValueError):
            raise RejectedError(f"metadata.{name}", "must be JSON") from None
        if len(written) > MAX_METADATA_BYTES:
            raise RejectedError(f"metadata.{name}", f"must be at most {MAX_METADATA_BYTES:,} bytes as JSON")
        if rb"\u0000" in written or "\x00" in name:
            raise RejectedError("metadata", "must not have the character NUL")
    return orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode()
