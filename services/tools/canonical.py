"""Canonical JSON (RFC 8785): the one text of a document, which digests cover."""

from typing import Any

import orjson
import rfc8785

# Beyond it a double no longer holds every integer, and JSON's numbers are doubles.
EXACT = 2**53


def canonical(document: Any) -> str:
    """The document as RFC 8785 writes it.

    rfc8785 is the reference and is slow; where orjson writes the same (ASCII keys, no floats), orjson does it.

    Raises:
        ValueError: for what is no JSON: NaN, infinities, integers beyond 2^53, keys that are not strings, other types.
    """
    if _plain(document):
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()
    try:
        return rfc8785.dumps(document).decode()
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error) or type(error).__name__) from None


def _plain(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-EXACT < value < EXACT)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _plain(item) for key, item in value.items())
    if kind is list:
        return all(map(_plain, value))
    return False
