"""Refresh tokens: each is used by one replica at a time, and its successor is in the database before it is used."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import structlog

from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.postgres import Database
from servicekit.sealing import SealBrokenError, Sealer
from services.tools.upstreams import store
from services.tools.upstreams.models import Renewable, Standing, Token

logger = structlog.get_logger(__name__)

# Longer than a request may take: a replica that died renewing is waited for so long.
CLAIM_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.2
# As long as a call waits for another replica's renewal.
WAIT_SECONDS = 15.0
# Before its end a token is renewed while it still serves: a minute, or a quarter of a life that is short.
RENEW_BEFORE_SECONDS, RENEW_BEFORE_SHARE = 60.0, 0.25
# And so long it serves no more: a call is under way for a while.
UNUSED_SECONDS, UNUSED_SHARE = 5.0, 0.05
# Authorization servers forget refresh tokens that are not used, most of them earlier.
UNUSED_DAYS = 400

# One request with a refresh token.
Ask = Callable[[str], Awaitable[Token]]


class RenewalError(Exception):
    """There is no token; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is sealed."""

    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    lifetime: float = 0.0
    wanted: str = ""


class Renewals:
    """Those of this replica, settled with all others in the database."""

    def __init__(self, database: Database, sealer: Sealer, replica: UUID) -> None:
        self._database = database
        self._sealer = sealer
        self._replica = replica

    async def token(self, of: Renewable, refused: str, ask: Ask) -> Token:
        """An access token that is good for a while: that which is kept, or a new one by one request of all replicas.

        Args:
            of: what is renewed.
            refused: an access token that serves no more, whatever was said of its end; empty: none.
            ask: makes the request; what it raises is passed on, and the refresh token counts as not used.

        Raises:
            RenewalError: the database is away, the seal is broken, or another replica is at it for too long.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    async with self._database.connection() as connection:
                        standing = await store.get(connection, of)
                    kept = self._opened(of, standing)
                    serves = kept.access_token not in ("", refused) and kept.wanted == of.wanted
                    if serves and standing.seconds_left > _before_end(kept):
                        return Token(kept.access_token, standing.seconds_left, kept.refresh_token)
                    claimed = await self._claimed(of, standing)
                    if claimed is not None:
                        break
                    if serves and standing.seconds_left > min(UNUSED_SECONDS, kept.lifetime * UNUSED_SHARE):
                        return Token(kept.access_token, standing.seconds_left, kept.refresh_token)
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            raise RenewalError("Another replica is renewing it, and has not ended.") from None
        except CONNECTION_ERRORS:
            raise RenewalError("The database, which has it, does not answer.") from None
        return await self._renewed(of, claimed, ask)

    async def reseal(self) -> None:
        """Seals with the newest key what older ones have sealed, so that those may be thrown away after a start."""
        async with self._database.connection() as connection:
            for credential, declaration, sealed in await store.sealed_tokens(connection):
                try:
                    renewed = self._sealer.renewed(sealed, _row(credential, declaration))
                except SealBrokenError:
                    logger.warning("credential_unreadable", credential=credential)
                    continue
                if renewed is not None:
                    await store.reseal(connection, credential, declaration, sealed, renewed)
            await store.forget_unused(connection, UNUSED_DAYS)

    async def _claimed(self, of: Renewable, standing: Standing) -> Standing | None:
        async with self._database.connection() as connection:
            return await store.claim(connection, of, standing.version, self._replica, CLAIM_SECONDS)

    async def _renewed(self, of: Renewable, claimed: Standing, ask: Ask) -> Token:
        before = self._opened(of, claimed)
        try:
            token = await ask(before.refresh_token)
        except BaseException:
            await self._give_up(of)
            raise
        given = Token(token.text, token.seconds, token.refresh_token or before.refresh_token)
        document = {
            "refresh_token": given.refresh_token,
            "access_token": given.text,
            "lifetime": given.seconds,
            "wanted": of.wanted,
        }
        sealed = self._sealer.seal(orjson.dumps(document).decode(), _row(of.name, of.declaration))
        while True:
            # Nobody uses it before it is written: who dies now has lost it, and what it replaced may be good no more.
            try:
                async with self._database.connection() as connection:
                    if not await store.keep(connection, of, claimed.version, sealed, given.seconds):
                        logger.warning("renewal_overtaken", credential=of.name)
                    return given
            except CONNECTION_ERRORS as error:
                logger.warning("renewal_not_written", credential=of.name, error=type(error).__name__)
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _give_up(self, of: Renewable) -> None:
        try:
            async with self._database.connection() as connection:
                await store.give_up(connection, of, self._replica)
        except CONNECTION_ERRORS:
            # Its time ends by itself.
            logger.warning("renewal_not_given_up", credential=of.name)

    def _opened(self, of: Renewable, standing: Standing) -> _Kept:
        if standing.sealed is None:
            return _Kept(of.refresh_token)
        try:
            return _Kept(**orjson.loads(self._sealer.open(standing.sealed, _row(of.name, of.declaration))))
        except SealBrokenError:
            # The one that was declared may have been used, and whoever uses one twice loses all.
            logger.warning("credential_unreadable", credential=of.name)
            raise RenewalError(
                "No key of this installation opens it. An operator must declare it with a new refresh token."
            ) from None


def _before_end(kept: _Kept) -> float:
    return min(RENEW_BEFORE_SECONDS, kept.lifetime * RENEW_BEFORE_SHARE)


def _row(credential: str, declaration: str) -> str:
    return f"refreshed_tokens/{credential}/{declaration}"
