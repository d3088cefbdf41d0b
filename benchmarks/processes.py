"""Starts what is measured and what it is compared with, on the cores set aside for them, and reads their CPU time."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 60.0
STOPS_WITHIN = 15.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

# The load has a core of its own, so that it is no part of what it measures; everything under test shares the others.
# On one core there is nothing to share out.
_CORES = sorted(os.sched_getaffinity(0))
LOAD_CORES = tuple(_CORES[-1:])
SERVER_CORES = tuple(_CORES[:-1]) or LOAD_CORES


@dataclass(frozen=True, slots=True)
class Tree:
    """Code that is measured, and the Python that runs it: this project's, or an earlier commit's with its own."""

    root: Path
    interpreter: Path

    @property
    def paths(self) -> str:
        """Where its Python finds it."""
        return os.pathsep.join(str(path) for path in (self.root, self.root / "gen", self.root / "client"))

    def python(self, *arguments: str) -> list[str]:
        """A command of its Python."""
        return [str(self.interpreter), *arguments]


HERE = Tree(ROOT, Path(sys.executable))


def on_cores(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """The same command, bound to these cores."""
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]


def python(*arguments: str) -> list[str]:
    """A command of this project's own Python."""
    return HERE.python(*arguments)


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    stop: signal.Signals = signal.SIGTERM,
    cores: Sequence[int] = SERVER_CORES,
    folder: Path | None = None,
    tree: Tree = HERE,
) -> Iterator[int]:
    """Runs a command while the block lasts, in its tree if nowhere else; gives its process id."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            on_cores(cores, command),
            env={**os.environ, "PYTHONPATH": tree.paths, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder or tree.root,
        )
    try:
        yield child.pid
    finally:
        child.send_signal(stop)
        try:
            child.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_until(ready: Callable[[], bool], pid: int, log: Path) -> None:
    """Waits until a process does its work.

    Raises:
        RuntimeError: when it ends or is not ready in time, with the last lines that it wrote.
    """
    until = time.monotonic() + STARTS_WITHIN
    while not ready():
        if not Path(f"/proc/{pid}/exe").exists() or time.monotonic() > until:
            raise RuntimeError(f"{log.stem} did not start:\n" + "\n".join(log.read_text().splitlines()[-15:]))
        time.sleep(0.05)


def accepts(port: int) -> bool:
    """Whether somebody listens on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pids: Sequence[int]) -> float:
    """The CPU time that these processes and all their descendants have used, those that have ended included."""
    children: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # What follows the name, which stands in parentheses and may hold anything: field 3 of proc(5) and on.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        used[int(folder.name)] = sum(map(int, fields[11:15]))
    total = 0
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0)
        waiting += children.get(pid, [])
    return total / TICKS_A_SECOND


def parent_of(pid: int) -> int:
    """The process that has started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def memory_mb(pid: int) -> float:
    """The resident memory of one process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
