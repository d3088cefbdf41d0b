"""The service's side of the zygote: begins it, has runs done, and begins another where it has died."""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from services.documents.isolation.models import (
    Answer,
    Layer,
    LayerName,
    ProcessDiedError,
    ProcessLimits,
    ProcessTimeoutError,
    ZygoteDiedError,
)

MODULE = "services.documents.isolation.zygote"
# A zygote that does not answer in this time is ended, and all of its runs with it, seconds.
PATIENCE_SECONDS = 30
# Nothing of the service's environment is in the process or near it: only what Python and the C library go by.
ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}
PIECE_BYTES = 1 << 20


@dataclass(slots=True)
class _Run:
    pid: int = 0
    # The status, once nothing is left of it.
    ended: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Zygote:
    """One zygote and its runs."""

    def __init__(
        self, task: str, limits: ProcessLimits, layers: Collection[LayerName], folder: Path | None = None
    ) -> None:
        self._task = task
        self._limits = limits
        self._wanted = layers
        self._folder = folder
        self._numbers = itertools.count(1)
        self._runs: dict[int, _Run] = {}
        self.layers: tuple[Layer, ...] = ()

    async def start(self) -> Self:
        """Begins it and waits until it has loaded all.

        Raises:
            ZygoteDiedError: it could not begin; what it said is in the log of the service.
        """
        self._home = Path(tempfile.mkdtemp(prefix="qmcp-documents-", dir=self._folder))
        # Runs of another user go through it to their own folder.
        self._home.chmod(0o711)
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        options = json.dumps({"limits": asdict(self._limits), "layers": list(self._wanted)})
        command = [sys.executable, "-I", "-m", MODULE, str(theirs.fileno()), str(self._home), self._task, options]
        with theirs:
            self._process: Process = await asyncio.create_subprocess_exec(
                *command,
                env=ENVIRONMENT,
                stdin=DEVNULL,
                stdout=DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        hello: asyncio.Future[tuple[Layer, ...]] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen(hello))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self.layers = await hello
        except BaseException:
            await self.close()
            raise
        return self

    async def run(self, request: bytes, timeout_seconds: float) -> Answer:
        """Has one run done; when this returns or raises, nothing is left of it.

        Raises:
            ProcessTimeoutError: after `timeout_seconds`.
            ProcessDiedError: it ended without an answer, or answered more than it may.
            ZygoteDiedError: all runs have ended.
        """
        number, run = next(self._numbers), _Run()
        ours, theirs = socket.socketpair()
        self._runs[number] = run
        try:
            with theirs:
                self._tell("run", number, theirs)
            async with asyncio.timeout(timeout_seconds):
                content = await self._converse(ours, request)
                if content is not None:
                    await asyncio.shield(run.ended)
        except TimeoutError as error:
            raise ProcessTimeoutError from error
        finally:
            ours.close()
            await self._end(number, run)
        if (status := run.ended.result()) != 0 or content is None:
            raise ProcessDiedError(status, run.pid)
        return Answer(content, run.pid)

    async def close(self) -> None:
        """Ends it, its runs, and its folder."""
        self._listening.cancel()
        # It ends by itself when nobody speaks to it any more.
        self._control.close()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._kill()
            await self._process.wait()
        self._lost()
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._listening.done()

    async def _converse(self, ours: socket.socket, request: bytes) -> bytes | None:
        """Asks and hears the answer; None where it is longer than allowed."""
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(ours, request)
            ours.shutdown(socket.SHUT_WR)
        answer = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := await loop.sock_recv(ours, PIECE_BYTES):
                answer += piece
                if len(answer) > self._limits.answer_bytes:
                    return None
        return bytes(answer)

    async def _end(self, number: int, run: _Run) -> None:
        """Whatever happened, even to whoever waits: the run is over when this returns."""
        try:
            if not run.ended.done():
                with contextlib.suppress(ZygoteDiedError):
                    self._tell("kill", number)
                await self._until_ended(run.ended)
        finally:
            del self._runs[number]
            if run.ended.done() and not run.ended.cancelled():
                run.ended.exception()

    async def _until_ended(self, ended: asyncio.Future[int]) -> None:
        """Waits although the waiting task is cancelled: what was begun is ended first."""
        interrupted: asyncio.CancelledError | None = None
        while not ended.done():
            try:
                if not (await asyncio.wait([ended], timeout=PATIENCE_SECONDS))[0]:
                    self._kill()
            except asyncio.CancelledError as error:
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _tell(self, what: str, number: int, descriptor: socket.socket | None = None) -> None:
        line = json.dumps({"do": what, "run": number}).encode() + b"\n"
        try:
            if descriptor is None:
                self._control.send(line)
            else:
                socket.send_fds(self._control, [line], [descriptor.fileno()])
        except OSError as error:
            self._kill()
            self._lost()
            raise ZygoteDiedError from error

    async def _listen(self, hello: asyncio.Future[tuple[Layer, ...]]) -> None:
        loop, rest = asyncio.get_running_loop(), b""
        try:
            while said := await loop.sock_recv(self._control, PIECE_BYTES):
                *lines, rest = (rest + said).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line), hello)
        except OSError:
            pass
        finally:
            self._lost()
            if not hello.done():
                hello.set_exception(ZygoteDiedError())

    def _hear(self, said: Mapping[str, Any], hello: asyncio.Future[tuple[Layer, ...]]) -> None:
        if "layers" in said:
            hello.set_result(tuple(Layer(**layer) for layer in said["layers"]))
        elif (run := self._runs.get(said["run"])) is None:
            return
        elif "pid" in said:
            run.pid = said["pid"]
        elif not run.ended.done():
            run.ended.set_result(said["status"])

    def _lost(self) -> None:
        for run in self._runs.values():
            if not run.ended.done():
                run.ended.set_exception(ZygoteDiedError())
