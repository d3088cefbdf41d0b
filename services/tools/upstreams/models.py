"""The nouns of upstream credentials: tokens, what is renewed, and which headers of callers are none of them."""

from dataclasses import dataclass, field

# Of a connection, of another's credentials, or set by us and the edge: these pass for nobody, whatever a setting says.
NEVER = frozenset(
    """
    accept accept-encoding authorization baggage connection content-encoding content-length content-type cookie expect
    forwarded grpc-timeout host idempotency-key keep-alive proxy-authenticate proxy-authorization proxy-connection
    set-cookie te trailer transfer-encoding traceparent tracestate upgrade user-agent via x-api-key x-correlation-id
    x-real-ip x-request-id
    """.split()  # noqa: SIM905 - forty names are read as words
)
NEVER_BEGIN = ("grpc-", "sec-", "x-envoy-", "x-forwarded-", "x-qmcp-", "proxy-")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and for how long it is good from now on."""

    text: str = field(repr=False)
    seconds: float
    # That by which the next one is had; empty where the one before goes on.
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Renewable:
    """A credential whose refresh token may be another one after each use."""

    name: str
    # A digest of the refresh token that was declared, and where: with another one it begins anew.
    declaration: str
    # A digest of what is asked for: an access token that was given for something else is not used.
    wanted: str
    # The one that was declared.
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a renewable credential stands for all replicas; version 0: it was never renewed."""

    version: int = 0
    sealed: bytes | None = None
    # For how long its access token is still good.
    seconds_left: float = 0.0


def may_pass(name: str) -> bool:
    """Whether a header may pass at all, where a setting allows it."""
    return name.lower() not in NEVER and not name.lower().startswith(NEVER_BEGIN)
