"""The cells of an answer, one a group and step, filled from roll-ups and from events alike."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.metrics.rollups.models import MAX_EXEMPLARS, Part
from services.metrics.rollups.sketches import quantiles_of


@dataclass(slots=True)
class Cell:
    """All that is known of one cell."""

    count: int = 0
    sum: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")
    approximate: bool = False
    sketches: list[bytes] = field(default_factory=list)
    # Invocations and their magnitudes, the greatest first.
    exemplars: list[tuple[float, str]] = field(default_factory=list)
    quantiles: Sequence[float] = ()

    def add(self, part: Part) -> None:
        self.count += part.count
        self.sum += part.sum
        self.min = min(self.min, part.min)
        self.max = max(self.max, part.max)
        self.approximate = self.approximate or part.approximate
        self.sketches.append(part.sketch)

    def name(self, exemplars: Iterable[tuple[float, str]]) -> None:
        """Notes invocations; those with the greatest magnitudes stay."""
        self.exemplars = sorted({*self.exemplars, *exemplars}, reverse=True)[:MAX_EXEMPLARS]


def filled(parts: Iterable[Part]) -> dict[tuple[int, int], Cell]:
    """The cells that have values, by group and step."""
    cells: dict[tuple[int, int], Cell] = defaultdict(Cell)
    for part in parts:
        if part.count:
            cells[part.group, part.step].add(part)
    return dict(cells)


def compute_quantiles(cells: Mapping[tuple[int, int], Cell], shares: Sequence[float]) -> None:
    """Gives each cell its quantiles; no value lies outside of what was the least and the greatest."""
    found = quantiles_of([b"".join(cell.sketches) for cell in cells.values()], shares)
    for cell, row in zip(cells.values(), found.tolist(), strict=True):
        cell.quantiles = [min(max(value, cell.min), cell.max) for value in row]
