"""Where each argument of an HTTP tool goes: into a place of its URL, else into the query or the body."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote

import orjson

from servicekit.errors import Violation
from servicekit.text_forms import TooManyMarksError, compatible
from services.tools.models import Json

# Not with what divides a URL: which part of it the placeholder stands in would be another question.
PLACEHOLDER = re.compile(r"\{([^{}/?#&=]+)\}")
WHOLE_VALUE = re.compile(rf"([^={{}}]*)={PLACEHOLDER.pattern}")
# What the owner of a tool has written of a URL goes out as it is; what no URL can hold is percent-encoded.
WRITTEN = "%/:?[]@!$&'()*+,;=-._~"
# Servers and what stands before them decode a path more than once.
DECODINGS = 4
CLIMBING = {"", ".", ".."}
# With these a schema says more of properties than their names.
OPEN_ENDED = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"}


def template_fault(url: str, input_schema: Json) -> str:
    """Why a URL could never be filled; empty where it can."""
    if "{" in (rest := PLACEHOLDER.sub("", url)) or "}" in rest:
        return "holds a brace that is no part of a placeholder, `{name}`"
    if "#" in url:
        return "has a fragment, which is never sent"
    if _has_control_characters(url):
        return "holds control characters"
    known = input_schema.get("properties") if isinstance(input_schema, dict) else None
    if isinstance(known, dict) and not OPEN_ENDED & input_schema.keys():
        for name in PLACEHOLDER.findall(url):
            if name not in known:
                return f"has the placeholder {name!r}, which no property of input_schema fills"
    return ""


def faults(url: str, arguments: Mapping[str, Json]) -> list[Violation]:
    """Why arguments cannot fill a URL: what is missing, and what would make another place of the path."""
    found = [
        Violation(_pointer(name), "is missing: the URL of the tool needs it")
        for name in dict.fromkeys(PLACEHOLDER.findall(url))
        if name not in arguments
    ]
    return found or list(_path_faults(url.partition("?")[0], arguments))


def filled(url: str, arguments: Mapping[str, Json]) -> tuple[str, list[str], dict[str, Json]]:
    """The URL's path with what it needs, the pairs of its query, and the arguments that are left over."""
    path, _, query = url.partition("?")
    named = set(PLACEHOLDER.findall(url))
    pairs = [pair for each in query.split("&") if each for pair in _pairs(each, arguments)]
    return _filled(path, arguments), pairs, {name: value for name, value in arguments.items() if name not in named}


def query_of(arguments: Mapping[str, Json]) -> list[str]:
    """Arguments as pairs of a query: null is left out, a list is a pair for each of its items."""
    return [
        f"{quote(name, safe='')}={_quoted(item)}"
        for name, value in arguments.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def _path_faults(path: str, arguments: Mapping[str, Json]) -> Iterator[Violation]:
    for segment in path.split("/"):
        names = PLACEHOLDER.findall(segment)
        for name in names:
            value = arguments[name]
            if value is None or not _as_text(value).strip():
                yield Violation(_pointer(name), "is empty, and a part of the path would be missing")
                return
        if names and _leaves_its_place(PLACEHOLDER.sub(lambda found: _as_text(arguments[found[1]]), segment)):
            yield Violation(
                _pointer(names[0]),
                "cannot be a part of the path: it has control characters, or, decoded, an empty, '.' or '..' segment",
            )


def _leaves_its_place(segment: str) -> bool:
    """Whether some server could take a filled segment for another place than the one below its parent."""
    for _ in range(DECODINGS):
        if _has_control_characters(segment):
            return True
        # Some servers read backslashes and wide forms as slashes and dots, and cut off what follows a semicolon.
        try:
            alike = compatible(segment).replace("\\", "/")
        except TooManyMarksError:
            return True
        if any(piece.partition(";")[0].strip() in CLIMBING for piece in alike.split("/")):
            return True
        decoded = unquote(segment)
        if decoded == segment:
            return False
        segment = decoded
    return True


def _has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _pairs(pair: str, arguments: Mapping[str, Json]) -> list[str]:
    """A pair of the template: none where its argument is null, one for each item of a list."""
    if any(arguments[name] is None for name in PLACEHOLDER.findall(pair)):
        return []
    whole = WHOLE_VALUE.fullmatch(pair)
    if whole and isinstance(arguments[whole[2]], list):
        return [f"{quote(whole[1], safe=WRITTEN)}={_quoted(item)}" for item in arguments[whole[2]] if item is not None]
    return [_filled(pair, arguments)]


def _filled(template: str, arguments: Mapping[str, Json]) -> str:
    """The template with its placeholders filled; every second part of it is the name of one."""
    parts = PLACEHOLDER.split(template)
    return "".join(
        _quoted(arguments[part]) if index % 2 else quote(part, safe=WRITTEN) for index, part in enumerate(parts)
    )


def _quoted(value: Json) -> str:
    return quote(_as_text(value), safe="")


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _pointer(name: str) -> str:
    """The JSON Pointer of an argument."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
