"""An OAuth 2.0 authorization server by Authlib, and a resource server that takes its tokens, on one loopback port."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import aiohttp
from aiohttp import web
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.grants import BaseGrant, ClientCredentialsGrant, RefreshTokenGrant, TokenEndpointMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator

CLIENT_ID = "qmcp/client"
# Such as has to be encoded on its way.
CLIENT_SECRET = "cAnArY+client/secret:100%&=ü"
LIFETIME_SECONDS = 600


class Clock:
    """The time of both sides; it stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Parties:
    """The two servers, and what they were asked."""

    clock: Clock
    port: int = 0
    secret: str = CLIENT_SECRET
    # The forms that were sent for tokens, each with how the client had proved itself.
    asked: list[dict[str, str]] = field(default_factory=list)
    # Token by token: when it ends.
    issued: dict[str, float] = field(default_factory=dict)
    # Refresh token by refresh token: whether it is good. Each is good for one use, and one that is used again ends all.
    refreshes: dict[str, bool] = field(default_factory=dict)
    # Token by token: that for which it was given.
    exchanged: dict[str, str] = field(default_factory=dict)
    # The token of each request to the resource server.
    used: list[str] = field(default_factory=list)
    # What the token endpoint answers instead of a token.
    answer: Callable[[web.Request], web.Response] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tokens(self) -> list[str]:
        return list(self.issued)

    def client(self, **others: Any) -> dict[str, Any]:
        """The document that declares our client; None leaves a field out."""
        declared = {
            "token_url": f"{self.url}/token",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **others,
        }
        return {name: value for name, value in declared.items() if value is not None}

    def grown(self) -> str:
        """A refresh token as a user's consent gives it."""
        made = f"cAnArY-refresh-{uuid.uuid4().hex}"
        self.refreshes[made] = True
        return made

    def forget(self) -> None:
        """For the next test."""
        self.asked.clear()
        self.used.clear()
        self.issued.clear()
        self.refreshes.clear()
        self.exchanged.clear()
        self.secret, self.answer = CLIENT_SECRET, None


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class _Refresh(RefreshTokenGrant):
    """Rotates, and takes whoever uses one twice for a thief (RFC 9700, 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")
    INCLUDE_NEW_REFRESH_TOKEN = True

    @property
    def parties(self) -> Parties:
        found: Parties = self.server.parties
        return found

    def authenticate_refresh_token(self, refresh_token: str) -> "_Credential | None":
        good = self.parties.refreshes.get(refresh_token)
        if good is False:
            self.parties.refreshes.update(dict.fromkeys(self.parties.refreshes, False))
        return _Credential(refresh_token) if good else None

    def authenticate_user(self, refresh_token: "_Credential") -> str:
        return "anna" if refresh_token else ""

    def revoke_old_credential(self, refresh_token: "_Credential") -> None:
        self.parties.refreshes[refresh_token.text] = False


class _Exchange(BaseGrant, TokenEndpointMixin):
    """RFC 8693, of which Authlib has the name alone: any token of an issuer is taken, and whose it is kept."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        if not self.request.form.get("subject_token", "").count(".") == 2:
            raise InvalidGrantError

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        token = {**self.generate_token(grant_type=self.GRANT_TYPE, include_refresh_token=False)}
        token["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
        parties: Parties = self.server.parties
        parties.exchanged[token["access_token"]] = self.request.form["subject_token"]
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


@dataclass
class _Credential:
    text: str

    def check_client(self, client: ClientMixin) -> bool:
        return client.get_client_id() == CLIENT_ID

    def get_scope(self) -> str:
        return "read write"


class _Client(ClientMixin):
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self._secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in _Grant.TOKEN_ENDPOINT_AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("client_credentials", "refresh_token", _Exchange.GRANT_TYPE)


class _Request(OAuth2Request):
    def __init__(self, form: dict[str, str], headers: Mapping[str, str]) -> None:
        # Authlib wants TLS, which somebody else would do here.
        super().__init__("POST", "https://127.0.0.1/token", headers=headers)
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        found: dict[str, str] = self.payload.data
        return found


class _Server(AuthorizationServer):
    def __init__(self, parties: Parties) -> None:
        super().__init__(scopes_supported=["read", "write"])
        self.parties = parties
        self.register_grant(_Grant)
        self.register_grant(_Refresh)
        self.register_grant(_Exchange)
        generator = BearerTokenGenerator(
            lambda **_: f"cAnArY-{uuid.uuid4().hex}", lambda **_: parties.grown(), lambda *_: LIFETIME_SECONDS
        )
        self.register_token_generator("default", generator)

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(self.parties.secret) if client_id == CLIENT_ID else None

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        self.parties.issued[token["access_token"]] = self.parties.clock() + token["expires_in"]

    def handle_response(self, status: int, body: Any, headers: Any) -> web.Response:
        made = web.json_response(body, status=status)
        made.headers.update(headers)
        return made

    def send_signal(self, *_: Any, **__: Any) -> None:
        """Nobody listens."""


@asynccontextmanager
async def parties(clock: Clock) -> AsyncIterator[Parties]:
    """Both, for as long as the context lasts."""
    running = Parties(clock)
    server = _Server(running)

    async def token(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        running.asked.append(form)
        if running.answer is not None:
            return running.answer(request)
        asked = _Request(dict(form), request.headers)
        answer: web.Response = server.create_token_response(asked)
        form["proved by"] = asked.auth_method or "nothing"
        return answer

    async def resource(request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        running.used.append(token)
        if scheme != "Bearer" or running.issued.get(token, 0.0) <= clock():
            return web.json_response({"error": "invalid_token", "token": token}, status=401)
        # As a careless server says: all that it knows.
        return web.json_response({"token": token, "of": running.tokens, "basic": quote_plus(CLIENT_SECRET)})

    application = web.Application()
    application.router.add_post("/token", token)
    application.router.add_post("/resource", resource)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """The port of one that takes connections and never says a word."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for writer in writers:
            writer.close()
        server.close()


async def page(port: int) -> str:
    """A metrics page as it is read."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as found:
        return await found.text()
