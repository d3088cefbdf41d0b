"""A TCP proxy between two processes that can be cut, silenced and mended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.access.environment import free_port


class TcpProxy:
    """Forwards a port of this machine to another."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        # What callers have sent through it.
        self.sent = bytearray()
        self._target = target
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        # Each silence ends what was open for good, as a network does that has forgotten a connection.
        self._silences = 0
        self._silent = False

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    def silence(self) -> None:
        """Carries nothing any more, and tells nobody."""
        self._silent = True
        self._silences += 1

    def speak(self) -> None:
        """Carries what is opened from now on."""
        self._silent = False

    async def cut(self) -> None:
        """Ends every connection; new ones are refused."""
        if self._server is not None:
            self._server.close()
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        begun = self._silences

        def heard() -> bool:
            return self._silences == begun and not self._silent

        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                await asyncio.gather(
                    _pour(reader, far_writer, heard, self.sent), _pour(far_reader, writer, heard, bytearray())
                )
            finally:
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._carrying.discard(task)


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(target)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()


async def _pour(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Callable[[], bool], kept: bytearray
) -> None:
    while data := await reader.read(65_536):
        if not heard():
            await asyncio.Event().wait()
        kept += data
        writer.write(data)
        await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()
