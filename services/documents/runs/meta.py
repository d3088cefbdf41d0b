"""Who is told what the service can do: everybody, whoever has a user and a password, or nobody."""

import base64
import binascii
import hashlib
import hmac

import structlog

from services.documents import errors

logger = structlog.get_logger(__name__)


class Gate:
    """Of one page: off, open, or for whoever has the password."""

    def __init__(self, *, enabled: bool, basic_auth: str) -> None:
        """Takes `user:password`, empty for everybody. What is malformed lets nobody in: somebody wanted it guarded."""
        self._enabled = enabled
        self._guarded = bool(basic_auth)
        user, colon, password = basic_auth.partition(":")
        self._expected = _digest(basic_auth) if user and colon and password else None
        if self._guarded and self._expected is None:
            logger.error("basic_auth_malformed", setting="DOCOPS_WEB_BASIC_AUTH", consequence="nobody is let in")

    def require(self, authorization: str) -> None:
        """Lets pass whoever sends this header.

        Raises:
            ServiceError: NOT_FOUND, UNAUTHORIZED.
        """
        if not self._enabled:
            raise errors.switched_off()
        if not self._guarded:
            return
        given = _digest(_credentials(authorization))
        if self._expected is None or not hmac.compare_digest(given, self._expected):
            raise errors.unauthorized()


def _credentials(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
