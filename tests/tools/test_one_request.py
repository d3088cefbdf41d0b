"""One invocation sends one request, whatever the connection does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.tools.service import Replica

pytestmark = pytest.mark.asyncio(loop_scope="module")
METHODS = ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"]


@asynccontextmanager
async def closing_upstream(answered: int, close: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[list[bytes]]:
    """Answers so many requests, then reads each further one whole and closes; the first item is its port."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)
                seen.append(head.split(b" ")[0])
                if len(seen) - 1 > answered:
                    break
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n")
                writer.write(b"" if seen[-1] == b"HEAD" else b"{}")
        except asyncio.IncompleteReadError:
            pass
        close(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.append(str(server.sockets[0].getsockname()[1]).encode())
    try:
        yield seen
    finally:
        server.close()


def gracefully(writer: asyncio.StreamWriter) -> None:
    writer.close()


def abruptly(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("close", [gracefully, abruptly])
@pytest.mark.parametrize("answered", [0, 1, 3])
@pytest.mark.parametrize("method", METHODS)
async def test_a_server_that_closes_without_an_answer_has_seen_one_request(
    shared: Replica, method: str, answered: int, close: Callable[[asyncio.StreamWriter], None]
) -> None:
    async with closing_upstream(answered, close) as seen:
        url = f"http://127.0.0.1:{seen[0].decode()}/orders"
        await shared.update(name="closing", http={"url": url, "method": method})
        for _ in range(answered):
            assert (await shared.invoke("closing", {"a": 1})).status == "success"
        made = await shared.invoke("closing", {"a": 1})
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert "closed without an answer" in made.error
    assert seen[1:] == [method.encode()] * (answered + 1)
