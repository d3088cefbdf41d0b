"""JWTs of an OpenID Connect issuer, verified here with the issuer's published keys."""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import structlog
from cachetools import LRUCache
from jwt.types import Options

from servicekit.errors import unauthenticated, unavailable
from servicekit.identity.principal import OF_TOKENS

logger = structlog.get_logger(__name__)

# Only what is signed with the issuer's private key: with HS256 whoever knows the public key could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
# Of a key that does not say its own.
ALGORITHMS_OF = {"RSA": ALGORITHMS[:6], "EC": ALGORITHMS[6:9], "OKP": ALGORITHMS[9:]}
KEYS_SECONDS = 600.0
# A token that names an unknown key makes us look for new keys, but not more often than this.
MIN_FETCH_SECONDS = 10.0
# While there are no keys at all, an issuer that did not answer is asked again after this time.
AGAIN_SECONDS = 1.0
LEEWAY_SECONDS = 30
# No token is for this one: where no audience is set, one with an audience is for somebody else.
NOBODY: list[str] = []
MAX_REMEMBERED = 10_000
MAX_PRINCIPAL_LENGTH = 128
# What is no name of a role grants nothing, and access need not be asked.
ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# Anybody may send anything, and parsers trip over it in their own ways: a thousand brackets, an exp past all dates.
MALFORMED = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)


REQUIRED: Options = {"require": ["exp", "iss", "aud", "sub"]}
# What says itself that it is not for us, now: known before there is a key, so that no issuer need be asked.
BEFORE_THE_KEY: Options = {
    **REQUIRED,
    "verify_signature": False,
    "verify_exp": True,
    "verify_nbf": True,
    "verify_iat": True,
    "verify_aud": True,
    "verify_iss": True,
    "verify_sub": True,
}


@dataclass(frozen=True, slots=True)
class _SigningKey:
    """A key that its issuer publishes for signatures, and the algorithms that it may have signed by."""

    key: Any
    algorithms: Sequence[str]


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """Who a token speaks for."""

    principal: str
    roles: tuple[str, ...]
    # Unix time.
    valid_until: float


class Tokens:
    """Verifies tokens; remembers those that are good until they expire."""

    def __init__(self, issuer: str, audience: str, jwks_url: str, roles_claim: str, client_id: str = "") -> None:
        """Prepares.

        Args:
            issuer: what `iss` must be.
            audience: what `aud` must hold.
            jwks_url: where the keys are; empty: the issuer's discovery document tells.
            roles_claim: which claim names the roles, `roles`, `https://example.com/roles` or `realm_access.roles`.
            client_id: what `client_id` or `azp` of a token without `aud` must be; empty: such a token is refused.
        """
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._roles_claim = roles_claim
        self._client_id = client_id
        self._keys: dict[str, _SigningKey] = {}
        # Whether the issuer's keys were ever had.
        self._reached = False
        self._fetched_at = -KEYS_SECONDS
        self._failed_at = -KEYS_SECONDS
        self._fetching = asyncio.Lock()
        self._good: LRUCache[bytes, TokenIdentity] = LRUCache(MAX_REMEMBERED)

    async def verify(self, token: str) -> TokenIdentity:
        """Who the token speaks for.

        Raises:
            ServiceError: UNAUTHENTICATED; UNAVAILABLE where the issuer's keys were never had.
        """
        fingerprint = _fingerprint(token)
        known = self._good.get(fingerprint)
        if known is not None and known.valid_until > time.time():
            return known
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise unauthenticated("The token is not signed with the private key of an issuer.")
            self._identity(self._claims(token, "", ALGORITHMS, BEFORE_THE_KEY))
            key = await self._key(str(header.get("kid", "")))
            identity = self._identity(self._claims(token, key.key, key.algorithms, REQUIRED))
        except (jwt.PyJWTError, *MALFORMED) as error:
            raise unauthenticated(f"The token is not valid: {type(error).__name__}.") from None
        self._good[fingerprint] = identity
        return identity

    def _claims(self, token: str, key: Any, algorithms: Sequence[str], options: Options) -> dict[str, Any]:
        to_whom = jwt.decode(token, options={"verify_signature": False})
        by_client = to_whom.get("aud") is None and self._is_of_our_client(to_whom)
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=None if by_client else self._audience or NOBODY,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options=options if not by_client else {**options, "require": ["exp", "iss", "sub"], "verify_aud": False},
        )

    def _is_of_our_client(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token says for which client it was made, and it is ours; the two names of that may not disagree."""
        named = {claims[name] for name in ("client_id", "azp") if claims.get(name) is not None}
        return bool(self._client_id) and named == {self._client_id}

    def _identity(self, claims: Mapping[str, Any]) -> TokenIdentity:
        until = float(claims["exp"])
        if until <= time.time():
            # The leeway is for issuers whose clock is ahead; to the end it would add what nobody granted.
            raise jwt.ExpiredSignatureError
        return TokenIdentity(_principal(claims["sub"]), self._roles(claims), until)

    def remembered(self, token: str) -> TokenIdentity | None:
        """Who it speaks for, where it was found good before; it may have expired since."""
        return self._good.get(_fingerprint(token))

    async def _key(self, key_id: str) -> _SigningKey:
        now = time.monotonic()
        age = now - self._fetched_at
        if age > KEYS_SECONDS or (key_id not in self._keys and age > MIN_FETCH_SECONDS):
            async with self._fetching:
                # Whoever waited for somebody else's look has its result.
                if max(self._fetched_at, self._failed_at) < now:
                    await self._fetch()
            if not self._reached:
                raise unavailable("The issuer of tokens does not answer, so yours cannot be checked now.")
        key = self._keys.get(key_id)
        if key is None:
            raise unauthenticated("The token names a key that its issuer does not publish.")
        return key

    async def _fetch(self) -> None:
        if not self._reached and time.monotonic() - self._failed_at < AGAIN_SECONDS:
            return
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                url = self._jwks_url or await self._discovered(client)
                answer = (await client.get(url)).raise_for_status()
                keys = _signing_keys(answer.json())
        except (httpx.HTTPError, httpx.InvalidURL, jwt.PyJWTError, LookupError, *MALFORMED) as error:
            logger.warning("issuer_keys_not_fetched", issuer=self._issuer, error=str(error) or type(error).__name__)
            self._failed_at = time.monotonic()
            # The keys that are there go on counting; the next look is due in a while.
            if self._reached:
                self._fetched_at = time.monotonic() - KEYS_SECONDS + MIN_FETCH_SECONDS
            return
        if keys.keys() != self._keys.keys():
            # What was signed with a key that the issuer has withdrawn is good no longer.
            self._good.clear()
        self._keys = keys
        self._reached = True
        self._fetched_at = time.monotonic()

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        return str((await client.get(url)).raise_for_status().json()["jwks_uri"])

    def _roles(self, claims: object) -> tuple[str, ...]:
        found = _claim(claims, self._roles_claim)
        named = found.split() if isinstance(found, str) else found
        if not isinstance(named, list):
            return ()
        return tuple(role for role in named if isinstance(role, str) and ROLE.fullmatch(role))


def _claim(claims: object, name: str) -> object:
    """A claim by its name or by the path to it: the whole name first, since names may be addresses, full of dots."""
    if not isinstance(claims, dict):
        return None
    if name in claims:
        return claims[name]
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        outer = ".".join(parts[:end])
        if outer in claims:
            return _claim(claims[outer], ".".join(parts[end:]))
    return None


def _signing_keys(page: Any) -> dict[str, _SigningKey]:
    """Of a page of keys those that sign tokens, by their ids.

    Raises:
        PyJWKSetError: the page has no keys at all. The errors of MALFORMED: it is no such page.
    """
    found: dict[str, _SigningKey] = {}
    any_key = False
    for jwk in page["keys"]:
        try:
            key = jwt.PyJWK.from_dict(jwk)
        except (jwt.PyJWTError, *MALFORMED):
            # One of a kind that we do not know must not keep the others from being used.
            continue
        any_key = True
        algorithms = [jwk["alg"]] if jwk.get("alg") else ALGORITHMS_OF.get(str(jwk.get("kty")), [])
        if _signs(jwk) and set(algorithms) <= set(ALGORITHMS):
            found[str(key.key_id)] = _SigningKey(key.key, algorithms)
    if not any_key:
        raise jwt.PyJWKSetError("there is no key")
    return found


def _signs(jwk: Mapping[str, Any]) -> bool:
    """Whether a key's owner says that it is for signatures, or says nothing (RFC 7517, 4.2 and 4.3)."""
    operations = jwk.get("key_ops")
    return jwk.get("use") in {None, "sig"} and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )


def _fingerprint(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _principal(subject: object) -> str:
    name = f"{OF_TOKENS}{subject}"
    if not isinstance(subject, str) or not subject or len(name) > MAX_PRINCIPAL_LENGTH or not subject.isprintable():
        raise ValueError("sub is no name")
    return name
