"""From what a question is answered: the coarsest roll-ups that are exact, and events at the edges of its time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.metrics.rollups.models import TIERS, Tier


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the time and the roll-ups that answer it; None: the events themselves. Microseconds since 1970."""

    tier: Tier | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The segments, in order; `start` and `end` are wider than asked where nothing so fine is kept any more."""

    start: int
    end: int
    segments: Sequence[Segment]


class TooFineError(Exception):
    """Nothing so fine is kept from so long ago; roll-ups of `tier` are."""

    def __init__(self, tier: Tier) -> None:
        super().__init__(tier.name)
        self.tier = tier


# From when on all of it is there; of None: of the events.
KeptSince = Mapping[Tier | None, int]


def planned(start: int, end: int, step: int, kept_since: KeptSince, *, rolled: bool = True) -> Plan:
    """Covers a time by segments, nothing twice.

    Args:
        start: of the time, microseconds since 1970.
        end: of the time, which does not belong to it.
        step: the width of the answer's cells, which begin at multiples of it; 0: one cell for all.
        kept_since: what retention has left.
        rolled: False where only the events know what is asked.

    Raises:
        TooFineError: the step is finer than what is kept from the time of the start.
    """
    if not rolled:
        start = max(start, kept_since[None])
        return Plan(start, end, _covered(start, end, []))
    oldest = min(kept_since.values())
    start, end = max(start, oldest), max(end, oldest)
    left, right = _finest_kept(start, kept_since), _finest_kept(max(start, end - 1), kept_since)
    if left is not None:
        start -= start % left.width
        if step % left.width:
            raise TooFineError(left)
    if right is not None:
        end += -end % right.width
    return Plan(start, end, _covered(start, end, [tier for tier in TIERS if step % tier.width == 0]))


def with_open(segments: Sequence[Segment], closed_until: Mapping[Tier, int]) -> list[Segment]:
    """The same segments, and beside them what of their times only finer roll-ups have yet.

    Args:
        segments: as they are planned.
        closed_until: of each tier but the coarsest, the time before which its buckets are in the next coarser.
    """
    found = list(segments)
    for segment in segments:
        for tier, until in closed_until.items():
            if segment.tier is not None and tier.width < segment.tier.width and until < segment.end:
                found.append(Segment(tier, max(segment.start, until), segment.end))
    return found


def _finest_kept(at: int, kept_since: KeptSince) -> Tier | None:
    if kept_since[None] <= at:
        return None
    return next((tier for tier in reversed(TIERS) if kept_since[tier] <= at), TIERS[0])


def _covered(start: int, end: int, tiers: Sequence[Tier]) -> list[Segment]:
    """By the first of the tiers as far as its buckets fit in, at both edges by the rest."""
    if start >= end:
        return []
    if not tiers:
        return [Segment(None, start, end)]
    tier, finer = tiers[0], tiers[1:]
    first, last = start + -start % tier.width, end - end % tier.width
    if first >= last:
        return _covered(start, end, finer)
    return [*_covered(start, first, finer), Segment(tier, first, last), *_covered(last, end, finer)]
