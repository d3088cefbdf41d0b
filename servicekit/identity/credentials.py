"""API keys as they travel: `qmcp_<id>_<secret>`, 16 hexadecimal digits and 32 random bytes in base64url."""

import hashlib
import re
import secrets
from dataclasses import dataclass

FORM = re.compile(r"qmcp_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret: the id, and the SHA-256 of the secret."""

    id: str
    digest: bytes


def parse(text: str) -> ApiKey | None:
    """The key in a header; None for what is no key."""
    match = FORM.fullmatch(text)
    return ApiKey(match[1], hashlib.sha256(match[2].encode()).digest()) if match else None


def bearer(header: str) -> str:
    """The credential in `Authorization: Bearer …`; empty where the scheme is another."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def presented(api_key: str, authorization: str) -> list[str]:
    """The credentials in the headers of these names, each once. More than one contradict each other."""
    return list(dict.fromkeys(text for text in (api_key, bearer(authorization)) if text))


def generate() -> tuple[str, ApiKey]:
    """A new key: the text for its holder, and what is kept."""
    return with_new_secret(secrets.token_hex(8))


def with_new_secret(key_id: str) -> tuple[str, ApiKey]:
    """The same for a key whose id stays."""
    secret = secrets.token_urlsafe(32)
    return f"qmcp_{key_id}_{secret}", ApiKey(key_id, hashlib.sha256(secret.encode()).digest())
