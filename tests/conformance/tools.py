"""The tools that the suite asks for, as far as a catalogue can have them: HTTP tools, and the server behind them."""

import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\xff\0\0")),
        (b"IEND", b""),
    )
)
WAV = b"RIFF" + struct.pack("<I4s4sIHHIIHH4sI", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 0)
# What each answers: status, type, body.
ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "test_simple_text": (200, "text/plain; charset=utf-8", b"This is a simple text response for testing."),
    "test_image_content": (200, "image/png", PNG),
    "test_audio_content": (200, "audio/wav", WAV),
    "test_embedded_resource": (200, "application/octet-stream", b"\x00This is an embedded resource content."),
    "test_error_handling": (500, "text/plain; charset=utf-8", b"This tool intentionally returns an error for testing"),
    "json_schema_2020_12_tool": (200, "application/json", b'"ok"'),
    "greet": (200, "text/plain; charset=utf-8", b"Hello, {name}!"),
    "slow_compute": (200, "text/plain; charset=utf-8", b"Computed {label}."),
    "failing_job": (500, "text/plain; charset=utf-8", b"This job always fails."),
    "protocol_error_job": (200, "text/plain; charset=utf-8", b"Too late."),
    "confirm_delete": (200, "text/plain; charset=utf-8", b"Deleted {filename}."),
}
TEXT = {"type": "string"}
ADDRESS = {"$anchor": "addressDef", "type": "object", "properties": {"street": TEXT, "city": TEXT}}
BY_PHONE = {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]}
SCHEMAS: dict[str, dict[str, Any]] = {
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": ADDRESS},
        "properties": {
            "name": TEXT,
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": TEXT,
            "email": TEXT,
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": BY_PHONE,
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    }
}
# What is more than an answer: how long it takes, and what else the catalogue knows of it.
SLOW_SECONDS = {"failing_job": 2.0, "protocol_error_job": 6.0}
# What is to take a second takes one more: so a busy machine does not take for slow what is not.
MORE_SECONDS = 1.0
FURTHER: dict[str, dict[str, Any]] = {
    "protocol_error_job": {"timeout_seconds": 2},
    "confirm_delete": {"approval": {"mode": "always"}},
}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path[1:]
        status, media_type, body = ANSWERS[name]
        if media_type.startswith("text/"):
            body = body.decode().format_map(given).encode()
        seconds = float(given.get("seconds", 0))
        time.sleep(SLOW_SECONDS.get(name, seconds and seconds + MORE_SECONDS))
        with suppress(OSError):
            self._answer(status, media_type, body)

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def registered(edge_url: str) -> Iterator[None]:
    """Serves them, and puts them into the catalogue of the system at this address, while the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server, httpx.Client(base_url=edge_url) as http:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ANSWERS:
            source = {"method": "POST", "url": f"http://127.0.0.1:{server.server_port}/{name}"}
            tool = {"description": "Of the conformance suite.", "http": source}
            schema = {"input_schema": SCHEMAS[name]} if name in SCHEMAS else {}
            http.put(f"/v1/tools/{name}", json=tool | schema | FURTHER.get(name, {})).raise_for_status()
        yield
        server.shutdown()
