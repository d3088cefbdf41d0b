"""The tables that a run prints, and the page that it writes."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import Figure
from benchmarks.processes import LOAD_CORES, SERVER_CORES


@dataclass(frozen=True, slots=True)
class Row:
    """A goal, and what was measured."""

    figure: str
    goal: str
    measured: str


@dataclass(slots=True)
class Section:
    """What one benchmark found."""

    title: str
    rows: list[Row] = field(default_factory=list)
    # Headings, then lines.
    table: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def figures_table(figures: Iterable[Figure]) -> list[Sequence[str]]:
    """A line a figure."""
    lines: list[Sequence[str]] = [
        ("", "in flight", "calls/s", "p50 ms", "p95 ms", "p99 ms", "server CPU µs a call", "failed", "load, cores")
    ]
    for figure in figures:
        parts = " + ".join(f"{name} {used:.0f}" for name, used in figure.cpu_us.items())
        load = f"{figure.generator:.2f}" + (" (the limit)" if figure.limited_by_load else "")
        times = f"{figure.p50_ms:.2f}", f"{figure.p95_ms:.2f}", f"{figure.p99_ms:.2f}"
        lines.append(
            (figure.name, str(figure.in_flight), f"{figure.rate:,.0f}", *times, parts, str(figure.failed), load)
        )
    return lines


def ratio(figures: Mapping[tuple[str, int], Figure], ours: str, theirs: str, in_flight: int) -> str:
    """Of their rates: `6.1x (by CPU a call 5.8x, p99 1/11)`."""
    a, b = figures[ours, in_flight], figures[theirs, in_flight]
    if not a.rate or not b.rate:
        return f"no answers: {a.rate:.0f}/s against {b.rate:.0f}/s"
    p99 = f"p99 1/{b.p99_ms / a.p99_ms:.1f}" if b.p99_ms >= a.p99_ms else f"p99 {a.p99_ms / b.p99_ms:.1f}x"
    return f"{a.rate / b.rate:.2f}x (by CPU a call {b.all_cpu_us / a.all_cpu_us:.2f}x, {p99})"


INTRODUCTION = """\
Measured by `python -m benchmarks --write docs/benchmarks.md` (`make bench`). Each figure is a ratio within one run,
against a peer that ran on the same machine in turn with us; every call has an idempotency key of its own, and the rows
on record were counted after each run. Calls a second move with the machine and with what else it does, ratios and CPU a
call much less."""


def ratio_to_best(figures: Mapping[tuple[str, int], Figure], ours: str, theirs: str, in_flight: int) -> str:
    """The same against the number in flight at which the other is fastest."""
    a = figures[ours, in_flight]
    b = max((figure for (name, _), figure in figures.items() if name == theirs), key=lambda figure: figure.rate)
    if not b.rate:
        return "it answered nothing"
    return (
        f"{a.rate / b.rate:.0f}x (by CPU a call {b.all_cpu_us / a.all_cpu_us:.0f}x; its best: {b.in_flight} in flight)"
    )


def machine() -> str:
    """What this ran on."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in processors if line.startswith("model name"))
    model = next(models, platform.machine())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    parts = (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, Linux {platform.release()}",
        f"Python {platform.python_version()}, grpcio {version('grpcio')}",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"what is under test on core {_list(SERVER_CORES)}, the load on core {_list(LOAD_CORES)}",
        f"load average of the last minute {os.getloadavg()[0]:.1f}",
    )
    return "; ".join(parts)


def _list(cores: Iterable[int]) -> str:
    return ",".join(map(str, cores))


def markdown(sections: Sequence[Section]) -> str:
    """The page."""
    rows = [(row.figure, row.goal, row.measured) for section in sections for row in section.rows]
    goals = _table([("Figure", "Goal", "Measured"), *rows])
    parts = ["# Benchmarks", INTRODUCTION, f"Machine: {machine()}.", "## Goals", goals]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [_table(section.table)] if section.table else []
        parts += ["\n".join(f"- {note}" for note in section.notes)] if section.notes else []
    return "\n\n".join(parts) + "\n"


def text(section: Section) -> str:
    """The same for a terminal."""
    parts = [f"== {section.title}"]
    if section.table:
        widths = [max(len(line[column]) for line in section.table) for column in range(len(section.table[0]))]
        parts += [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in section.table
        ]
    parts += [f"-> {row.figure}: {row.measured}  [goal {row.goal}]" for row in section.rows]
    parts += [f"   {note}" for note in section.notes]
    return "\n".join(parts) + "\n"


def _table(lines: Sequence[Sequence[str]]) -> str:
    heading, *rest = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([heading, "|" + "---|" * len(lines[0]), *rest])
