"""From points to events: their source, their dimensions and what they are worth, by the rules of events."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from services.metrics.models import Dimensions, Series, Source
from services.metrics.otlp import models
from services.metrics.otlp.models import Measured, Point, Rejected
from services.metrics.otlp.representatives import Weighted, representatives

TYPE = "custom"
# The dimension that names what was measured, as the original's client has it.
METRIC_NAME = "metric_name"
# What events may have, as the contract says of Metric and IngestMetricsRequest.
MAX_DIMENSIONS, MAX_VALUE_LENGTH, MAX_MAGNITUDE = 20, 200, 1e12
# Of observations that one event stands for: they are added up in 64 bits, and shown as a number of JSON.
MAX_WEIGHT = 10**12
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,49}")
MAX_SERVICE, MAX_VERSION, MAX_INSTANCE = 50, 20, 50
NOT_IN_SERVICE = re.compile(r"[^A-Za-z0-9_-]")
NOT_IN_INSTANCE = re.compile(r"[^A-Za-z0-9_.-]")
NOT_IN_VERSION = re.compile(r"[\x00-\x1f\x7f]")
DIGITS = 8


class UnfitError(ValueError):
    """A point breaks a rule of events; the sentence says which."""


def events_of(points: Iterable[Point], principal: str) -> tuple[list[Measured], list[Rejected]]:
    """The events of what is new in an export, and what is not taken."""
    found: list[Measured] = []
    rejected: list[Rejected] = []
    for point in points:
        try:
            found += _measured(point, principal)
        except UnfitError as error:
            rejected.append(Rejected(point.series.name, str(error)))
    return found, rejected


def check(point: Point, earliest: int, latest: int) -> None:
    """Refuses what no event may have, before anything of it is remembered.

    Args:
        point: as it came.
        earliest: the time before which no events are kept, nanoseconds.
        latest: the time after which clocks are wrong.

    Raises:
        UnfitError: with the rule.
    """
    if point.time > latest:
        raise UnfitError("its time is more than 5 minutes ahead")
    if point.time < earliest:
        raise UnfitError("its time is longer ago than events are kept")
    attributes = point.series.attributes
    if len(attributes) >= MAX_DIMENSIONS:
        raise UnfitError(f"it has more than {MAX_DIMENSIONS - 1} attributes")
    if len(point.series.name) > MAX_VALUE_LENGTH:
        raise UnfitError(f"its name is longer than {MAX_VALUE_LENGTH} characters")
    if "\x00" in point.series.name:
        raise UnfitError("its name has a character that cannot be kept")
    for name, value in attributes:
        if not KEY.fullmatch(name):
            raise UnfitError(f"the attribute {name[:MAX_VALUE_LENGTH]!r} is no name of a dimension")
        if len(value) > MAX_VALUE_LENGTH:
            raise UnfitError(f"the attribute {name} is longer than {MAX_VALUE_LENGTH} characters")
        if "\x00" in value:
            raise UnfitError(f"the attribute {name} has a character that cannot be kept")


def _measured(point: Point, principal: str) -> Iterator[Measured]:
    series = Series.of(_source(point.series.source, principal), TYPE, _dimensions(point.series))
    value = point.value
    parts = [Weighted(value, 1)] if isinstance(value, float) else representatives(value)
    if any(not abs(part.value) <= MAX_MAGNITUDE for part in parts):
        raise UnfitError(f"its value is beyond {MAX_MAGNITUDE:.0e}")
    if any(part.weight > MAX_WEIGHT for part in parts):
        raise UnfitError(f"its count is beyond {MAX_WEIGHT:.0e}")
    # The examples are of what was worst, which is what one looks for.
    examples = dict(zip(range(len(parts) - 1, -1, -1), point.exemplars, strict=False))
    for number, part in enumerate(parts):
        yield Measured(series, point.time // 1_000, part.value, part.weight, examples.get(number, ""))


@lru_cache(maxsize=10_000)
def _source(source: models.Source, principal: str) -> Source:
    return Source(
        principal,
        _fitting(source.service, NOT_IN_SERVICE, MAX_SERVICE),
        _fitting(source.version, NOT_IN_VERSION, MAX_VERSION),
        _fitting(source.instance_id, NOT_IN_INSTANCE, MAX_INSTANCE),
    )


def _fitting(text: str, strange: re.Pattern[str], most: int) -> str:
    """The text in allowed characters; of a long one the beginning and a digest, so that no two become one."""
    plain = strange.sub("_", text)
    if len(plain) <= most:
        return plain
    digest = hashlib.blake2b(text.encode(), digest_size=DIGITS // 2).hexdigest()
    return f"{plain[: most - DIGITS - 1]}-{digest}"


def _dimensions(series: models.Series) -> Dimensions:
    return tuple(sorted({**dict(series.attributes), METRIC_NAME: series.name}.items()))
