"""Labels of what is exposed: allowed keys only, and few values each, whatever callers send."""

import re
from collections.abc import Iterable, Mapping

# Characters that no dashboard has to escape.
STRANGE = re.compile(r"[^A-Za-z0-9\-_.:/]")
# For all values beyond the first so many of a label.
OTHER = "_other"
# Python says True where others say true, which would be two series.
TRUTHS = {"True": "true", "False": "false"}


class Labels:
    """Remembers which values have a place."""

    def __init__(self, keys: Iterable[str], max_values: int, max_length: int, max_series: int) -> None:
        """`keys` are those of dimensions; `max_series` bounds the combinations, of which each label allows many."""
        self.names = ("service", *keys)
        self._max_values = max_values
        self._max_length = max_length
        self._max_series = max_series
        self._values: dict[str, set[str]] = {name: set() for name in self.names}
        self._series: set[tuple[str, ...]] = set()

    def of(self, service: str, dimensions: Mapping[str, str]) -> tuple[str, ...]:
        """The values of the labels, in the order of `names`; empty where the event has no such dimension."""
        given = {**dimensions, "service": service}
        found = tuple(self._placed(name, self._clean(given.get(name, ""))) for name in self.names)
        if found not in self._series:
            if len(self._series) >= self._max_series:
                return (OTHER,) * len(self.names)
            self._series.add(found)
        return found

    def _clean(self, value: str) -> str:
        value = TRUTHS.get(value, value)
        return STRANGE.sub("_", value[: self._max_length])

    def _placed(self, name: str, value: str) -> str:
        known = self._values[name]
        if not value or value in known:
            return value
        if len(known) >= self._max_values:
            return OTHER
        known.add(value)
        return value
