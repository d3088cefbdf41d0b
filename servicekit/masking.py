"""Takes known secrets out of text that leaves: as they are, and as they look once something has encoded them."""

import base64
import binascii
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from yarl import URL

MASKED = "[masked]"
# Shorter ones would take letters out of ordinary words; encoded ones out of ordinary numbers.
MIN_LENGTH = 4
MIN_ENCODED_LENGTH = 6


class Mask:
    """Knows secrets, and what each may look like."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: one secret may hold another.
        self._forms = sorted(forms, key=len, reverse=True)
        self._within_json = sorted({json.dumps(form, ensure_ascii=False)[1:-1] for form in forms})

    def with_more(self, secrets: Iterable[str]) -> "Mask":
        """One that knows these, too."""
        made, more = Mask(()), Mask(secrets)
        made._forms = sorted({*self._forms, *more._forms}, key=len, reverse=True)
        made._within_json = sorted({*self._within_json, *more._within_json})
        return made

    def text(self, text: str) -> str:
        """The text without them."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASKED)
        return text

    def is_in(self, json_text: str) -> bool:
        """Whether one of them stands in a document that is written as JSON."""
        return any(form in json_text for form in self._within_json)

    def json_value(self, value: Any) -> Any:
        """The document without them, in names and numbers too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.json_value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json_value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and self.is_in(str(value)):
            return MASKED
        return value


NOTHING = Mask(())


def masked_url(url: str) -> str:
    """Of a URL the server, for those who need not know more: the whole path may be a credential, or a part of it."""
    if not url:
        return ""
    try:
        parsed = URL(url, encoded=True)
        server = str(parsed.origin())
    except ValueError:
        # What no server could be read from when it was given either.
        return MASKED
    return server if parsed.raw_path_qs == "/" and not parsed.raw_fragment else f"{server}/{MASKED}"


def mask_of(url: str) -> Mask:
    """Takes out of a text what stands in a URL beside the server."""
    try:
        of = URL(url, encoded=True)
        parts = [of.raw_path_qs, of.raw_path, of.path, of.query_string, of.user, of.password]
    except ValueError:
        parts = []
    return Mask(part for part in (url, *parts) if part)


def _forms(secret: str) -> Iterator[str]:
    if len(secret) < MIN_LENGTH:
        return
    yield secret
    if len(secret) < MIN_ENCODED_LENGTH:
        return
    yield from _encoded(secret)
    # A secret may itself be what Basic authentication wants; the server then echoes the password within.
    try:
        pair = base64.b64decode(secret, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    user, colon, password = pair.partition(":")
    if colon and pair.isprintable():
        for part in (pair, password) if user else (password,):
            if len(part) >= MIN_ENCODED_LENGTH:
                yield part
                yield from _encoded(part)


def _encoded(secret: str) -> Iterator[str]:
    raw = secret.encode()
    for escaped in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield from (escaped, _small_hex(escaped))
    yield from (raw.hex(), raw.hex().upper())
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret))
    # Within a longer text (`user:` before a password) its letters depend on where it begins; those that depend on its
    # neighbours as well are left out.
    for before, depending in enumerate((0, 2, 3)):
        shifted = b"\0" * before + raw
        whole = -1 if len(shifted) % 3 else None
        letters = base64.b64encode(shifted).decode().rstrip("=")[depending:whole]
        yield from (letters, letters.replace("+", "-").replace("/", "_"))


def _small_hex(escaped: str) -> str:
    """Percent-encoding with small letters."""
    head, *parts = escaped.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts)
