"""MCP over the pipes of a process: run within bounds, ended with all its children, its lines and its errors bounded."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import orjson
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from servicekit.large import beside
from services.tools.mcp_servers import supervisor, wire
from services.tools.mcp_servers.child import Child

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]

# Of what a process says of itself, to tell why it ended.
MAX_TOLD = 2_000
CHUNK_BYTES = 65_536
# What a process gets of ours; its own comes from the administrator.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")
# From the end of its input to the request to end.
CLOSE_SECONDS = 1.0
END_OF_ERRORS_SECONDS = 0.5
# The supervisor has ended everything by then.
END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """What an administrator has allowed to be run."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: str


class StdioProcess:
    """One run of a command, as the SDK's client takes it for a transport."""

    def __init__(
        self, command: Command, environment: Mapping[str, str], max_memory_bytes: int, max_response_bytes: int
    ) -> None:
        """Runs nothing before it is entered; the environment is the whole that it gets."""
        self._command = command
        self._environment = environment
        self._max_memory_bytes = max_memory_bytes
        self._most = max_response_bytes + wire.ENVELOPE_BYTES
        self._errors = bytearray()
        self._status: int | None = None
        # Called when it has ended by itself.
        self.on_end: Callable[[], None] = _nothing

    @property
    def told(self) -> str:
        """How it ended, and the last of what it said of itself."""
        ended = "" if self._status is None else f"It ended with status {self._status}. "
        return ended + self._errors.decode(errors="replace").strip()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Streams]:
        """Runs it while the block lasts.

        Raises:
            OSError: when it cannot be run.
        """
        words = (sys.executable, "-IS", supervisor.__file__, str(self._max_memory_bytes), *self._command.argv)
        process = Child(words, self._command.folder, self._environment)
        await process.connect()
        told, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, asked = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(self._read(process, told)),
            asyncio.create_task(self._write(process, asked)),
            asyncio.create_task(self._keep_errors(process)),
        ]
        try:
            yield read, write
        finally:
            # Whoever leaves may be being cancelled; the process must not stay for that.
            await _finished(asyncio.create_task(self._end(process, tasks)))
            for stream in (told, read, write, asked):
                stream.close()

    async def _read(self, process: Child, told: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        waiting, looked_at, skipping = bytearray(), 0, False
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while chunk := await process.stdout.read(CHUNK_BYTES):
                waiting += chunk
                while (end := waiting.find(b"\n", looked_at)) >= 0:
                    line, looked_at = bytes(waiting[:end]), 0
                    del waiting[: end + 1]
                    if skipping:
                        # The end of one that was too large; who waits for it may stand there.
                        skipping = False
                        line = _too_large(wire.id_of(line), self._most)
                    await self._deliver(line, told)
                looked_at = len(waiting)
                if looked_at > self._most and not skipping:
                    found = wire.id_of(waiting)
                    skipping = found is None
                    await self._deliver(_too_large(found, self._most), told)
                if looked_at > self._most:
                    # Its end may be what says whose it is.
                    del waiting[: -wire.LOOKED_AT_FOR_AN_ID]
                    looked_at = len(waiting)
        told.close()
        self.on_end()

    async def _deliver(self, line: bytes, told: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        if not line.strip():
            return
        if len(line) > self._most:
            line = _too_large(wire.id_of(line), self._most)
        # What is no message is passed over: many a program greets people there.
        with suppress(ValueError):
            exact = await beside(len(line), wire.exact, line)
            await told.send(SessionMessage(jsonrpc_message_adapter.validate_json(exact, by_name=False)))

    async def _write(self, process: Child, asked: MemoryObjectReceiveStream[SessionMessage]) -> None:
        with suppress(anyio.ClosedResourceError, ConnectionError):
            async for message in asked:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()

    async def _keep_errors(self, process: Child) -> None:
        while chunk := await process.stderr.read(CHUNK_BYTES):
            self._errors += chunk[-MAX_TOLD:]
            del self._errors[:-MAX_TOLD]

    async def _end(self, process: Child, tasks: Sequence["asyncio.Task[None]"]) -> None:
        process.stdin.close()
        if await process.has_ended(CLOSE_SECONDS):
            self._status = process.status
        process.terminate()
        if not await process.has_ended(END_SECONDS):
            process.kill()
        # What it said last is read to its end, unless somebody else still holds the pipe.
        await asyncio.wait(tasks, timeout=END_OF_ERRORS_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        process.close()


def _too_large(request_id: int | None, most: int) -> bytes:
    if request_id is None:
        return b""
    return orjson.dumps(wire.failure(request_id, wire.TOO_LARGE, f"It is larger than {most} bytes."))


async def _finished(task: "asyncio.Task[None]") -> None:
    """Waits for it, however often the waiting is cancelled."""
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _nothing() -> None:
    """Nobody wants to hear of it."""


def environment(inherited: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """What a process gets: little of ours, and its own."""
    return {name: inherited[name] for name in INHERITED if name in inherited} | dict(own)


def commands(file: Path | None) -> Mapping[str, Command]:
    """What the administrator's file allows, by name; nothing without one.

    Raises:
        SystemExit: saying what is wrong with it.
    """
    if file is None:
        return {}
    try:
        found = orjson.loads(file.read_bytes())
        return {name: _command(name, fields) for name, fields in found.items()}
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise SystemExit(f"QMCP_TOOLS_STDIO_COMMANDS_FILE ({file}) cannot be used: {error}") from None


def _command(name: str, fields: Mapping[str, object]) -> Command:
    argv, own, folder = fields["command"], fields.get("env", {}), fields.get("folder", "/")
    unknown = fields.keys() - {"command", "env", "folder"}
    if unknown:
        raise ValueError(f"{name} has {min(unknown)!r}, which there is not")
    if not (isinstance(argv, list) and argv and all(isinstance(each, str) for each in argv)):
        raise ValueError(f"{name}.command is no list of words")
    if not (isinstance(own, dict) and all(isinstance(each, str) for each in own.values())):
        raise ValueError(f"{name}.env has values that are no text")
    if not isinstance(folder, str):
        raise TypeError(f"{name}.folder is no text")
    return Command(tuple(argv), own, folder)
