"""Many sketches at once: a step of numpy for all of them instead of some for each."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.metrics.rollups.numbering import numbered
from services.metrics.rollups.sketch import (
    MAX_KEY,
    SCALE,
    WORD_BYTES,
    Floats,
    adds_up_exactly,
    decoded,
    encoded,
    keys_of,
    middles,
)

# A table of keys may have so many entries for each word, so many at least, and so many at most.
ENTRIES_A_WORD, MIN_ENTRIES, MAX_ENTRIES = 16, 65_536, 4_000_000


def sketched(groups: NDArray[np.int64], values: ArrayLike, weights: NDArray[np.int64], group_count: int) -> list[bytes]:
    """The encoded sketches of groups of values, at the finest scale.

    Args:
        groups: of each value, the group that it belongs to, from 0 on.
        values: finite.
        weights: how often each counts.
        group_count: how many groups there are; the sketch of one without a value is empty.
    """
    return _by_group(groups, keys_of(values), weights, group_count)


def added_up(groups: NDArray[np.int64], sketches: Sequence[bytes], group_count: int) -> list[bytes]:
    """The sums of encoded sketches of one scale, by group; see `sketched`."""
    keys, counts = decoded(b"".join(sketches))
    return _by_group(np.repeat(groups, [len(each) // WORD_BYTES for each in sketches]), keys, counts, group_count)


def _by_group(
    groups: NDArray[np.int64], keys: NDArray[np.integer], counts: NDArray[np.integer], group_count: int
) -> list[bytes]:
    """The encoded sketches of keys that count so often each."""
    lowest = int(keys.min(initial=MAX_KEY))
    width = max(1, int(keys.max(initial=-MAX_KEY)) - lowest + 1)
    unique, places = numbered(groups * width + (keys - lowest))
    totals = np.bincount(places, counts, len(unique)).astype(np.int64)
    words, owners = encoded(unique % width + lowest, totals)
    owner = (unique // width)[owners]
    order = np.argsort(owner, kind="stable")
    ends = [0, *(np.searchsorted(owner[order], np.arange(1, group_count + 1)) * WORD_BYTES).tolist()]
    whole = words[order].tobytes()
    return [whole[begin:end] for begin, end in pairwise(ends)]


def quantiles_of(sketches: Sequence[bytes], shares: Sequence[float], scale: int = SCALE) -> Floats:
    """The quantiles of many encoded sketches of one scale, as `Sketch.quantiles` has those of one.

    Returns:
        A row a sketch, a column a share; NaN where there is no value.
    """
    found = np.full((len(sketches), len(shares)), np.nan)
    keys, counts = decoded(b"".join(sketches))
    if not len(keys):
        return found
    lowest = int(keys.min())
    width = int(keys.max()) - lowest + 1
    places = np.repeat(np.arange(len(sketches)) * width - lowest, [len(each) // WORD_BYTES for each in sketches])
    places += keys
    seen, places = _counted_up(places, counts, len(sketches) * width)
    ends = np.searchsorted(places, np.arange(1, len(sketches) + 1) * width)
    total = np.concatenate([[0], seen])[ends]
    before = np.concatenate([[0], total[:-1]])
    present = np.flatnonzero(total > before)
    for column, share in enumerate(shares):
        own = (total - before)[present]
        ranks = np.clip(np.ceil(np.round(share * own, 6)).astype(np.int64), 1, own)
        at = np.searchsorted(seen, before[present] + ranks, side="left")
        found[present, column] = middles(places[at] % width + lowest, scale)
    return found


def _counted_up(
    places: NDArray[np.int64], counts: NDArray[np.integer], end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts added up from the lowest place to the highest, all of which are below `end`; and the place of each sum."""
    if end <= min(MAX_ENTRIES, ENTRIES_A_WORD * len(places) + MIN_ENTRIES) and adds_up_exactly(counts):
        # A table of all places that there could be needs no sorting, which takes ten times as long.
        table = np.bincount(places, counts, end)
        present = np.flatnonzero(table)
        return np.cumsum(table[present].astype(np.int64)), present
    order = np.argsort(places, kind="stable")
    # Words of one bucket stand together now; it need not be known where one bucket ends.
    return np.cumsum(counts[order], dtype=np.int64), places[order]
