"""What the body of an HTTP tool's request is made of: a JSON document, a form, files, a text or bytes."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from servicekit.errors import Violation
from services.tools.catalogue.answers import BINARY
from services.tools.catalogue.styles import as_text, pairs, plain, without_nulls
from services.tools.models import HttpParameter, HttpPart, HttpRequestBody, Json

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
FORMS = {"form", "multipart"}
# Formats whose body is one argument.
OF_ONE = {"text", "bytes"}
NO_FILE = 'is no base64, nor {"base64": "…"} with a content_type and a filename that can be written in a header'
# Of tools that say nothing of it.
DEFAULT = HttpRequestBody()
Body = tuple[Any, str]


def faults(body: HttpRequestBody, rest: Mapping[str, Json]) -> Iterator[Violation]:
    """Why arguments that have no other place cannot be the body."""
    if body.argument or body.format == "none":
        yield from (Violation(name, "has no place in the request") for name in rest if name != body.argument)
    given = rest.get(body.argument) if body.argument else dict(rest)
    if given is None:
        return
    if body.format == "text" and not isinstance(given, str):
        yield Violation(body.argument, "is the body, and no string")
    elif body.format == "bytes" and _file(given) is None:
        yield Violation(body.argument, NO_FILE)
    elif body.format in FORMS and not isinstance(given, dict):
        yield Violation(body.argument, "is the body, a form, and no object")
    elif body.format == "multipart":
        prefix = [body.argument] if body.argument else []
        yield from (Violation("/".join([*prefix, name]), why) for name, why in _part_faults(body, given))


def made(body: HttpRequestBody, rest: Mapping[str, Json]) -> Body | None:
    """The body and its Content-Type; None where there is none. `faults` has let the arguments pass."""
    given = rest.get(body.argument) if body.argument else dict(rest)
    if body.format == "none" or given is None or (body.format in FORMS and not given):
        return None
    match body.format:
        case "json":
            return orjson.dumps(given), body.content_type or JSON
        case "form":
            found = [pair for name, value in _in_order(body, given) for pair in _pairs(_part(body, name), value)]
            return urlencode(found).encode(), body.content_type or FORM
        case "text":
            return str(given).encode(), body.content_type or TEXT
        case "bytes":
            content, kind, _ = _file(given) or (b"", "", "")
            return content, body.content_type or kind or BINARY
        case _:
            return _multipart(body, given), ""


def _multipart(body: HttpRequestBody, given: Mapping[str, Json]) -> aiohttp.FormData:
    # Not percent-encoded by aiohttp, which servers do not undo.
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in _in_order(body, given):
        part = _part(body, name)
        if part.format == "file":
            for each in _listed(value):
                content, kind, filename = _file(each) or (b"", "", "")
                kind = part.content_type or kind or BINARY
                form.add_field(name, content, content_type=kind, filename=filename or name)
        elif not part.format and part.explode:
            for each in _listed(value):
                kind = part.content_type or (JSON if isinstance(each, dict | list) else "")
                form.add_field(name, as_text(each), content_type=kind or None)
        else:
            kind = part.content_type or (JSON if part.format == "json" else "")
            for key, text in _pairs(part, value):
                form.add_field(key, text, content_type=kind or None)
    return form


def _in_order(body: HttpRequestBody, given: Mapping[str, Json]) -> list[tuple[str, Json]]:
    """Those that are named as they are named, some servers want the file last; then the others by their names."""
    places = {part.argument: place for place, part in enumerate(body.parts)}
    return sorted(given.items(), key=lambda item: (places.get(item[0], len(places)), item[0]))


def _part(body: HttpRequestBody, name: str) -> HttpPart:
    return next((part for part in body.parts if part.argument == name), HttpPart(name))


def _pairs(part: HttpPart, value: Json) -> Iterator[tuple[str, str]]:
    """The fields of a form that are no files."""
    if part.format == "json" or (not part.format and isinstance(value, dict)):
        if value is not None:
            yield part.argument, orjson.dumps(value).decode()
        return
    style = part.format or "form"
    yield from pairs(HttpParameter(part.argument, "query", part.argument, style, part.explode), value, plain)


def _part_faults(body: HttpRequestBody, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if not _is_line(name):
            yield name, "cannot be the name of a part: it has control characters"
        elif _part(body, name).format == "file" and any(_file(each) is None for each in _listed(value)):
            yield name, NO_FILE


def _listed(value: Json) -> list[Json]:
    found = without_nulls(value)
    return found if isinstance(found, list) else [] if found is None else [found]


def _file(value: Json) -> tuple[bytes, str, str] | None:
    """Bytes, their type and the file's name, as a result of a tool has them; None where it is no such thing."""
    fields = {"base64": value} if isinstance(value, str) else value
    if not isinstance(fields, dict) or not {"base64"} <= fields.keys() <= {"base64", "content_type", "filename"}:
        return None
    text, kind, filename = (fields.get(name) or "" for name in ("base64", "content_type", "filename"))
    if not all(isinstance(each, str) and _is_line(each) for each in (text, kind, filename)) or not kind.isascii():
        return None
    try:
        return base64.b64decode(text, validate=True), kind, filename
    except (binascii.Error, ValueError):
        return None


def _is_line(text: str) -> bool:
    """Whether it can stand in the headers of a part."""
    return all(character >= " " and character != "\x7f" for character in text)
