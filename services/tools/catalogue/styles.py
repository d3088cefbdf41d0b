"""OpenAPI's styles: how texts, numbers, lists and objects are written in a path, a query, a header or a cookie."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

import orjson

from services.tools.models import HttpParameter, Json

# What `allow_reserved` leaves as it is: what divides a query is not of it, or an argument could add another.
RESERVED = ":/?@!$'()*,;[]"
# What a cookie may hold as it is (RFC 6265), but for the sign that encodes the rest.
COOKIE = "!#$&'()*+-./:<=>?@[]^_`{|}~"
COOKIE_NAME = "!#$&'*+-.^_`|~"
DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
STYLES = {
    "path": {"simple", "label", "matrix"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}
EXPLODED = {"form", "deepObject"}
DELIMITERS = {"form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}
# By the style: what it begins with, and what stands between the members of what is exploded.
PREFIXES = {"simple": ("", ","), "label": (".", "."), "matrix": (";", ";")}

Quote = Callable[[str], str]
Pair = tuple[str, str]


def as_text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def escaped(text: str) -> str:
    return quote(text, safe="")


def plain(text: str) -> str:
    return text


def without_nulls(value: Json) -> Json:
    """A value without the nulls in it, an object in the order of its names; None where nothing is left."""
    if isinstance(value, list):
        return [item for item in value if item is not None] or None
    if isinstance(value, dict):
        # A Struct has no order of its own: the same arguments shall make the same request.
        return {key: item for key, item in sorted(value.items()) if item is not None} or None
    return value


def in_path(parameter: HttpParameter, value: Json, quoted: Quote = escaped) -> str:
    """What stands in the path; empty where there is nothing."""
    value = without_nulls(value)
    if value is None:
        return ""
    if parameter.content_type:
        return quoted(as_text(value))
    prefix, divider = PREFIXES[parameter.style]
    name = f"{quoted(parameter.name)}=" if parameter.style == "matrix" else ""
    if isinstance(value, dict):
        members = [(quoted(key), quoted(as_text(item))) for key, item in value.items()]
        if parameter.explode:
            return prefix + divider.join("=".join(member) for member in members)
        return prefix + name + ",".join(part for member in members for part in member)
    items = [quoted(as_text(item)) for item in (value if isinstance(value, list) else [value])]
    if parameter.explode:
        return prefix + divider.join(name + item for item in items)
    return prefix + name + ",".join(items)


def in_query(parameter: HttpParameter, value: Json) -> list[str]:
    """The pairs of a query, encoded."""

    def quoted(text: str) -> str:
        return quote(text, safe=RESERVED if parameter.allow_reserved else "")

    return [f"{escaped(name)}={text}" for name, text in pairs(parameter, value, quoted)]


def in_cookie(parameter: HttpParameter, value: Json) -> list[str]:
    """The pairs of a Cookie header."""
    found = pairs(parameter, value, lambda text: quote(text, safe=COOKIE))
    return [f"{quote(name, safe=COOKIE_NAME)}={text}" for name, text in found]


def in_header(parameter: HttpParameter, value: Json) -> str | None:
    """The value of a header; None where it is left out."""
    return None if without_nulls(value) is None else in_path(parameter, value, plain)


def pairs(parameter: HttpParameter, value: Json, quoted: Quote) -> Iterator[Pair]:
    """Names as they are, and texts that are quoted."""
    value = without_nulls(value)
    if value is None:
        return
    name = parameter.name
    if parameter.content_type or not isinstance(value, dict | list):
        yield name, quoted(as_text(value))
    elif parameter.style == "deepObject":
        yield from _deep(name, value, quoted)
    elif isinstance(value, dict):
        members = [(key, quoted(as_text(item))) for key, item in value.items()]
        if parameter.explode:
            yield from members
        else:
            yield name, _delimited(parameter.style, [part for key, text in members for part in (quoted(key), text)])
    elif parameter.explode:
        yield from ((name, quoted(as_text(item))) for item in value)
    else:
        yield name, _delimited(parameter.style, [quoted(as_text(item)) for item in value])


def _deep(name: str, value: Json, quoted: Quote) -> Iterator[Pair]:
    if isinstance(value, dict):
        for key, item in sorted(value.items()):
            yield from _deep(f"{name}[{key}]", item, quoted)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deep(f"{name}[{index}]", item, quoted)
    elif value is not None:
        yield name, quoted(as_text(value))


def _delimited(style: str, texts: list[str]) -> str:
    return DELIMITERS[style].join(texts)
