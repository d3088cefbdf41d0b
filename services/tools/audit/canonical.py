"""Canonical JSON (RFC 8785): the one text of a document, which digests cover."""

from typing import Any

import orjson
import rfc8785

from servicekit.json_values import EXACT, MAX_DEPTH


def canonical(document: Any) -> str:
    """The document as RFC 8785 writes it.

    rfc8785 is the reference and is slow; where orjson writes the same (ASCII keys, no floats), orjson does it.

    Raises:
        ValueError: for what is no JSON: NaN, infinities, integers beyond 2^53, keys that are not strings, other types;
            and for what is nested deeper than 64 levels.
    """
    if _plain(document, MAX_DEPTH):
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()
    _require_shallow(document, MAX_DEPTH)
    try:
        return rfc8785.dumps(document).decode()
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error) or type(error).__name__) from None


def parsed(text: str) -> Any:
    """The document of a canonical text as it was before: what no double holds exactly is a double again."""
    return _with_doubles(orjson.loads(text))


def _with_doubles(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _with_doubles(item) for key, item in value.items()}
    if kind is list:
        return [_with_doubles(item) for item in value]
    return float(value) if kind is int and abs(value) >= EXACT else value


def _plain(value: Any, levels: int) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-EXACT < value < EXACT)
    if levels == 0:
        return False
    if kind is dict:
        return all(type(key) is str and key.isascii() and _plain(item, levels - 1) for key, item in value.items())
    if kind is list:
        return all(_plain(item, levels - 1) for item in value)
    return False


def _require_shallow(value: Any, levels: int) -> None:
    if isinstance(value, dict | list | tuple):
        if levels == 0:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        for item in value.values() if isinstance(value, dict) else value:
            _require_shallow(item, levels - 1)
