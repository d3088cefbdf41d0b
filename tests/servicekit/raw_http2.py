"""A call over HTTP/2 with headers that no gRPC client would send."""

import asyncio
import struct
from collections.abc import Mapping

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACKNOWLEDGED = 0x1, 0x4, 0x1


async def call(port: int, path: str, headers: Mapping[str, bytes], message: bytes) -> bytes:
    """Calls an RPC; the headers and data of the answer as they came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    pseudo = {":method": b"POST", ":scheme": b"http", ":path": path.encode(), ":authority": b"localhost"}
    given = {**pseudo, "content-type": b"application/grpc", "te": b"trailers", **headers}
    block = b"".join(_literal(name, value) for name, value in given.items())
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0))
    writer.write(
        _frame(HEADERS, END_HEADERS, 1, block) + _frame(DATA, END_STREAM, 1, b"\0" + len(message).to_bytes(4) + message)
    )
    answer = b""
    async with asyncio.timeout(30):
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            kind, flags = head[3], head[4]
            if kind == SETTINGS and not flags & ACKNOWLEDGED:
                writer.write(_frame(SETTINGS, ACKNOWLEDGED, 0))
            if kind in {DATA, HEADERS}:
                answer += payload
                if flags & END_STREAM:
                    writer.close()
                    return answer


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: str, value: bytes) -> bytes:
    """A header field as RFC 7541, 6.2.2, has it: not indexed, not compressed."""
    return b"\0" + _string(name.encode()) + _string(value)


def _string(text: bytes) -> bytes:
    assert len(text) < 127, "longer ones take a length of several bytes"
    return bytes([len(text)]) + text
