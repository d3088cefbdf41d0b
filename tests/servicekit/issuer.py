"""A local issuer of tokens: publishes its keys as OpenID Connect has it, and signs what it is told to."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "qmcp"


class Issuer:
    """Keys by their ids, and whether they are published."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, tuple[str, Any]] = {}
        self.up = True
        self.fetched = 0
        # What the page of the keys says instead of the keys.
        self.odd: Any = None
        self.new_key("rsa", "RS256")
        self.new_key("ec", "ES256")

    def new_key(self, key_id: str, algorithm: str) -> None:
        key = rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        self.keys[key_id] = (algorithm, key)

    def claims(self, **others: Any) -> dict[str, Any]:
        """Those of a good token; None leaves one out."""
        now = int(time.time())
        wanted = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600, "roles": ["agent"]}
        return {name: value for name, value in {**wanted, **others}.items() if value is not None}

    def token(self, key_id: str = "rsa", **others: Any) -> str:
        """Signed as it should be."""
        algorithm, key = self.keys[key_id]
        return jwt.encode(self.claims(**others), key, algorithm, headers={"kid": key_id})

    def published(self) -> dict[str, Any]:
        made = []
        for key_id, (algorithm, key) in self.keys.items():
            describe = RSAAlgorithm if algorithm == "RS256" else ECAlgorithm
            made.append(
                {**describe.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": algorithm}
            )
        return {"keys": made}

    async def discovery(self, _: web.Request) -> web.Response:
        if not self.up:
            raise web.HTTPServiceUnavailable
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def jwks(self, _: web.Request) -> web.Response:
        self.fetched += 1
        if not self.up:
            raise web.HTTPServiceUnavailable
        return web.json_response(self.published() if self.odd is None else self.odd)


@asynccontextmanager
async def serving_issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    application.router.add_get("/keys", issuer.jwks)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    issuer.url = f"http://{host}:{port}"
    try:
        yield issuer
    finally:
        await runner.cleanup()


@contextmanager
def publishing_issuer() -> Iterator[Issuer]:
    """The same beside tests that run in no loop."""
    issuer = Issuer()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            discovery = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
            page = json.dumps(issuer.published() if self.path == "/keys" else discovery).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Writes nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
