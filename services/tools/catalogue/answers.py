"""What the server behind a tool answered, as a result: JSON where it is JSON, else text, else bytes in base64.

It has done what it was asked by then. So nothing that is wrong with its answer fails the invocation, and nothing of the
answer is altered: what cannot be the one is told as the other, with the reason.
"""

import asyncio
import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import NoReturn

import orjson

from servicekit.json_values import MAX_DEPTH, exact_fraction, is_deeper, long_integers_as_strings
from services.tools.models import Json, Output

BINARY = "application/octet-stream"
LINES = {"x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "stream+json", "json-seq"}
# Types of `application/` that are text though their names do not say so.
TEXTS = {"xml", "javascript", "ecmascript", "yaml", "x-yaml", "toml", "sql", "graphql", "x-www-form-urlencoded"}
# Python reads text by these too, but nobody means them by a charset.
NO_CHARSETS = {"idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape"}
# The character that begins each text of a json-seq (RFC 7464).
RECORD_SEPARATOR = "\x1e"
MAX_TYPE_LENGTH = 255
# Compressions that are undone, as zlib knows them. Some servers take deflate for what stands within zlib's own form.
WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


class CutOffError(asyncio.CancelledError):
    """The time was up, or the call was ended, while an answer came that told of a success."""


def read(body: bytes, content_type: str) -> Output:
    """The result of a whole answer.

    Args:
        body: as it came, without its compression.
        content_type: the header; empty where there is none.
    """
    kind, charset = _parsed_type(content_type)
    subtype = kind.partition("/")[2]
    is_lines = subtype in LINES
    is_json = not is_lines and (subtype in {"json", "x-json"} or subtype.endswith("+json"))
    if not body and (is_json or is_lines or not kind.startswith("text/")):
        return Output(None)
    if not charset:
        if is_json:
            charset = json.detect_encoding(body)
        elif is_lines or not kind or _is_text(kind):
            charset = "utf-8"
        else:
            return Output(in_base64(body, content_type))
    text = _decoded(body, charset)
    if text is None:
        return _not_text(body, content_type, charset)
    if not (is_json or is_lines):
        return Output(text)
    try:
        return Output([document(line) for line in _lines(text)] if is_lines else document(text))
    except RecursionError:
        why = "it is nested too deeply"
    except (ValueError, TypeError) as error:
        why = str(error)
    why = f"The tool ran. Its answer says that it is JSON and is not, so the result is its text: {why}"
    return Output(text, "OUTPUT_NOT_JSON", why)


def in_base64(body: bytes, content_type: str, encoding: str = "") -> Json:
    """Bytes as a result; where they are compressed in a way that was not undone, with the name of that."""
    found = {"base64": base64.b64encode(body).decode(), "content_type": _told(content_type) or BINARY}
    return found | ({"content_encoding": encoding} if _told(encoding) else {})


def decompressed(body: bytes, encoding: str, most: int) -> bytes:
    """The answer as it was before it was compressed by gzip or deflate; of one that is too large a byte too many.

    Raises:
        zlib.error: it is no such thing, or a part of it only.
    """
    for window in WINDOWS[encoding]:
        try:
            return _inflated(body, window, most)
        except zlib.error as error:
            fault = error
    raise fault


def _inflated(body: bytes, window: int, most: int) -> bytes:
    found = b""
    # What gzip wrote may stand several times after itself.
    while body and len(found) <= most:
        stream = zlib.decompressobj(window)
        found += stream.decompress(body, most + 1 - len(found))
        if not stream.eof and len(found) <= most:
            raise zlib.error("it ends too early")
        body = stream.unused_data
    return found


def too_large(most: int) -> Output:
    """An answer of which so many bytes are taken at most, and which has more."""
    return Output(None, "OUTPUT_TOO_LARGE", f"The tool ran. Its answer is larger than {most} bytes and was not kept.")


def broken(why: str, result: Json = None) -> Output:
    """An answer that did not come whole, or cannot be decompressed; then with its bytes."""
    return Output(result, "OUTPUT_BROKEN", f"The tool ran. Its answer did not come whole: {why}")


def whole(received: bytes, headers: Mapping[str, str], most: int) -> Output:
    """The result of an answer that came whole; as `read`, once what compressed it is undone."""
    content_type = headers.get("Content-Type", "")
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if not received or encoding in {"", "identity"}:
        return read(received, content_type)
    raw = in_base64(received, content_type, encoding)
    if encoding not in WINDOWS:
        return Output(raw)
    try:
        body = decompressed(received, encoding, most)
    except zlib.error as error:
        return broken(f"{error}; the result is its bytes in base64", raw)
    return too_large(most) if len(body) > most else read(body, content_type)


def unpacked(received: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """What was received as it was before it was compressed by gzip or deflate, a byte too many where it is too large.

    Raises:
        zlib.error: it cannot be decompressed.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    return decompressed(received, encoding, most) if encoding in WINDOWS else received


def excerpt(received: bytes, headers: Mapping[str, str], most: int) -> str:
    """The beginning of an answer for the sentence of an error, in so many characters at most."""
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in WINDOWS:
        try:
            received = decompressed(received, encoding, 4 * most)
        except zlib.error:
            return ""
    _, charset = _parsed_type(headers.get("Content-Type", ""))
    text = _decoded(received, charset or "utf-8")
    return received[:most].decode(errors="backslashreplace") if text is None else text[:most]


def _parsed_type(content_type: str) -> tuple[str, str]:
    """`text/plain` and `iso-8859-1`, in small letters."""
    message = Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "")
    kind = message.get_content_type() if content_type.strip() else ""
    return kind, charset.strip().lower() if isinstance(charset, str) else ""


def _is_text(kind: str) -> bool:
    family, _, subtype = kind.partition("/")
    return family == "text" or subtype in TEXTS or subtype.endswith(("+xml", "+yaml")) or "json" in subtype


def _decoded(body: bytes, charset: str) -> str | None:
    """The text, character for character; None where the bytes are not in this charset, or it is none."""
    if charset in NO_CHARSETS:
        return None
    try:
        return body.decode(charset)
    except (LookupError, ValueError):
        return None


def _not_text(body: bytes, content_type: str, charset: str) -> Output:
    named = _told(charset) or "its charset"
    why = f"The tool ran. Its answer says that it is text in {named} and is not, so the result is its bytes in base64."
    return Output(in_base64(body, content_type), "OUTPUT_NOT_TEXT", why)


def _lines(text: str) -> Iterator[str]:
    for line in text.replace(RECORD_SEPARATOR, "\n").split("\n"):
        if line.strip():
            yield line


def document(text: str) -> Json:
    """The document. ValueError, TypeError, RecursionError where it is none that could be carried as it is."""
    value = json.loads(
        text.removeprefix("\ufeff"),
        object_pairs_hook=_object,
        parse_constant=_no_number,
        # Not orjson, which makes doubles of integers that have more than 64 bits.
        parse_float=exact_fraction,
    )
    if is_deeper(value, MAX_DEPTH):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    exact = long_integers_as_strings(value)
    if "\\u" in text:
        # Raises where there is one half of a surrogate pair, which is no character.
        orjson.dumps(exact)
    return exact


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands more than once in the same object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"there is no number {name}")


def _told(header: str) -> str:
    """A header's value where it is one that can be shown."""
    return header if header.isascii() and header.isprintable() and len(header) <= MAX_TYPE_LENGTH else ""
