"""Canonical JSON (RFC 8785): the one form of a value that its digest covers."""

import hashlib
from typing import Any

import orjson
import rfc8785

# From here on a double no longer holds every whole number, and RFC 8785 knows doubles only.
MAX_EXACT_INTEGER = 2**53


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value as `json.loads` gives it; ValueError or TypeError where there is none."""
    if _is_plain(value):
        # Without floats and with ASCII keys only, a compact dump sorted by bytes is the canonical form already.
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps(_with_doubles(value))


def salted_digest(salt: bytes, value: Any) -> str:
    """Hexadecimal SHA-256 over the salt and the canonical JSON of the value."""
    return hashlib.sha256(salt + canonical(value)).hexdigest()


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-MAX_EXACT_INTEGER < value < MAX_EXACT_INTEGER)
    if kind is dict:
        for key, item in value.items():
            # Most values are texts; asking here saves a call for each.
            if not key.isascii() or (type(item) is not str and not _is_plain(item)):
                return False
        return True
    return kind is list and all(map(_is_plain, value))


def _with_doubles(value: Any) -> Any:
    """The same value with integers that a double cannot hold as the doubles that they are in JSON."""
    if isinstance(value, dict):
        return {key: _with_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_doubles(item) for item in value]
    if type(value) is int and abs(value) >= MAX_EXACT_INTEGER:
        return float(value)
    return value
