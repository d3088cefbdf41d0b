"""A server that says back what it was sent: behind a tool, as a receiver of webhooks, as one that gives tokens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = {"path": self.path, "headers": dict(self.headers), "body": body.decode()}
        if self.path.startswith("/token/"):
            # Which one, its client says.
            token = self.path.rpartition("/")[2]
            answer = {"access_token": token, "token_type": "Bearer", "expires_in": "3600"}
            if b"grant_type=refresh_token" in body:
                answer["refresh_token"] = token[::-1]
        said = json.dumps(answer).encode()
        self.send_response(500 if self.path.startswith("/failing") else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Writes nothing."""


@contextmanager
def echoing_server() -> Iterator[str]:
    """The address of one, for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
