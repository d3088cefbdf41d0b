"""MCP over the pipes of a process: run within bounds, ended with all its children, its lines and its errors bounded."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
import orjson
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from servicekit.large import beside
from services.tools.mcp_servers import supervisor, wire
from services.tools.mcp_servers.child import Child
from services.tools.mcp_servers.commands import Command

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]

# Of what a process says of itself, to tell why it ended.
MAX_TOLD = 2_000
CHUNK_BYTES = 65_536
# From the end of its input to the request to end.
CLOSE_SECONDS = 1.0
END_OF_ERRORS_SECONDS = 0.5
# The supervisor has ended everything by then.
END_SECONDS = 5.0


class StdioProcess:
    """One run of a command: a link."""

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

    @property
    def told(self) -> str:
        """How it ended, and the last of what it said of itself."""
        ended = "" if self._status is None else f"It ended with status {self._status}. "
        return ended + self._errors.decode(errors="replace").strip()

    @asynccontextmanager
    async def transport(self, on_end: Callable[[], None]) -> AsyncIterator[Streams]:
        """Runs it while the block lasts; `on_end` is called where it ends by itself.

        Raises:
            OSError: when it cannot be run.
        """
        words = (sys.executable, "-IS", supervisor.__file__, str(self._max_memory_bytes), *self._command.argv)
        process = Child(words, self._command.folder, self._environment)
        await process.connect()
        told, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, asked = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(self._read(process, told, on_end)),
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

    async def _read(
        self, process: Child, told: MemoryObjectSendStream[SessionMessage | Exception], on_end: Callable[[], None]
    ) -> None:
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
        on_end()

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
