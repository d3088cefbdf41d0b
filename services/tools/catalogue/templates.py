"""Whether what a tool's owner says of URL and arguments could ever be sent."""

import re
from collections.abc import Iterator, Sequence

from servicekit.errors import Violation
from services.tools.catalogue import bodies, styles
from services.tools.catalogue.placement import PLACEHOLDER, has_control_characters
from services.tools.models import HttpParameter, HttpRequestBody, HttpSource, Json

# With these a schema says more of properties than their names.
OPEN_ENDED = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"}
# A name as headers and cookies have it (RFC 9110).
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# They say where a message goes and where it ends, or are made from other arguments.
FRAMING = {
    "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host", "http2-settings",
    "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip


def faults(source: HttpSource, input_schema: Json) -> list[Violation]:
    """What is wrong with a source, field by field; empty where nothing is."""
    known = _known(input_schema)
    found = list(_url_faults(source, known))
    found += _parameter_faults(source, known)
    return found + (list(_body_faults(source, source.body, known)) if source.body is not None else [])


def _url_faults(source: HttpSource, known: set[str] | None) -> Iterator[Violation]:
    url = source.url
    why = ""
    if "{" in (rest := PLACEHOLDER.sub("", url)) or "}" in rest:
        why = "holds a brace that is no part of a placeholder, `{name}`"
    elif "#" in url:
        why = "has a fragment, which is never sent"
    elif has_control_characters(url):
        why = "holds control characters"
    elif known is not None:
        named = {each.name: each.argument for each in source.parameters if each.location == "path"}
        missing = [name for name in PLACEHOLDER.findall(url) if named.get(name, name) not in known]
        if missing:
            why = f"has the placeholder {missing[0]!r}, which no property of input_schema fills"
    if why:
        yield Violation("tool.http.url", why)


def _parameter_faults(source: HttpSource, known: set[str] | None) -> Iterator[Violation]:
    path, _, query = source.url.partition("?")
    in_path = set(PLACEHOLDER.findall(path))
    named = {each.name for each in source.parameters if each.location == "path"}
    taken = {f"header {name.lower()}" for name in source.headers}
    # Placeholders of the query are filled by their own names.
    arguments = set(PLACEHOLDER.findall(query)) | (in_path - named)
    for index, each in enumerate(source.parameters):
        place = f"{each.location} {each.name.lower() if each.location == 'header' else each.name}"
        why = _fault(each, in_path)
        if each.argument in arguments:
            why = f"gives {each.argument!r} a second place"
        elif place in taken:
            why = f"is the second {place}"
        elif known is not None and each.argument not in known:
            why = f"is of {each.argument!r}, which is no property of input_schema"
        if why:
            yield Violation(f"tool.http.parameters[{index}]", why)
        arguments.add(each.argument)
        taken.add(place)


def _fault(parameter: HttpParameter, in_path: set[str]) -> str:
    location, name = parameter.location, parameter.name
    if parameter.style not in styles.STYLES[location]:
        return f"cannot be written as {parameter.style!r} in a {location}"
    if parameter.allow_reserved and location != "query":
        return "has allow_reserved, which is of queries only"
    if location == "path" and name not in in_path:
        return f"is of the placeholder {name!r}, which the path has not"
    if location in {"header", "cookie"} and not TOKEN.fullmatch(name):
        return f"has the name {name!r}, which no {location} can have"
    if location == "header" and name.lower() in FRAMING:
        return f"is the header {name!r}, which no argument may be"
    return ""


def _body_faults(source: HttpSource, body: HttpRequestBody, known: set[str] | None) -> Iterator[Violation]:
    if body.format in bodies.OF_ONE and not body.argument:
        yield Violation("tool.http.body.argument", f"is missing: it is the whole body where that is {body.format}")
    if body.format == "none" and (body.argument or body.content_type):
        yield Violation("tool.http.body", "is none and has an argument or a content_type")
    if body.format == "multipart" and body.content_type:
        yield Violation("tool.http.body.content_type", "of a multipart form has a boundary that is not known before")
    if body.parts and body.format not in bodies.FORMS:
        yield Violation("tool.http.body.parts", f"are of forms, and the body is {body.format}")
    placed = {each.argument for each in source.parameters} | set(PLACEHOLDER.findall(source.url))
    if body.argument in placed:
        yield Violation("tool.http.body.argument", f"has another place: {body.argument!r}")
    yield from _part_faults(body, known, placed)
    if known is not None and (body.argument or body.format == "none"):
        named = placed | {body.argument}
        if body.argument and body.argument not in known:
            yield Violation("tool.http.body.argument", "is no property of input_schema")
        if unplaced := sorted(known - named):
            yield Violation("tool.http.body", f"leaves the property {unplaced[0]!r} of input_schema without a place")


def _part_faults(body: HttpRequestBody, known: set[str] | None, placed: set[str]) -> Iterator[Violation]:
    names: Sequence[str] = [part.argument for part in body.parts]
    for index, part in enumerate(body.parts):
        why = ""
        if part.argument in names[:index]:
            why = f"is the second of {part.argument!r}"
        elif not body.argument and part.argument in placed:
            why = f"gives {part.argument!r} a second place"
        elif not body.argument and known is not None and part.argument not in known:
            why = f"is of {part.argument!r}, which is no property of input_schema"
        elif part.format == "file" and body.format != "multipart":
            why = "is a file, which only a multipart form can have"
        elif part.content_type and body.format != "multipart":
            why = "has a content_type, which only parts of a multipart form have"
        if why:
            yield Violation(f"tool.http.body.parts[{index}]", why)


def _known(input_schema: Json) -> set[str] | None:
    """The names of all properties; None where the schema may have others."""
    properties = input_schema.get("properties") if isinstance(input_schema, dict) else None
    if isinstance(properties, dict) and not OPEN_ENDED & input_schema.keys():
        return set(properties)
    return None
