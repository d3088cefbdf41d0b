"""Different numbers, and which of them each is: by a table where they lie close together, which needs no sorting."""

import numpy as np

from services.metrics.models import Integers

# A table may have so many entries for each number, and so many at least: then it is still sooner done than sorting.
ENTRIES_A_NUMBER, MIN_ENTRIES = 4, 65_536


def numbered(given: Integers) -> tuple[Integers, Integers]:
    """The different numbers, ascending, and of each of those given its place among them; as `numpy.unique`."""
    if not len(given):
        return given, given
    lowest = int(given.min())
    span = int(given.max()) - lowest + 1
    if span > max(MIN_ENTRIES, ENTRIES_A_NUMBER * len(given)):
        different, places = np.unique(given, return_inverse=True)
        return different, places
    is_there = np.zeros(span, np.bool_)
    is_there[given - lowest] = True
    places = np.cumsum(is_there) - 1
    return np.flatnonzero(is_there) + lowest, places[given - lowest]
