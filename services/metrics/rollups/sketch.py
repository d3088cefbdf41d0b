"""How values are spread, to within 0.54 %: an OTLP exponential histogram of scale 6, which others merge into.

Bucket i of scale s holds the values above base^i up to base^(i + 1), base = 2^(2^-s), as OpenTelemetry's data model of
metrics has it. Two buckets of a scale are one of the next coarser, so a finer histogram becomes a coarser one exactly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# The finest scale that is kept: (base - 1) / (base + 1) is 0.54 %, the error of what is in the middle of a bucket.
SCALE = 6
# A coarser one than this has all doubles in two buckets.
MIN_SCALE = -10
# At scale 6, the buckets of the least and of the largest double.
MIN_INDEX = -1074 * 64 - 1
MAX_INDEX = 1024 * 64 - 1
# A key is a bucket in the order of the values: of index i it is i + SHIFT, below zero the negative of that, of zero 0.
SHIFT = 1 - MIN_INDEX
MAX_KEY = MAX_INDEX + SHIFT
# As bytes, a bucket is words of 32 bits: 19 of its key, 10 of a digit of its count to the base 1024, 3 of the digit's
# place. A count below 1024 takes one word. Words of a key add up, so what is written one after another is merged.
_DIGIT_BITS = 10
_PLACE_BITS = 3
_DIGIT = (1 << _DIGIT_BITS) - 1
_PLACE = (1 << _PLACE_BITS) - 1
WORD = np.dtype("<i4")
WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class Buckets:
    """One side of an OTLP exponential histogram: the counts of the buckets from an index on."""

    offset: int
    counts: Sequence[int]


@dataclass(frozen=True)
class Sketch:
    """Counts by bucket; buckets without any are not kept."""

    scale: int
    # Ascending, so that they are in the order of the values.
    keys: NDArray[np.int64]
    counts: Counts

    @classmethod
    def of(cls, values: ArrayLike) -> "Sketch":
        """The sketch of finite values."""
        return cls._summed(SCALE, keys_of(values), None)

    @classmethod
    def merged(cls, sketches: Iterable["Sketch"]) -> "Sketch":
        """All of them as one, at the scale of the coarsest."""
        found = list(sketches)
        if not found:
            return EMPTY
        scale = min(sketch.scale for sketch in found)
        found = [sketch.downscaled(scale) for sketch in found]
        return cls._summed(
            scale,
            np.concatenate([sketch.keys for sketch in found]),
            np.concatenate([sketch.counts for sketch in found]),
        )

    @classmethod
    def from_exponential(cls, scale: int, zero_count: int, positive: Buckets, negative: Buckets) -> "Sketch":
        """What an OTLP histogram has, or a Prometheus native one (its schema is the scale, its indexes one higher).

        Raises:
            ValueError: the scale or an index is none that a double has.
        """
        if not MIN_SCALE <= scale <= 20:  # noqa: PLR2004 - the range of the data model
            raise ValueError(f"scale {scale} is not within {MIN_SCALE} and 20")
        coarser = max(0, scale - SCALE)
        keys, counts = [np.zeros(1, np.int64)], [np.array([zero_count], np.int64)]
        for side, sign in ((positive, 1), (negative, -1)):
            indexes = np.arange(side.offset, side.offset + len(side.counts), dtype=np.int64) >> coarser
            keys.append(sign * (indexes + SHIFT))
            counts.append(np.asarray(side.counts, np.int64))
            to_finest = max(0, SCALE - scale)
            if len(indexes) and not MIN_INDEX >> to_finest <= indexes[0] <= indexes[-1] <= MAX_INDEX >> to_finest:
                raise ValueError(f"buckets {side.offset} to {side.offset + len(side.counts) - 1} hold no double")
        return cls._summed(min(scale, SCALE), np.concatenate(keys), np.concatenate(counts))

    @classmethod
    def from_bytes(cls, encoded: bytes, scale: int = SCALE) -> "Sketch":
        """Reads back what `to_bytes` wrote, and any number of these one after another, as one."""
        keys, counts = decoded(encoded)
        return cls._summed(scale, keys.astype(np.int64), counts.astype(np.int64))

    @classmethod
    def _summed(cls, scale: int, keys: NDArray[np.int64], counts: Counts | None) -> "Sketch":
        """Of keys in any order, each as often as it comes."""
        if not len(keys):
            return EMPTY if scale == SCALE else cls(scale, keys, np.zeros(0, np.int64))
        lowest = int(keys.min())
        width = int(keys.max()) - lowest + 1
        if width <= 4 * len(keys) + 1024:
            # A table of all keys that there could be is faster than sorting.
            table = _counted(keys - lowest, counts, width)
            present = np.flatnonzero(table)
            return cls(scale, present + lowest, table[present])
        unique, inverse = np.unique(keys, return_inverse=True)
        table = _counted(inverse, counts, len(unique))
        present = np.flatnonzero(table)
        return cls(scale, unique[present], table[present])

    @cached_property
    def count(self) -> int:
        """How many values it has seen."""
        return int(self.counts.sum())

    @property
    def zero_count(self) -> int:
        return int(self.counts[self.keys == 0].sum())

    def downscaled(self, scale: int) -> "Sketch":
        """The same in coarser buckets; itself where it is as coarse already."""
        if scale >= self.scale:
            return self
        sign = np.sign(self.keys)
        indexes = (np.abs(self.keys) - SHIFT) >> (self.scale - scale)
        return self._summed(scale, np.where(sign == 0, 0, sign * (indexes + SHIFT)), self.counts)

    def quantile(self, q: float) -> float | None:
        """The value below which a share q of them is, 0 to 1, as numpy's `inverted_cdf` has it; None of no values."""
        return self.quantiles([q])[0]

    def quantiles(self, shares: Sequence[float]) -> list[float | None]:
        """Several quantiles; see `quantile`."""
        if not len(self.keys):
            return [None] * len(shares)
        seen = np.cumsum(self.counts)
        # The rank of a share, from 1 on; the share times the count may lie a hair above the integer that is meant.
        ranks = [max(1, int(np.ceil(round(share * self.count, 6)))) for share in shares]
        found = np.searchsorted(seen, ranks, side="left")
        return [float(value) for value in middles(self.keys[np.minimum(found, len(self.keys) - 1)], self.scale)]

    def to_bytes(self) -> bytes:
        """Four bytes a bucket and three digits of its count, or so."""
        return encoded(self.keys, self.counts)[0].tobytes()

    def sides(self) -> tuple[Buckets, int, Buckets]:
        """As OTLP has it: what is above zero, how many are zero, what is below."""
        return self._side(1), self.zero_count, self._side(-1)

    def _side(self, sign: int) -> Buckets:
        chosen = np.sign(self.keys) == sign
        if not chosen.any():
            return Buckets(0, [])
        indexes = np.abs(self.keys[chosen]) - SHIFT
        counts = np.zeros(int(indexes.max() - indexes.min()) + 1, np.int64)
        counts[indexes - indexes.min()] = self.counts[chosen]
        return Buckets(int(indexes.min()), counts.tolist())


EMPTY = Sketch(SCALE, np.zeros(0, np.int64), np.zeros(0, np.int64))


def keys_of(values: ArrayLike) -> NDArray[np.int64]:
    """The key of each value's bucket at the finest scale.

    Raises:
        ValueError: a value is not finite.
    """
    array = np.asarray(values, np.float64).reshape(-1)
    if not np.isfinite(array).all():
        raise ValueError("values must be finite")
    fraction, exponent = np.frexp(np.abs(array))
    with np.errstate(divide="ignore"):
        log = np.log2(fraction)
    # The fraction by itself, so that powers of the base fall below their bucket's end by no rounding of the exponent.
    zero = fraction == 0
    within = np.ceil(np.where(zero, 0, log) * (1 << SCALE)).astype(np.int64)
    keys = within + (exponent.astype(np.int64) << SCALE) - 1 + SHIFT
    return np.where(zero, 0, np.where(array < 0, -keys, keys))


def encoded(keys: NDArray[np.int64], counts: Counts) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The words of buckets, and for each word the number of its bucket: in the order of the places of the digits."""
    words, owners = [], []
    left = counts
    buckets = np.arange(len(keys))
    place = 0
    while len(buckets):
        digits = left & _DIGIT
        some = digits != 0
        words.append((keys[buckets[some]] << (_DIGIT_BITS + _PLACE_BITS)) | (digits[some] << _PLACE_BITS) | place)
        owners.append(buckets[some])
        more = (left >> _DIGIT_BITS) != 0
        left, buckets = left[more] >> _DIGIT_BITS, buckets[more]
        place += 1
    if not words:
        return np.zeros(0, WORD), np.zeros(0, np.int64)
    return np.concatenate(words).astype(WORD), np.concatenate(owners)


def decoded(encoded: bytes) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Of each word its key, and what it adds to that key's count."""
    words = np.frombuffer(encoded, WORD)
    keys, digits = words >> (_DIGIT_BITS + _PLACE_BITS), (words >> _PLACE_BITS) & _DIGIT
    places = words & _PLACE
    if places.any():
        return keys, digits.astype(np.int64) << (places.astype(np.int64) * _DIGIT_BITS)
    # Of most sketches there are many, and no count of theirs takes two words.
    return keys, digits


def middles(keys: NDArray[np.int64], scale: int) -> Floats:
    """Of each bucket the value whose relative error is the same to both ends."""
    base_log = 2.0**-scale
    log = (np.abs(keys) - SHIFT + 1) * base_log
    # 2 / (1 + base) of the upper end, which may lie beyond the doubles: so the factor goes first.
    factor = 2 / (1 + 2.0**base_log)
    whole = np.floor(log)
    with np.errstate(over="ignore"):
        size = np.ldexp(np.exp2(log - whole) * factor, whole.astype(np.int64))
    found: Floats = np.sign(keys) * np.minimum(size, np.finfo(np.float64).max)
    return found


def adds_up_exactly(counts: NDArray[np.integer]) -> bool:
    """Whether `bincount` does: it adds doubles, which have all integers up to 2^53 only."""
    return int(counts.max(initial=0)) * len(counts) < 1 << 53


def _counted(places: NDArray[np.int64], counts: Counts | None, width: int) -> Counts:
    if counts is None:
        return np.bincount(places, minlength=width).astype(np.int64)
    if adds_up_exactly(counts):
        return np.bincount(places, counts, width).astype(np.int64)
    table = np.zeros(width, np.int64)
    np.add.at(table, places, counts)
    return table
