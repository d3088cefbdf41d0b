"""The headers of a source with its credentials as they are at that moment: secrets, and tokens of OAuth clients."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

import structlog
from cachetools import LRUCache

from services.tools import errors
from services.tools.catalogue.named_secrets import Secrets, oauth_names
from services.tools.catalogue.oauth_clients import EXCHANGE, REFRESH_TOKEN, OAuthClient
from services.tools.catalogue.token_endpoint import REQUEST_SECONDS, TokenEndpoint, TokenError
from services.tools.upstreams.callers import CallerToken, caller_token
from services.tools.upstreams.models import Renewable, Token
from services.tools.upstreams.renewals import (
    RENEW_BEFORE_SECONDS,
    RENEW_BEFORE_SHARE,
    UNUSED_SECONDS,
    UNUSED_SHARE,
    RenewalError,
    Renewals,
)

logger = structlog.get_logger(__name__)

# Until a renewal that failed is tried again, while the token still serves.
PAUSE_SECONDS = 5.0
# A server that says 401 to every token must not have one made for each call.
REFUSED_AGAIN_SECONDS = 30.0
MAX_TOLD = 500
# Of callers' tokens; the least recently used goes first, and is exchanged again.
MAX_EXCHANGED = 1_000


@dataclass(slots=True)
class _Held:
    """The token of one client; times by the monotonic clock."""

    client: OAuthClient
    token: str = ""
    renew_at: float = 0.0
    ends_at: float = 0.0
    # From when on a 401 makes another one.
    refusable_at: float = 0.0
    # The token to which it was said.
    refused: str = ""
    # Whose token is exchanged for it; None: nobody's.
    caller: CallerToken | None = None
    renewal: asyncio.Task[Token | TokenError] | None = None

    def take(self, token: Token, asked_at: float) -> None:
        self.token = token.text
        self.renew_at = asked_at + token.seconds - min(RENEW_BEFORE_SECONDS, token.seconds * RENEW_BEFORE_SHARE)
        self.ends_at = asked_at + token.seconds - min(UNUSED_SECONDS, token.seconds * UNUSED_SHARE)


class Credentials:
    """Gives each client one token at a time, made by one request however many calls wait for it."""

    def __init__(self, secrets: Secrets, endpoint: TokenEndpoint, renewals: Renewals) -> None:
        self.secrets = secrets
        self._endpoint = endpoint
        self._renewals = renewals
        self._held: dict[str, _Held] = {}
        # By the name of the client, the caller, and the digest of its token.
        self._exchanged: LRUCache[tuple[str, str, bytes], _Held] = LRUCache(MAX_EXCHANGED)

    async def aclose(self) -> None:
        every = [*self._held.values(), *self._exchanged.values()]
        renewals = [held.renewal for held in every if held.renewal is not None]
        if renewals:
            # A refresh token that is being replaced now would be lost.
            await asyncio.wait(renewals, timeout=REQUEST_SECONDS)
        for renewal in renewals:
            renewal.cancel()
        await asyncio.gather(*renewals, return_exceptions=True)
        await self._endpoint.aclose()

    async def reseal(self) -> None:
        """Seals what is kept with the newest key."""
        await self._renewals.reseal()

    async def fill(self, templates: Mapping[str, str]) -> dict[str, str]:
        """The templates, as Secrets.fill, and `${oauth.NAME}` replaced by `Bearer` and a token.

        Raises:
            ServiceError: SECRET_NOT_FOUND, CALLER_TOKEN_REQUIRED.
            TokenError: an authorization server gave none.
        """
        clients = self.secrets.clients(templates)
        tokens = {name: await self._token(name, client) for name, client in clients.items()}
        for name, client in clients.items():
            if client.grant_type == EXCHANGE:
                self.secrets.learn_own(tokens[name])
        return self.secrets.fill(templates, tokens)

    def refused(self, templates: Mapping[str, str], sent: Mapping[str, str]) -> None:
        """The server said 401 to what was sent: where a token in it is the present one, the next call gets another."""
        now = monotonic()
        for name in oauth_names(templates):
            held = self._own(name) or self._held.get(name)
            if held is None or not held.token or now < held.refusable_at:
                continue
            if any(held.token in value for value in sent.values()):
                held.ends_at, held.refusable_at, held.refused = now, now + REFUSED_AGAIN_SECONDS, held.token

    async def _token(self, name: str, client: OAuthClient) -> str:
        held = self._holding(name, client)
        now, renewal = monotonic(), held.renewal
        if renewal is None and now >= min(held.renew_at, held.ends_at):
            renewal = held.renewal = asyncio.create_task(self._renew(name, held))
        if renewal is None or now < held.ends_at:
            return held.token
        # Whoever goes does not take it from the others who wait.
        given = await asyncio.shield(renewal)
        if isinstance(given, TokenError):
            raise TokenError(str(given))
        return given.text

    def _holding(self, name: str, client: OAuthClient) -> _Held:
        """Where its token is, or is to be: of an exchange that of the present caller, which is nobody else's.

        Raises:
            ServiceError: CALLER_TOKEN_REQUIRED.
        """
        if client.grant_type != EXCHANGE:
            held = self._held.get(name)
            if held is None or held.client != client:
                # What was given to it under another secret, or for another scope, is not what is asked for now.
                held = self._held[name] = _Held(client)
            return held
        caller = caller_token()
        if caller is None:
            raise errors.caller_token_required(name)
        held = self._own(name)
        if held is None or held.client != client:
            held = self._exchanged[name, caller.principal, caller.digest] = _Held(client, caller=caller)
        return held

    def _own(self, name: str) -> _Held | None:
        caller = caller_token()
        return None if caller is None else self._exchanged.get((name, caller.principal, caller.digest))

    async def _renew(self, name: str, held: _Held) -> Token | TokenError:
        asked_at = monotonic()
        try:
            token = await self._requested(name, held)
        except (TokenError, RenewalError) as error:
            held.renew_at = monotonic() + PAUSE_SECONDS
            mask = self.secrets.mask()
            told = mask.text(error.told)[:MAX_TOLD] if isinstance(error, TokenError) else ""
            logger.warning("token_request_failed", credential=name, why=mask.text(str(error)), told=told)
            return TokenError(f"The credential {name!r} got no token: {error}")
        finally:
            held.renewal = None
        if held.caller is None:
            self.secrets.learn_token(name, token.text)
        held.take(token, asked_at)
        return token

    async def _requested(self, name: str, held: _Held) -> Token:
        """A token of this replica's own, or, where a refresh token is replaced at each use, that of all."""
        client = held.client
        if held.caller is not None:
            self.secrets.learn_own(held.caller.text)
            given = await self._endpoint.request_token(client, held.caller.text)
            # It is good for no longer than what it was given for.
            return Token(given.text, min(given.seconds, held.caller.seconds_left))
        if client.grant_type != REFRESH_TOKEN:
            return await self._endpoint.request_token(client)

        async def ask(refresh_token: str) -> Token:
            self.secrets.learn_token(name, refresh_token)
            given = await self._endpoint.request_token(client, refresh_token)
            if given.refresh_token:
                self.secrets.learn_token(name, given.refresh_token)
            return given

        return await self._renewals.token(
            Renewable(name, *client.renewable_as, client.refresh_token), held.refused, ask
        )
