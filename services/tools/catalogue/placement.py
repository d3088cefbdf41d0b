"""Where each argument of an HTTP tool goes: into a place of its URL, a header, a cookie, else into query or body."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from multidict import CIMultiDict

from servicekit.errors import Violation
from servicekit.text_forms import TooManyMarksError, compatible
from services.tools.catalogue import bodies, styles
from services.tools.catalogue.styles import as_text, escaped
from services.tools.models import HttpParameter, HttpSource, Json

# Not with what divides a URL: which part of it the placeholder stands in would be another question.
PLACEHOLDER = re.compile(r"\{([^{}/?#&=]+)\}")
WHOLE_VALUE = re.compile(rf"([^={{}}]*)={PLACEHOLDER.pattern}")
# What the owner of a tool has written of a URL goes out as it is; what no URL can hold is percent-encoded.
WRITTEN = "%/:?[]@!$&'()*+,;=-._~"
# Servers and what stands before them decode a path more than once.
DECODINGS = 4
CLIMBING = {"", ".", ".."}
WITHOUT_BODY = {"GET", "HEAD", "DELETE"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it goes out, but for what its owner adds."""

    method: str
    # Encoded, without the query.
    url: str
    query: str
    headers: CIMultiDict[str]
    body: Any

    @property
    def address(self) -> str:
        return f"{self.url}?{self.query}" if self.query else self.url


def faults(source: HttpSource, arguments: Mapping[str, Json]) -> list[Violation]:
    """Why arguments cannot be sent: what the URL misses, what would be another place of the path, no header."""
    places = _Placed(source, arguments)
    found = [
        Violation(_pointer(name), "is missing: the URL of the tool needs it")
        for name in dict.fromkeys(map(places.argument, PLACEHOLDER.findall(source.url)))
        if name not in arguments
    ]
    found = found or list(places.path_faults()) or list(places.header_faults())
    if not found and source.body is not None:
        found = [Violation(_pointer(each.field), each.description) for each in bodies.faults(source.body, places.rest)]
    return found


def placed(source: HttpSource, arguments: Mapping[str, Json]) -> HttpRequest:
    """The request that these arguments make; `faults` has let them pass."""
    return _Placed(source, arguments).request()


class _Placed:
    """Arguments in their places."""

    def __init__(self, source: HttpSource, arguments: Mapping[str, Json]) -> None:
        self._source = source
        self._arguments = arguments
        self._path, _, self._query = source.url.partition("?")
        self._in_path = {each.name: each for each in source.parameters if each.location == "path"}
        named = {each.argument for each in source.parameters} | {*map(self.argument, PLACEHOLDER.findall(source.url))}
        self.rest = {name: value for name, value in arguments.items() if name not in named}

    def argument(self, placeholder: str) -> str:
        """The argument that fills a placeholder."""
        return self._in_path[placeholder].argument if placeholder in self._in_path else placeholder

    def path_faults(self) -> Iterator[Violation]:
        for segment in self._path.split("/"):
            names = PLACEHOLDER.findall(segment)
            for name in names:
                if self._is_empty(name):
                    yield Violation(_pointer(self.argument(name)), "is empty, and a part of the path would be missing")
                    return
            filled = PLACEHOLDER.sub(lambda found: self._in_its_place(found[1]), segment)
            # Matrix parameters begin with a semicolon, which cuts nothing off where nothing stands before it.
            if names and _leaves_its_place(f"_{filled}" if self._is_matrix(segment) else filled):
                yield Violation(
                    _pointer(self.argument(names[0])),
                    "cannot be a part of the path: decoded, it has control characters or an empty, '.' or '..' segment",
                )

    def header_faults(self) -> Iterator[Violation]:
        for each, value in self._given("header"):
            text = styles.in_header(each, value)
            if text is not None and not (text.isascii() and (text.isprintable() or not text) and text == text.strip()):
                why = "cannot be a header: it has characters beyond printable ASCII, or spaces at an end"
                yield Violation(_pointer(each.argument), why)

    def request(self) -> HttpRequest:
        source, rest = self._source, self.rest
        method = source.method or "POST"
        pairs = [pair for each in self._query.split("&") if each for pair in self._pairs(each)]
        pairs += [pair for each, value in self._given("query") for pair in styles.in_query(each, value)]
        headers: CIMultiDict[str] = CIMultiDict()
        for each, value in self._given("header"):
            if (text := styles.in_header(each, value)) is not None:
                headers[each.name] = text
        if cookies := [pair for each, value in self._given("cookie") for pair in styles.in_cookie(each, value)]:
            headers["Cookie"] = "; ".join(cookies)
        content: Any = None
        if source.body is None and method in WITHOUT_BODY:
            pairs += query_of(rest)
        elif (made := bodies.made(source.body or bodies.DEFAULT, rest)) is not None:
            content, content_type = made
            if content_type:
                headers["Content-Type"] = content_type
        return HttpRequest(method, self._filled(self._path), "&".join(pairs), headers, content)

    def _given(self, location: str) -> Iterator[tuple[HttpParameter, Json]]:
        for each in self._source.parameters:
            if each.location == location and each.argument in self._arguments:
                yield each, self._arguments[each.argument]

    def _is_empty(self, name: str) -> bool:
        value = self._arguments[self.argument(name)]
        if name in self._in_path:
            value = styles.without_nulls(value)
            items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
            return any(item is None or not as_text(item).strip() for item in items)
        return value is None or not as_text(value).strip()

    def _is_matrix(self, segment: str) -> bool:
        first = PLACEHOLDER.match(segment)
        return first is not None and first[1] in self._in_path and self._in_path[first[1]].style == "matrix"

    def _in_its_place(self, name: str, quoted: styles.Quote = styles.plain) -> str:
        value = self._arguments[self.argument(name)]
        return styles.in_path(self._in_path[name], value, quoted) if name in self._in_path else quoted(as_text(value))

    def _pairs(self, pair: str) -> list[str]:
        """A pair of the template: none where its argument is null, one for each item of a list."""
        if any(self._arguments[name] is None for name in PLACEHOLDER.findall(pair)):
            return []
        whole = WHOLE_VALUE.fullmatch(pair)
        if whole and isinstance(items := self._arguments[whole[2]], list):
            return [f"{quote(whole[1], safe=WRITTEN)}={_quoted(item)}" for item in items if item is not None]
        return [self._filled(pair)]

    def _filled(self, template: str) -> str:
        """The template with its placeholders filled; every second part of it is the name of one."""
        parts = PLACEHOLDER.split(template)
        return "".join(
            self._in_its_place(part, escaped) if index % 2 else quote(part, safe=WRITTEN)
            for index, part in enumerate(parts)
        )


def query_of(arguments: Mapping[str, Json]) -> list[str]:
    """Arguments as pairs of a query: null is left out, a list is a pair for each of its items."""
    return [
        f"{quote(name, safe='')}={_quoted(item)}"
        for name, value in arguments.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def _leaves_its_place(segment: str) -> bool:
    """Whether some server could take a filled segment for another place than the one below its parent."""
    for _ in range(DECODINGS):
        if has_control_characters(segment):
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


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _quoted(value: Json) -> str:
    return escaped(as_text(value))


def _pointer(name: str) -> str:
    """The JSON Pointer of an argument."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
