"""People as load on the hitl service, in processes of their own (benchmarks.human_load), and what the service shows."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import load
from benchmarks.processes import LOAD_CORES, ROOT, on_cores, python
from benchmarks.systems import System

OPEN_WITHIN = 120.0


def people(what: str, system: System, prefix: str, number: int, *more: float) -> dict[str, Any]:
    """Has them ask, decide or answer; gives what they found."""
    output, _ = load.run(_command(what, system, prefix, number, *more))
    found: dict[str, Any] = json.loads(output)
    return found


@contextmanager
def waiting(
    system: System, prefix: str, number: int, count: Callable[[], float]
) -> Iterator[Callable[[], dict[str, Any]]]:
    """So many waiters, all open when the block begins; call what it gives to have what they were told.

    `count` says how many are open.
    """
    paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client"))
    waiters = subprocess.Popen(
        on_cores(LOAD_CORES, _command("wait", system, prefix, number)),
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        until = time.monotonic() + OPEN_WITHIN
        while (waiting := count()) < number:
            if waiters.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"of {number} waiters {waiting:.0f} are open")
            time.sleep(0.1)

        def told() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(waiters.communicate(timeout=OPEN_WITHIN)[0])
            return found

        yield told
    finally:
        waiters.kill()
        waiters.wait()


def _command(what: str, system: System, prefix: str, number: int, *more: float) -> list[str]:
    return python("-m", "benchmarks.human_load", what, system.target, prefix, str(number), *map(str, more))


def metric(system: System, name: str) -> float:
    """The sum of the samples of this name."""
    with urlopen(f"http://127.0.0.1:{system.metrics_port}/metrics", timeout=30) as page:
        families = text_string_to_metric_families(page.read().decode())
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def at(values: list[float], percent: int) -> float:
    """A percentile of sorted values."""
    return values[min(len(values) - 1, len(values) * percent // 100)]
