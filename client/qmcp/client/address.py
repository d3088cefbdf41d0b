"""Where QMCP is and who asks: from arguments, else from the environment, else the laptop's default."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 3333
# An address that a server binds but that nobody can call.
_ANYWHERE = {"0.0.0.0": DEFAULT_HOST, "::": "[::1]"}  # noqa: S104 - it is compared, nothing binds it
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A door of QMCP: the edge, or a service itself."""

    host: str
    port: int
    tls: bool = False

    @property
    def target(self) -> str:
        """As gRPC wants it."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """As HTTP wants it."""
        return f"{'https' if self.tls else 'http'}://{self.target}"


def resolve(address: str | None = None) -> Address:
    """The address by argument, QMCP_URL, or QMCP_HOST and QMCP_PORT. ValueError where it is none."""
    given = address or os.environ.get("QMCP_URL")
    if given:
        return _parse(given)
    host = os.environ.get("QMCP_HOST") or DEFAULT_HOST
    port = os.environ.get("QMCP_PORT") or str(DEFAULT_PORT)
    host = _ANYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return _parse(f"{host}:{port}")


def api_key(given: str | None = None) -> str:
    """The API key by argument or QMCP_API_KEY; empty where there is none."""
    return given or os.environ.get("QMCP_API_KEY", "")


def authorities() -> bytes | None:
    """The PEM of those who may vouch for the server, from QMCP_TLS_CA_FILE; None: those whom gRPC and HTTP know.

    Raises OSError where it cannot be read.
    """
    file = os.environ.get("QMCP_TLS_CA_FILE")
    return Path(file).read_bytes() if file else None


def trust() -> ssl.SSLContext | bool:
    """The same as httpx wants it. ValueError where the file holds no certificate."""
    pem = authorities()
    if pem is None:
        return True
    try:
        return ssl.create_default_context(cadata=pem.decode())
    except (ssl.SSLError, UnicodeDecodeError):
        raise ValueError(f"QMCP_TLS_CA_FILE={os.environ['QMCP_TLS_CA_FILE']} holds no certificate in PEM") from None


def _parse(text: str) -> Address:
    scheme, has_scheme, rest = text.partition("://")
    if not has_scheme:
        scheme, rest = "http", text
    wrong = ValueError(f"{text!r} is no address of QMCP; write http://HOST:PORT, https://HOST or HOST:PORT")
    if scheme not in _DEFAULT_PORTS:
        raise wrong
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port
    except ValueError:
        raise wrong from None
    if not parts.hostname or parts.path not in ("", "/") or parts.username is not None:
        raise wrong
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(host, port or (_DEFAULT_PORTS[scheme] if has_scheme else DEFAULT_PORT), tls=scheme == "https")
