"""Starts the processes of the table in order, keeps them together while they run, and stops them in reverse."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from devstack.errors import CannotRunError
from devstack.processes import Process
from devstack.terminal import Terminal

READY_SECONDS = 60.0
# How long a process may take to stop before it is killed: longer than the services' own grace (10 s).
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
LAST_LINES = 20
# The cause of a notice repeats itself in the log with every call.
NOTICE_AGAIN_SECONDS = 60.0
# A process that is recovered dies again at once where the cause has stayed, a full disk for one.
RECOVERIES = 5
RECOVERIES_WITHIN_SECONDS = 60.0


@dataclass(slots=True)
class Child:
    """A process of the table while it runs."""

    row: Process
    process: asyncio.subprocess.Process
    lines: asyncio.Task[None]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


class Supervisor:
    """The processes of one system."""

    def __init__(self, rows: Sequence[Process], environment: Mapping[str, str], terminal: Terminal) -> None:
        self._rows = {row.name: row for row in rows}
        self._environment = environment
        self._terminal = terminal
        self._children: dict[str, Child] = {}
        self._noticed: dict[str, float] = {}
        self._spawned = asyncio.Event()
        # Called when process ids have changed.
        self.on_change: Callable[[], None] = lambda: None
        self._recoveries: deque[float] = deque(maxlen=RECOVERIES)

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by name."""
        return {name: child.process.pid for name, child in self._children.items()}

    async def start(self, *names: str) -> None:
        """Starts these processes, or all, each as soon as what it needs is ready, and waits until all are.

        Raises:
            CannotRunError: when one of them ends or does not get ready.
        """
        chosen = [row for row in self._rows.values() if not names or row.name in names]
        ready = {row.name: asyncio.Event() for row in chosen}

        async def start_one(row: Process) -> None:
            for need in row.needs:
                if need in ready:
                    await ready[need].wait()
            await self._spawn(row)
            await self._until_ready(row, [ready[name] for name in row.asked_after if name in ready])
            ready[row.name].set()

        tasks = [asyncio.create_task(start_one(row)) for row in chosen]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Waits until one of the processes ends and is not recovered.

        Raises:
            CannotRunError: which one ended, and why.
        """
        while True:
            self._spawned.clear()
            waits = {asyncio.create_task(child.process.wait()): child for child in self._children.values()}
            spawned = asyncio.create_task(self._spawned.wait())
            try:
                done, _ = await asyncio.wait([*waits, spawned], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (*waits, spawned):
                    task.cancel()
            for child in (waits[wait] for wait in done if wait in waits):
                # Not the one that a reload has just stopped.
                if self._children.get(child.row.name) is child:
                    await self._recover(child)

    async def reload(self) -> None:
        """Stops what runs code of this tree and starts it again.

        Raises:
            CannotRunError: when the new code does not start; then it is stopped, and the rest runs on.
        """
        names = [row.name for row in self._rows.values() if row.reloads]
        await self.stop(*names)
        try:
            await self.start(*names)
        except CannotRunError:
            await self.stop(*names)
            raise

    async def stop(self, *names: str) -> None:
        """Stops these, or all, in reverse order of the table; what does not stop in time is killed."""
        for name in reversed(list(self._rows)):
            if (not names or name in names) and (child := self._children.pop(name, None)):
                await self._stop(child)

    def kill(self) -> None:
        """Kills everything at once, without waiting."""
        for child in self._children.values():
            _signal_group(child.process.pid, signal.SIGKILL)

    async def _spawn(self, row: Process) -> None:
        child_program = Path(__file__).with_name("child.py")
        command = row.command()
        if str(child_program) not in command:
            command = [sys.executable, "-I", "-S", str(child_program), "--parent", str(os.getpid()), "--", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**self._environment, "PYTHONUNBUFFERED": "1", **row.environment},
            # A Ctrl-C goes to the foreground group of the terminal; they are to hear of it from us, in order.
            start_new_session=True,
        )
        last: deque[str] = deque(maxlen=LAST_LINES)
        assert process.stdout is not None
        lines = asyncio.create_task(self._pass_on(row, process.stdout, last))
        self._children[row.name] = Child(row, process, lines, last)
        self._spawned.set()
        self.on_change()

    async def _pass_on(self, row: Process, stream: asyncio.StreamReader, last: deque[str]) -> None:
        rest = b""
        # By blocks, because a line may be longer than any limit.
        while block := await stream.read(1 << 16):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._take(row, line.decode(errors="replace").rstrip("\r"), last)
        if rest:
            self._take(row, rest.decode(errors="replace"), last)

    def _take(self, row: Process, line: str, last: deque[str]) -> None:
        last.append(line)
        self._terminal.log(row.name, line)
        word = row.notice(line)
        if word and time.monotonic() - self._noticed.get(word, -NOTICE_AGAIN_SECONDS) >= NOTICE_AGAIN_SECONDS:
            self._noticed[word] = time.monotonic()
            self._terminal.say(word)

    async def _until_ready(self, row: Process, after: Sequence[asyncio.Event] = ()) -> None:
        child = self._children[row.name]
        until = time.monotonic() + READY_SECONDS
        while not (all(event.is_set() for event in after) and await row.ready(child.process.pid)):
            if child.process.returncode is not None:
                raise CannotRunError(await self._obituary(child, "before it was ready"))
            if time.monotonic() > until:
                raise CannotRunError(
                    f"{row.name} is not ready after {READY_SECONDS:.0f} seconds.{_last_words(child.last)}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _recover(self, child: Child) -> None:
        row = child.row
        now = time.monotonic()
        too_often = len(self._recoveries) == RECOVERIES and now - self._recoveries[0] < RECOVERIES_WITHIN_SECONDS
        if row.recover is None or too_often:
            raise CannotRunError(await self._obituary(child, "again and again" if too_often else ""))
        self._recoveries.append(now)
        self._terminal.say(f"{await self._obituary(child)} Starting it again; what was acknowledged is kept.")
        await asyncio.to_thread(row.recover)
        await self._spawn(row)
        await self._until_ready(row)
        self._terminal.say(f"{row.name} is back after {time.monotonic() - now:.1f} s.")

    async def _obituary(self, child: Child, when: str = "") -> str:
        # The rest of what it wrote; a grandchild that holds the pipe must not hold us.
        await asyncio.wait([child.lines], timeout=1.0)
        _signal_group(child.process.pid, signal.SIGKILL)
        code = child.process.returncode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        why = child.row.explain(list(child.last)) if code != -signal.SIGKILL else ""
        return f"{child.row.name} {how}{f' {when}' if when else ''}.{_why(why)}"

    async def _stop(self, child: Child) -> None:
        if child.process.returncode is None:
            with suppress(ProcessLookupError):
                child.process.send_signal(child.row.stop)
        try:
            await asyncio.wait_for(child.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._terminal.say(f"{child.row.name} does not stop within {STOP_SECONDS:.0f} seconds; killing it.")
        finally:
            # Also what it may have left in its group.
            _signal_group(child.process.pid, signal.SIGKILL)
        await child.process.wait()
        await asyncio.wait([child.lines], timeout=1.0)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _why(text: str) -> str:
    """One sentence on the same line, or the last words below it."""
    return _last_words(text.splitlines()) if "\n" in text else f" {text}" if text else ""


def _last_words(lines: Iterable[str]) -> str:
    return " Its last words:" + "".join(f"\n    {line}" for line in lines)
