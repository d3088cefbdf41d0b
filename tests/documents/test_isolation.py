"""Each layer around a run: what it forbids is possible without it; and nothing is left of a run, however it ends."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.documents.isolation import layers
from services.documents.isolation.models import (
    LAYERS,
    LayerName,
    ProcessDiedError,
    ProcessLimits,
    ProcessTimeoutError,
    ZygoteDiedError,
)
from services.documents.isolation.runner import Zygote
from tests.documents.attempts import NOBODY

LIMITS = ProcessLimits(cpu_seconds=2)
TASK = "tests.documents.attempts:run"
# What each layer forbids by itself. Bounds of memory, files and descriptors; being root; the file system and TCP by
# landlock; sockets, processes, programs and signals by seccomp.
FORBIDDEN: list[tuple[LayerName, str, dict[str, Any]]] = [
    ("limits", "take_memory", {"bytes": 2 * 1024**3}),
    ("limits", "write_here", {"bytes": 20 * 1024**2}),
    ("limits", "open_many", {}),
    ("files", "read", {"path": "/etc/passwd"}),
    ("files", "read", {"path": f"/proc/{os.getpid()}/environ"}),
    ("files", "write", {}),
    ("files", "connect", {}),
    ("files", "kill", {"pid": os.getpid()}),
    ("calls", "connect", {}),
    ("calls", "fork", {}),
    ("calls", "execute", {}),
    ("calls", "kill", {"pid": os.getpid()}),
]


async def attempt(zygote: Zygote, what: str, seconds: float = 60, **details: Any) -> Any:
    """What came of it: `done`, `refused`, or `ended` where the process did not live to tell."""
    answer = await zygote.run(json.dumps({"do": what, **details}).encode(), seconds)
    return json.loads(answer.content) if answer.content else {"ended": True}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where zygotes have theirs: empty when all have ended."""
    (tmp_path / "zygotes").mkdir()
    yield tmp_path / "zygotes"
    assert empty(tmp_path / "zygotes")


@pytest.fixture
async def fenced(folder: Path) -> AsyncIterator[Zygote]:
    zygote = await Zygote(TASK, LIMITS, LAYERS, folder).start()
    yield zygote
    await zygote.close()


@pytest.fixture
async def bare(folder: Path) -> AsyncIterator[Zygote]:
    zygote = await Zygote(TASK, LIMITS, [], folder).start()
    yield zygote
    await zygote.close()


async def test_each_layer_forbids_what_is_possible_without_it(tmp_path: Path, fenced: Zygote, bare: Zygote) -> None:
    assert [layer.name for layer in fenced.layers if layer.active] == list(LAYERS)
    alone = {name: await Zygote(TASK, LIMITS, [name], tmp_path).start() for name in ("limits", "files", "calls")}
    with socket.create_server(("127.0.0.1", 0)) as server:
        for layer, what, details in FORBIDDEN:
            more = {"port": server.getsockname()[1], "path": str(tmp_path / "taken"), **details}
            without = await attempt(bare, what, **more)
            assert "refused" not in without, (what, details)
            for zygote in (alone[layer], fenced):
                assert "refused" in await attempt(zygote, what, **more), (layer, what, details)
    for zygote in alone.values():
        await zygote.close()


async def test_a_run_is_nobody_with_an_empty_folder_and_nothing_of_the_service_around_it(
    fenced: Zygote, bare: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QMCP_DATABASE_URL", "postgresql://secret")
    assert await attempt(bare, "who") == {"done": os.geteuid()}
    assert await attempt(fenced, "who") == {"done": os.geteuid() or NOBODY}
    assert "refused" in await attempt(fenced, "be_root")
    assert await attempt(fenced, "write_here", bytes=10) == {"done": 10}
    environment = (await attempt(fenced, "environment"))["done"]
    assert "TMPDIR" in environment
    assert not [name for name in environment if name.startswith(("QMCP", "HOME", "USER"))]


async def test_nothing_is_left_of_a_run_that_was_too_slow_died_or_said_too_much(bare: Zygote, fenced: Zygote) -> None:
    for zygote in (bare, fenced):
        with pytest.raises(ProcessTimeoutError):
            await attempt(zygote, "wait", seconds=0.2)
        with pytest.raises(ProcessDiedError) as died:
            await attempt(zygote, "die")
        assert died.value.status == 7
        waiting = asyncio.create_task(attempt(zygote, "wait"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with pytest.raises(ProcessDiedError) as died:
        await attempt(fenced, "compute")
    assert died.value.status in (-signal.SIGKILL, -signal.SIGXCPU)
    # Processes that left the group and outlived the one that began them; the wire closes when the last has ended.
    assert "done" in await attempt(bare, "fork_and_stay")
    for zygote in (bare, fenced):
        assert not children(zygote)
        assert empty(zygote._home)
    small = await Zygote(TASK, ProcessLimits(answer_bytes=1000), LAYERS).start()
    with pytest.raises(ProcessDiedError):
        await attempt(small, "much", bytes=10_000_000)
    assert "done" in await attempt(small, "much", bytes=100)
    await small.close()


async def test_runs_beside_one_that_misbehaves_are_as_they_were(fenced: Zygote) -> None:
    bad = [asyncio.create_task(attempt(fenced, "take_memory", bytes=2 * 1024**3)) for _ in range(3)]
    worse = [asyncio.create_task(attempt(fenced, "compute", seconds=0.5)) for _ in range(2)]
    good = [attempt(fenced, "write_here", bytes=10) for _ in range(10)]
    assert await asyncio.gather(*good) == [{"done": 10}] * 10
    assert all("refused" in each for each in await asyncio.gather(*bad))
    ends = await asyncio.gather(*worse, return_exceptions=True)
    assert all(isinstance(each, ProcessTimeoutError) for each in ends)


async def test_a_zygote_that_dies_takes_its_runs_along_and_says_so(fenced: Zygote) -> None:
    waiting = asyncio.create_task(attempt(fenced, "wait"))
    while not (runs := children(fenced)):
        await asyncio.sleep(0.02)
    os.kill(fenced._process.pid, signal.SIGKILL)
    with pytest.raises(ZygoteDiedError):
        await waiting
    assert not fenced.alive
    for pid in runs:
        await gone(pid)


async def test_a_service_that_is_killed_leaves_neither_process_nor_folder(folder: Path) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        "from services.documents.isolation.models import LAYERS, ProcessLimits\n"
        "from services.documents.isolation.runner import Zygote\n"
        "async def main():\n"
        f"    zygote = await Zygote({TASK!r}, ProcessLimits(), LAYERS, pathlib.Path(sys.argv[1])).start()\n"
        '    running = asyncio.create_task(zygote.run(b\'{"do": "wait"}\', 600))\n'
        "    await asyncio.sleep(0)\n"
        "    print(zygote._process.pid, flush=True)\n"
        "    await running\n"
        "asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert service.stdout is not None
    zygote = int(await service.stdout.readline())
    service.kill()
    await service.wait()
    await gone(zygote)
    assert empty(folder)


def test_a_layer_that_the_machine_lacks_is_reported_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    monkeypatch.setattr("landlockpy.supported", lambda: False)
    missing = layers.found(tmp_path, LIMITS, ["files", "calls"])
    assert [(layer.active, bool(layer.detail)) for layer in missing] == [(False, True), (False, True)]


def children(zygote: Zygote) -> list[int]:
    pid = zygote._process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def empty(folder: Path) -> bool:
    return not list(folder.iterdir())


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def gone(pid: int) -> None:
    for _ in range(3000):
        if has_ended(pid):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{pid} is still there")
