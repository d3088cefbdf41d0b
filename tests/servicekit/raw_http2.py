"""Calls over HTTP/2 as no gRPC client would make them."""

import asyncio
import struct
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACKNOWLEDGED = 0x1, 0x4, 0x1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def call(port: int, path: str, headers: Mapping[str, bytes], message: bytes) -> bytes:
    """Calls an RPC; the headers and data of the answer as they came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    block = _block(path, {"content-type": b"application/grpc", "te": b"trailers", **headers})
    writer.write(PREFACE + _frame(SETTINGS, 0, 0))
    writer.write(
        _frame(HEADERS, END_HEADERS, 1, block) + _frame(DATA, END_STREAM, 1, b"\0" + len(message).to_bytes(4) + message)
    )
    (answer,) = await _answers(reader, writer, 1)
    return answer


async def begin(port: int, path: str, headers: Mapping[str, bytes], part: bytes, calls: int) -> "Begun":
    """Begins calls on one connection whose requests do not end: headers, and a part of the body where there is one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    block = _block(path, headers)
    writer.write(PREFACE + _frame(SETTINGS, 0, 0))
    for stream in range(1, 2 * calls, 2):
        writer.write(_frame(HEADERS, END_HEADERS, stream, block))
        if part:
            writer.write(_frame(DATA, 0, stream, part))
    return Begun(reader, writer, calls)


class Begun:
    """Calls that wait for the rest of their requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, calls: int) -> None:
        self._reader = reader
        self._writer = writer
        self._calls = calls

    async def answers(self) -> list[bytes]:
        """How each of them ended: its headers and data as they came."""
        return await _answers(self._reader, self._writer, self._calls)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, calls: int) -> list[bytes]:
    answers: defaultdict[int, bytes] = defaultdict(bytes)
    ended = set()
    async with asyncio.timeout(60):
        while len(ended) < calls:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
            if kind == SETTINGS and not flags & ACKNOWLEDGED:
                writer.write(_frame(SETTINGS, ACKNOWLEDGED, 0))
            if kind in {DATA, HEADERS}:
                answers[stream] += payload
                if flags & END_STREAM:
                    ended.add(stream)
    await closed(writer)
    return list(answers.values())


async def closed(writer: asyncio.StreamWriter) -> None:
    """Closes a connection, which the other side may have done already."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _block(path: str, headers: Mapping[str, bytes]) -> bytes:
    pseudo = {":method": b"POST", ":scheme": b"http", ":path": path.encode(), ":authority": b"localhost"}
    return b"".join(_literal(name, value) for name, value in (pseudo | dict(headers)).items())


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: str, value: bytes) -> bytes:
    """A header field as RFC 7541, 6.2.2, has it: not indexed, not compressed."""
    return b"\0" + _string(name.encode()) + _string(value)


def _string(text: bytes) -> bytes:
    assert len(text) < 127, "longer ones take a length of several bytes"
    return bytes([len(text)]) + text
