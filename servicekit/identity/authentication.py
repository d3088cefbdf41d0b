"""Who calls: API keys and tokens, checked locally against remembered answers of the access service.

A remembered answer counts for 30 seconds and is dropped at once when access says that it changed. While access is away,
what is remembered goes on counting for a stated time; who is not remembered is told to come back, and never let in.
"""

import asyncio
import hashlib
import hmac
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from cachetools import LRUCache
from grpc import StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Counted

from servicekit.errors import ServiceError, unauthenticated
from servicekit.identity import credentials
from servicekit.identity.authenticator import Authenticator, Keyless
from servicekit.identity.known_keys import KnownKey, take_call
from servicekit.identity.open_calls import Caller, Credential, OpenCalls
from servicekit.identity.principal import Principal
from servicekit.identity.reports import Reports
from servicekit.identity.resolver import KeyResolver, ResolvedRoles
from servicekit.identity.strangers import Strangers
from servicekit.request_context import RequestContext
from servicekit.settings import ServiceSettings

if TYPE_CHECKING:
    from servicekit.identity.tokens import TokenIdentity, Tokens

logger = structlog.get_logger(__name__)

MAX_REMEMBERED = 10_000
# A key that is not valid is not asked for again for this time.
REFUSED_SECONDS = 5.0
# While access does not answer, it is asked for a remembered key this often.
ASK_AGAIN_SECONDS = 1.0
CREDENTIALS = frozenset({"x-api-key", "authorization"})
EMPTY: Mapping[bytes, Principal] = MappingProxyType({})
NOT_VALID = "The credential is not valid: unknown, expired, disabled or revoked."


class Authentication:
    """Implements `servicekit.identity.authenticator.Authenticator`."""

    def __init__(
        self,
        resolver: KeyResolver,
        tokens: "Tokens | None",
        registry: CollectorRegistry,
        *,
        strangers: Strangers,
        remember_seconds: float,
        stale_seconds: float,
        counts_calls: bool = True,
        own_keys: Mapping[bytes, Principal] = EMPTY,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """Takes the resolver, and who is to be told besides when access says that something changed.

        `counts_calls`: whether each replica holds callers to the rates of their keys by itself. `own_keys`: see
        `authenticator`.
        """
        self._own_keys = own_keys
        self._resolver = resolver
        self._told = told
        self._tokens = tokens
        self._strangers = strangers
        self._remember_seconds = remember_seconds
        self._stale_seconds = stale_seconds
        self._counts_calls = counts_calls
        self._known: LRUCache[str, dict[bytes, KnownKey]] = LRUCache(MAX_REMEMBERED)
        self._refused: LRUCache[credentials.ApiKey, float] = LRUCache(MAX_REMEMBERED)
        self._asking: dict[credentials.ApiKey, asyncio.Task[KnownKey | None]] = {}
        self._asking_roles: dict[tuple[str, ...], asyncio.Task[tuple[ResolvedRoles, float]]] = {}
        self._roles: LRUCache[tuple[str, ...], tuple[ResolvedRoles, float]] = LRUCache(MAX_REMEMBERED)
        # Counts the announced changes: an answer that was asked for before one is not remembered after it.
        self._changes = 0
        # What was checked before this is asked for again, but counts while access is away.
        self._doubted_at = -math.inf
        self.reports = Reports(resolver, registry)
        self.open_calls = OpenCalls(self, stale_seconds)
        self._checks = Counted(
            "qmcp_access_checks_total",
            "Keys checked: remembered, asked for, remembered while access is away.",
            ("answer",),
            registry=registry,
        )
        self._remembered = self._checks.labels("remembered")

    async def authenticate(self, call: RequestContext) -> Principal:
        """See Authenticator."""
        text = _credential(call)
        key = credentials.parse(text)
        if key is not None:
            return await self._by_key(key, call.address)
        if self._tokens is not None and text.count(".") == 2:  # noqa: PLR2004 - a JWT has three parts
            if self._tokens.remembered(text) is None:
                with self._strangers.checked(call.address):
                    await self._tokens.verify(text)
            return (await self._by_token(text)).principal
        own = self._own_key(text)
        if own is not None:
            return own
        raise unauthenticated(NOT_VALID)

    def denied(self, call: RequestContext, error: ServiceError) -> None:
        """See Authenticator."""
        self.reports.denied(call, error)

    def opened(self, call: RequestContext) -> AbstractContextManager[None]:
        """See Authenticator."""
        text = _credential(call)
        key = credentials.parse(text)
        if key is None and self._own_key(text) is not None:
            # It ends with this process.
            return nullcontext()
        return self.open_calls.opened(key or text, call)

    def _own_key(self, text: str) -> Principal | None:
        # Found by the digest, of which an attacker learns nothing by the time that takes.
        return self._own_keys.get(hashlib.sha256(text.encode()).digest()) if self._own_keys else None

    def remembered(self, credential: Credential) -> tuple[Caller, bool] | None:
        """See open_calls.Callers."""
        now = time.monotonic()
        if isinstance(credential, credentials.ApiKey):
            known = self._remembered_key(credential)
            return None if known is None else (known.caller, self._fresh(known.caller.checked_at, now))
        identity = self._tokens.remembered(credential) if self._tokens is not None else None
        roles = tuple(sorted(set(identity.roles))) if identity is not None else ()
        if identity is None or roles not in self._roles:
            return None
        granted, asked_at = self._roles[roles]
        return _caller(identity, granted, asked_at), self._fresh(asked_at, now)

    async def ask(self, credential: Credential) -> Caller:
        """See open_calls.Callers."""
        if isinstance(credential, credentials.ApiKey):
            known = self._remembered_key(credential)
            return (await self._ask(credential, known, time.monotonic())).caller
        return await self._by_token(credential)

    async def _by_key(self, key: credentials.ApiKey, address: str) -> Principal:
        now = time.monotonic()
        known = self._remembered_key(key)
        if known is not None and self._fresh(known.caller.checked_at, now):
            self._remembered.inc()
        elif known is not None:
            known = await self._ask(key, known, now)
        else:
            with self._strangers.checked(address):
                known = await self._ask(key, None, now)
        caller = known.caller
        if caller.valid_until is not None and caller.valid_until <= time.time():
            raise unauthenticated(NOT_VALID)
        if self._counts_calls:
            take_call(known, time.monotonic())
        self.reports.used(key.id)
        return caller.principal

    def _fresh(self, checked_at: float, now: float) -> bool:
        return now - checked_at < self._remember_seconds and checked_at > self._doubted_at

    def _remembered_key(self, key: credentials.ApiKey) -> KnownKey | None:
        # Digests are compared in constant time, although an attacker would have to find SHA-256 preimages to profit.
        for digest, known in self._known.get(key.id, {}).items():
            if hmac.compare_digest(digest, key.digest):
                return known
        return None

    async def _ask(self, key: credentials.ApiKey, known: KnownKey | None, now: float) -> KnownKey:
        """Asks access, once however many calls wait for the answer."""
        if self._refused.get(key, 0) > now:
            raise unauthenticated(NOT_VALID)
        still_counts = known is not None and now - known.caller.checked_at < self._stale_seconds
        if known is not None and still_counts and now < known.ask_again_at:
            self._checks.labels("stale").inc()
            return known
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._resolve(key))
            task.add_done_callback(lambda done: _drop(self._asking, key, done))
        try:
            # One caller that goes away must not take the answer from the others.
            found = await asyncio.shield(task)
        except ServiceError as error:
            if error.code is not StatusCode.UNAVAILABLE or known is None or not still_counts:
                raise
            known.ask_again_at = time.monotonic() + ASK_AGAIN_SECONDS
            self._checks.labels("stale").inc()
            return known
        if found is None:
            raise unauthenticated(NOT_VALID)
        return found

    async def _resolve(self, key: credentials.ApiKey) -> KnownKey | None:
        """What access says now, remembered unless something changed meanwhile."""
        changes, now = self._changes, time.monotonic()
        resolved = await self._resolver.resolve_key(key)
        self._checks.labels("asked").inc()
        if resolved is None:
            if changes == self._changes:
                self._refused[key] = now + REFUSED_SECONDS
            self._forget(key)
            return None
        principal = Principal(
            resolved.principal,
            resolved.permissions,
            resolved.roles,
            key.id,
            resolved.limits,
            rate_per_minute=resolved.rate_per_minute,
            narrowed=resolved.narrowed,
        )
        found = KnownKey(
            Caller(principal, resolved.valid_until, now), resolved.rate_per_minute, float(resolved.rate_per_minute), now
        )
        known = self._remembered_key(key)
        if known is not None:
            found.calls_left, found.reckoned_at = known.calls_left, known.reckoned_at
        if changes == self._changes:
            self._known.setdefault(key.id, {})[key.digest] = found
        return found

    def _forget(self, key: credentials.ApiKey) -> None:
        of_id = self._known.get(key.id)
        if of_id is not None:
            of_id.pop(key.digest, None)
            if not of_id:
                del self._known[key.id]

    async def _by_token(self, text: str) -> Caller:
        assert self._tokens is not None
        identity = await self._tokens.verify(text)
        roles = tuple(sorted(set(identity.roles)))
        now = time.monotonic()
        granted, asked_at = self._roles.get(roles, (ResolvedRoles(), -math.inf))
        if not self._fresh(asked_at, now):
            task = self._asking_roles.get(roles)
            if task is None:
                task = self._asking_roles[roles] = asyncio.create_task(self._resolve_roles(roles))
                task.add_done_callback(lambda done: _drop(self._asking_roles, roles, done))
            try:
                granted, asked_at = await asyncio.shield(task)
            except ServiceError:
                if now - asked_at >= self._stale_seconds:
                    raise
        return _caller(identity, granted, asked_at)

    async def _resolve_roles(self, roles: tuple[str, ...]) -> tuple[ResolvedRoles, float]:
        changes, now = self._changes, time.monotonic()
        granted = await self._resolver.resolve_roles(roles)
        if changes == self._changes:
            self._roles[roles] = (granted, now)
        return granted, now

    async def follow_changes(self) -> None:
        """Forgets what changed, as soon as access says so. Ends when the connection is lost."""
        connected = False
        async for key_id in self._resolver.changes():
            self._changes += 1
            self._refused.clear()
            # Whoever comes now must not be given an answer that was asked for before.
            self._asking.clear()
            self._asking_roles.clear()
            if key_id:
                self._known.pop(key_id, None)
            elif connected:
                self._known.clear()
                self._roles.clear()
            else:
                # Nothing is known to have changed: we may only have missed it. Access may be gone again before we have
                # asked for all, so what is remembered is doubted and not thrown away.
                self._doubted_at = time.monotonic()
            connected = True
            self.open_calls.tell()
            self._told()


def _credential(call: RequestContext) -> str:
    """The one credential of a call: of several, whoever stands between might check one and we another.

    Raises:
        ServiceError: UNAUTHENTICATED where there is none, or more than one.
    """
    found = credentials.presented(call.header("x-api-key"), call.header("authorization"))
    if len(found) > 1 or call.repeated & CREDENTIALS:
        raise unauthenticated("The call has several credentials. Send one: X-API-Key or Authorization: Bearer, once.")
    if not found:
        raise unauthenticated("This needs a credential. Send X-API-Key or Authorization: Bearer.")
    return found[0]


Asked = TypeVar("Asked")


def _drop(asking: dict[Asked, Any], what: Asked, done: "asyncio.Task[Any]") -> None:
    """Takes a question that was answered from those that are open, unless it was asked anew meanwhile."""
    if asking.get(what) is done:
        del asking[what]
    # Whoever asked may have gone away; then nobody else looks at what went wrong.
    if not done.cancelled():
        done.exception()


def _caller(identity: "TokenIdentity", granted: ResolvedRoles, asked_at: float) -> Caller:
    roles = frozenset(identity.roles)
    principal = Principal(
        identity.principal,
        granted.permissions,
        roles,
        limits=granted.limits,
        until=identity.valid_until,
        narrowed=granted.narrowed,
    )
    return Caller(principal, identity.valid_until, asked_at)


@asynccontextmanager
async def authenticator(
    settings: ServiceSettings,
    resolver: KeyResolver,
    registry: CollectorRegistry,
    told: Callable[[], None] = lambda: None,
    *,
    counts_calls: bool = True,
    own_keys: Mapping[bytes, Principal] = EMPTY,
) -> AsyncIterator[Authenticator]:
    """Who checks callers under these settings, with what it does beside the calls.

    Args:
        settings: whether, how, and what is remembered.
        resolver: who knows keys and roles.
        registry: where its metrics go.
        told: called when access says that something changed.
        counts_calls: False where the service itself counts them against the rates of keys, over all its replicas.
        own_keys: who comes with keys that are not of our form and that the environment gives to this service alone, by
            the SHA-256 of each.
    """
    if settings.auth == "off":
        yield Keyless()
        return
    tokens = None
    if settings.oidc_issuer:
        # Here, because an HTTP client and the algorithms of tokens are a tenth of a start, and most have no issuer.
        from servicekit.identity.tokens import Tokens  # noqa: PLC0415

        tokens = Tokens(
            settings.oidc_issuer,
            settings.oidc_audience,
            settings.oidc_jwks_url,
            settings.oidc_roles_claim,
            settings.oidc_client_id,
        )
    authentication = Authentication(
        resolver,
        tokens,
        registry,
        strangers=Strangers(settings.address_max_checks, settings.address_max_failures_per_minute),
        remember_seconds=settings.access_remember_seconds,
        stale_seconds=settings.access_stale_seconds,
        counts_calls=counts_calls,
        own_keys=own_keys,
        told=told,
    )
    tasks = [
        asyncio.create_task(_follow(authentication), name="access changes"),
        asyncio.create_task(authentication.reports.send(), name="access reports"),
        asyncio.create_task(authentication.open_calls.follow(), name="open calls"),
    ]
    try:
        yield authentication
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(authentication: Authentication) -> None:
    while True:
        try:
            await authentication.follow_changes()
        except ServiceError as error:
            logger.warning("access_unreachable", error=error.message)
        except Exception:
            # Whatever it was: without this loop no revocation would be heard any more.
            logger.exception("access_not_followed")
        await asyncio.sleep(0.5)
