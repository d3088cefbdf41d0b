"""Rounds of load on several contenders in turn, so that whatever else the machine does meets all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.load import SATURATED, Load

SLOW_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    in_flight: tuple[int, ...] = (1, 16, 64)
    rounds: int = 3
    seconds: float = 3


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that takes load."""

    name: str
    # In flight, seconds.
    call: Callable[[int, float], Load]
    # CPU seconds used so far, by process.
    cpu: Callable[[], Mapping[str, float]]
    # How many calls are on record; None where nothing is recorded.
    rows: Callable[[], int] | None = None
    # It answers so slowly that a round of the usual length would see no answer: one long round does.
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians over the rounds."""

    name: str
    in_flight: int
    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    # CPU microseconds a call, by process.
    cpu_us: Mapping[str, float]
    failed: int
    generator: float

    @property
    def all_cpu_us(self) -> float:
        """Of all processes."""
        return sum(self.cpu_us.values())

    @property
    def limited_by_load(self) -> bool:
        """Whether the generator, not the server, set the rate."""
        return self.generator > SATURATED


class UnrecordedError(Exception):
    """More calls were acknowledged than are on record."""


def measure(contenders: Sequence[Contender], plan: Plan) -> dict[tuple[str, int], Figure]:
    """Every contender at every number in flight.

    Raises:
        UnrecordedError: when fewer calls are on record than were acknowledged.
    """
    loads: dict[tuple[str, int], list[tuple[Load, Mapping[str, float]]]] = {}
    acknowledged = dict.fromkeys((contender.name for contender in contenders), 0)
    # Two contenders may be doors to one record.
    records = {contender.rows for contender in contenders if contender.rows is not None}
    before = {rows: rows() for rows in records}
    for contender in contenders:
        # Connections, plans of statements, caches; and page faults of a process that has just started.
        acknowledged[contender.name] += contender.call(16, 1).acknowledged
    for in_flight in plan.in_flight:
        for number in range(plan.rounds):
            for contender in contenders:
                if contender.slow and number > 0:
                    continue
                used = contender.cpu()
                load = contender.call(in_flight, SLOW_SECONDS if contender.slow else plan.seconds)
                spent = {name: seconds - used[name] for name, seconds in contender.cpu().items()}
                acknowledged[contender.name] += load.acknowledged
                loads.setdefault((contender.name, in_flight), []).append((load, spent))
    for rows in records:
        names = [contender.name for contender in contenders if contender.rows == rows]
        told, recorded = sum(acknowledged[name] for name in names), rows() - before[rows]
        if recorded < told:
            raise UnrecordedError(f"{', '.join(names)}: {told} acknowledged, {recorded} on record")
    return {key: _figure(*key, rounds) for key, rounds in loads.items()}


def _figure(name: str, in_flight: int, rounds: Sequence[tuple[Load, Mapping[str, float]]]) -> Figure:
    return Figure(
        name,
        in_flight,
        median(load.rate for load, _ in rounds),
        median(load.p50_ms for load, _ in rounds),
        median(load.p95_ms for load, _ in rounds),
        median(load.p99_ms for load, _ in rounds),
        {
            process: median(1e6 * spent[process] / max(1, load.acknowledged) for load, spent in rounds)
            for process in rounds[0][1]
        },
        sum(load.failed for load, _ in rounds),
        max(load.generator for load, _ in rounds),
    )
