"""A server behind an HTTP tool, outside of every event loop: it keeps what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Upstream:
    """Where it listens, the bodies in the order in which they came, and whether it answers yet."""

    url: str
    bodies: list[Any] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)
    # What a GET of each path is answered: the media type, empty for 204, and the bytes.
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Serves while the block lasts."""
    found = Upstream("")
    found.answers.set()

    class Handler(BaseHTTPRequestHandler):
        """Answers every POST with what it was sent, and every GET with a file."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.bodies.append(json.loads(body))
            found.answers.wait(60)
            # Whoever asked may have given up meanwhile.
            with suppress(BrokenPipeError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

        def do_GET(self) -> None:
            kind, content = found.files[self.path]
            self.send_response(200 if kind else 204)
            if kind:
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        found.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
