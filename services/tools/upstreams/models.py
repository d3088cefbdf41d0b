"""The nouns of upstream credentials: tokens, and what is renewed."""

from dataclasses import dataclass, field


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
