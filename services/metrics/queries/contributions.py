"""What each part had to do with a change of the whole: contributions that add up to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Statistic = Literal["count", "sum", "rate", "avg"]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Amount:
    """How many values there were, and their sum."""

    count: int = 0
    sum: float = 0.0

    @property
    def avg(self) -> float | None:
        return self.sum / self.count if self.count else None


NONE = Amount()


@dataclass(frozen=True, slots=True)
class Contribution:
    """A part of a change: by being other than before itself, and by having another share of the whole."""

    before: float | None
    after: float | None
    # Together they are the contribution. Of anything but an average there is no mix.
    own: float
    mix: float

    @property
    def total(self) -> float:
        return self.own + self.mix


def whole(parts: Mapping[Key, Amount]) -> Amount:
    return Amount(sum(part.count for part in parts.values()), sum(part.sum for part in parts.values()))


def statistic_of(amount: Amount, statistic: Statistic, seconds: float) -> float | None:
    """The statistic of an amount that came in so many seconds; None for the average of nothing."""
    match statistic:
        case "count":
            return float(amount.count)
        case "sum":
            return amount.sum
        case "rate":
            return amount.count / seconds
        case "avg":
            return amount.avg


def contributions(
    before: Mapping[Key, Amount],
    after: Mapping[Key, Amount],
    statistic: Statistic,
    seconds: tuple[float, float],
) -> dict[Key, Contribution]:
    """Of each part, its contribution to the change from `before` to `after`.

    An average changes because those of parts do, each by its share, and because the shares do: a part that is above the
    average of both times and grows raises it. Weighting by the means of both times leaves nothing over.

    Args:
        before: the parts at the first time.
        after: the same at the second.
        statistic: whose change is explained.
        seconds: how long each of the times was.

    Returns:
        Nothing where the average of one of the times is that of nothing: it has not changed, there was none.
    """
    keys = before.keys() | after.keys()
    if statistic != "avg":
        return {key: _difference(before.get(key, NONE), after.get(key, NONE), statistic, seconds) for key in keys}
    first, second = whole(before), whole(after)
    if first.avg is None or second.avg is None:
        return {}
    middle = (first.avg + second.avg) / 2
    return {
        key: _of_average(before.get(key, NONE), after.get(key, NONE), (first.count, second.count), middle)
        for key in keys
    }


def _difference(before: Amount, after: Amount, statistic: Statistic, seconds: tuple[float, float]) -> Contribution:
    one, two = statistic_of(before, statistic, seconds[0]), statistic_of(after, statistic, seconds[1])
    return Contribution(one, two, (two or 0.0) - (one or 0.0), 0.0)


def _of_average(before: Amount, after: Amount, counts: tuple[int, int], middle: float) -> Contribution:
    one, two = before.avg, after.avg
    # What was not there has the average that it has at the other time: its own change is none, its share's is all.
    low = one if one is not None else two
    high = two if two is not None else one
    if low is None or high is None:
        return Contribution(None, None, 0.0, 0.0)
    shares = before.count / counts[0], after.count / counts[1]
    own = (shares[0] + shares[1]) / 2 * (high - low)
    mix = (shares[1] - shares[0]) * ((low + high) / 2 - middle)
    return Contribution(one, two, own, mix)
