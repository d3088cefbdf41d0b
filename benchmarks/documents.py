"""Documents: the process of each run, forked from the warm one against started anew, and what is left of runs."""

import asyncio
import io
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

from docx import Document
from pydantic import create_model

from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from services.documents.isolation.models import LAYERS
from services.documents.opc.models import TemplateRefusedError
from services.documents.opc.packages import W
from services.documents.rendering.models import (
    FormatOptions,
    RenderFailedError,
    RenderRequest,
    RenderTimeoutError,
    StartMethod,
)
from services.documents.rendering.renderer import Renderer
from services.documents.skills.models import Payload, Skill

FIELDS, TABLE_ROWS, CELLS = 20, 50, 4
# Spawned runs take ten times as long.
RUNS, SPAWNED = 100, 15
MIXED, AT_ONCE = 1000, 4
GUARD_SECONDS = 60
LATE_SECONDS = 0.005
# Rendering so many rows takes a second and more.
OVERRUNS, OVERRUN_SECONDS, LONG_ROWS = 40, 0.2, 3000
FEW = FormatOptions("off")


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("Documents: a process for each run", table=[("", "runs", "p50 ms", "p95 ms")])
    return asyncio.run(_bench(folder, plan, section))


async def _bench(folder: Path, plan: Plan, section: Section) -> Section:
    skills = {"wide": _skill()}
    small = RenderRequest(_document("【F0】"), "wide", _payload(), FEW)
    wide = RenderRequest(_table(), "wide", _payload())
    methods: dict[StartMethod, int] = {"forkserver": RUNS, "spawn": SPAWNED}
    p50: dict[str, float] = {}
    for method, runs in methods.items():
        async with Renderer(skills, start_method=method, required=LAYERS, folder=folder) as renderer:
            for name, request in (("one field", small), (f"{FIELDS} fields, {TABLE_ROWS} rows", wide)):
                times = sorted([await _timed(renderer, request) for _ in range(runs * plan.rounds)])
                p50[f"{method}, {name}"], (_, p95) = median(times), _spread(times)
                section.table.append((f"{method}, {name}", str(len(times)), *_spread(times)))
                if method == "forkserver" and request is wide:
                    section.rows.append(Row(f"a run of {name}, p95", "< 120 ms", f"{p95} ms"))
    ratio = p50["spawn, one field"] / p50["forkserver, one field"]
    section.rows.append(Row("from the zygote against spawned, one field, p50", "≥ 8x", f"{ratio:.1f}x"))
    section.rows.append(await _overrun(folder, skills, section))
    section.rows.append(await _mixed(folder, skills, section))
    return section


async def _overrun(folder: Path, skills: dict[str, Skill], section: Section) -> Row:
    """How long after its time a run is gone, process and all: as many at a time as the mixed runs."""
    long = RenderRequest(_table(LONG_ROWS), "wide", _payload())
    async with Renderer(skills, required=LAYERS, folder=folder) as renderer:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one() -> float:
            async with slots:
                begun = time.perf_counter()
                with suppress(RenderTimeoutError):
                    await renderer.render(long, OVERRUN_SECONDS)
                    raise AssertionError("it was not too long")
                return (time.perf_counter() - begun - OVERRUN_SECONDS) * 1000

        over = sorted(await asyncio.gather(*(one() for _ in range(OVERRUNS))))
    section.table.append((f"gone after a timeout of {OVERRUN_SECONDS * 1000:.0f} ms", f"{OVERRUNS}", *_spread(over)))
    return Row(f"gone after its time, {AT_ONCE} at a time, longest of {OVERRUNS}", "< 250 ms", f"{over[-1]:.0f} ms")


def _spread(times: Sequence[float]) -> tuple[str, str]:
    return f"{median(times):.1f}", f"{times[round(0.95 * (len(times) - 1))]:.1f}"


async def _timed(renderer: Renderer, request: RenderRequest) -> float:
    begun = time.perf_counter()
    result = await renderer.render(request, GUARD_SECONDS)
    assert result.exit_code in {0, 2}, result.message
    return (time.perf_counter() - begun) * 1000


async def _mixed(folder: Path, skills: dict[str, Skill], section: Section) -> Row:
    """Runs that end in every way, and what is there of them afterwards."""
    home = folder / "mixed"
    home.mkdir()
    good = RenderRequest(_table(), "wide", _payload(), FEW)
    kinds: dict[str, tuple[RenderRequest, float]] = {
        "rendered": (good, GUARD_SECONDS),
        "missing": (RenderRequest(_document("【F0】"), "wide", {}, FEW), GUARD_SECONDS),
        "unsupported": (RenderRequest(_document("【F0"), "wide", _payload(), FEW), GUARD_SECONDS),
        "refused": (RenderRequest(b"PK\x03\x04 no package", "wide", {}, FEW), GUARD_SECONDS),
        "late": (good, LATE_SECONDS),
        "cancelled": (good, GUARD_SECONDS),
    }
    async with Renderer(skills, required=LAYERS, folder=home) as renderer:
        await renderer.render(good, GUARD_SECONDS)
        before = _standing(home)
        ended: Counter[str] = Counter()
        chosen = random.Random(1).choices(list(kinds), k=MIXED)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(kind: str) -> None:
            async with slots:
                running = asyncio.create_task(renderer.render(kinds[kind][0], kinds[kind][1]))
                if kind == "cancelled":
                    await asyncio.sleep(LATE_SECONDS)
                    running.cancel()
                ended[await _end(running)] += 1

        await asyncio.gather(*map(one, chosen))
        after = _standing(home)
    section.notes.append(
        f"{MIXED} mixed runs: {', '.join(f'{number} {name}' for name, number in sorted(ended.items()))}."
    )
    left = _standing(home)
    processes, files, size = (now - then for now, then in zip(after, before, strict=True))
    what = f"{processes} processes, {files} files, {size} bytes; {left[1]} files at the end"
    return Row(f"left of {MIXED} mixed runs, {AT_ONCE} at a time", "nothing", what)


async def _end(running: "asyncio.Task[Any]") -> str:
    try:
        return {0: "rendered", 2: "missing", 3: "unsupported"}[(await running).exit_code]
    except asyncio.CancelledError:
        return "cancelled"
    except (TemplateRefusedError, RenderTimeoutError, RenderFailedError) as error:
        return {TemplateRefusedError: "refused", RenderTimeoutError: "late"}.get(type(error), "failed")


def _standing(home: Path) -> tuple[int, int, int]:
    """Processes below this one, and files in the folder with their bytes."""
    files = [path for path in home.rglob("*") if path.is_file()]
    children = itertools.chain.from_iterable(
        path.read_text().split() for path in Path("/proc/self/task").glob("*/children")
    )
    found = list(children)
    for pid in found:
        below = Path(f"/proc/{pid}/task/{pid}/children")
        found += below.read_text().split() if below.exists() else []
    return len(found), len(files), sum(path.stat().st_size for path in files)


def _skill() -> Skill:
    fields: Any = {f"f{number}": (str | None, None) for number in range(FIELDS)}
    return Skill("wide", create_model("Wide", __base__=Payload, **fields), ("f0",))


def _payload() -> dict[str, str]:
    return {f"f{number}": f"the value of {number}" for number in range(FIELDS)}


def _document(text: str) -> bytes:
    return _saved(lambda made: made.add_paragraph(text))


def _table(number_of_rows: int = TABLE_ROWS) -> bytes:
    """All fields once in the text, and a table with one in each cell."""
    numbers = itertools.cycle(range(FIELDS))

    def make(made: Any) -> None:
        for number in range(FIELDS):
            made.add_paragraph(f"Field {number}: 【F{number}】")
        table = made.add_table(1, CELLS)
        for cell in table.rows[0].cells:
            cell.text = f"【F{next(numbers)}】"
        for _ in range(number_of_rows - 1):
            row = deepcopy(table.rows[0]._tr)
            table._tbl.append(row)
            for text in row.iter(f"{{{W}}}t"):
                text.text = f"【F{next(numbers)}】"

    return _saved(make)


def _saved(make: Callable[[Any], object]) -> bytes:
    made, written = Document(), io.BytesIO()
    make(made)
    made.save(written)
    return written.getvalue()
