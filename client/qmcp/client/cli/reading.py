"""Reads what people type: arguments of a tool, times, files."""

import re
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import orjson

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PAIR = re.compile(r"([^=:]+)(:?=)(.*)", re.DOTALL)


def arguments(words: list[str]) -> dict[str, Any]:
    """Arguments of a tool: one JSON object, `-` for one from stdin, or words `key=text` and `key:=json`."""
    if len(words) == 1 and (words[0] == "-" or words[0].lstrip().startswith("{")):
        return json_object(sys.stdin.read() if words[0] == "-" else words[0], "the arguments")
    return dict(map(_pair, words))


def answer(text: str) -> Any:
    """An answer to a question: `:` and JSON for a value, else the text as it stands."""
    if not text.startswith(":"):
        return text
    try:
        return orjson.loads(text[1:])
    except ValueError:
        raise ValueError(f"{text[1:]!r} is no JSON; a text is written without the colon") from None


def json_object(text: str | bytes, what: str) -> dict[str, Any]:
    """A JSON object; ValueError where it is none."""
    try:
        value = orjson.loads(text)
    except ValueError as error:
        raise ValueError(f"{what} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object, such as {{}}")  # noqa: TRY004 - the text is wrong, not the type
    return value


def file(path: str) -> bytes:
    """The bytes of a file; `-` is stdin."""
    return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()


def sink(path: Path | None) -> AbstractContextManager[BinaryIO]:
    """Where bytes go: a new file, or stdout."""
    return nullcontext(sys.stdout.buffer) if path is None else path.open("wb")


def moment(text: str | None) -> datetime | None:
    """A time: RFC 3339 (local where it has no zone), or how long ago, as `90s`, `15m`, `24h`, `7d`."""
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2026-11-21T14:00:00Z, or 24h for a day ago") from None


def coming(text: str | None) -> datetime | None:
    """A time to come: RFC 3339 (local where it has no zone), or how long from now, as `90s`, `15m`, `24h`, `7d`."""
    ahead = _AGO.fullmatch(text or "")
    if ahead:
        return datetime.now(UTC) + timedelta(**{_UNITS[ahead[2]]: int(ahead[1])})
    return moment(text)


def _pair(word: str) -> tuple[str, Any]:
    match = _PAIR.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is no argument; write key=text, key:=json, or one JSON object")
    key, sign, text = match.groups()
    if sign == "=":
        return key, text
    try:
        return key, orjson.loads(text)
    except ValueError:
        raise ValueError(f"{text!r} is no JSON; for a text, write {key}={text}") from None
