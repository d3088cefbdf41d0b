"""A value for a JSON Schema, with all that it may have or with what it must: arguments for tools that nobody knows."""

import base64
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

BLOB = base64.b64encode(b"\x89PNG\x00\xff").decode()
MAX_DEPTH = 3
FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "byte": BLOB,
    "uri": "https://example.com/a",
    "uri-reference": "/a",
    "email": "a@example.com",
    "uuid": "0b0b5a1e-7f1c-4d3a-9c55-0d1b2c3d4e5f",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
    "duration": "P1D",
}
# Tried in turn where a pattern is asked for.
TEXTS = (
    *("a text", "a", "A", "1", "1.0.0", "12:00", "2026-01", "a/b", "refs/heads/a", "a.b", "a@b.c", "#000000"),
    *("0" * 40, "0" * 64, f"sha256:{'0' * 64}", "ssh-rsa AAAA"),
)


def arguments(schema: Any, *, only_required: bool) -> Any:
    """A value for a schema of a tool, with all that it may have or what it must."""
    return _Values(schema, only_required=only_required).of(schema, 0)


class _Values:
    def __init__(self, root: Any, *, only_required: bool) -> None:
        self._root = root
        self._only_required = only_required

    def of(self, schema: Any, depth: int) -> Any:
        """A value; of alternatives the first of which one fits the whole."""
        if not isinstance(schema, dict):
            return "a text"
        if "$ref" in schema:
            named = self._root["$defs"][schema["$ref"].rpartition("/")[2]]
            return self.of({**named, **{key: value for key, value in schema.items() if key != "$ref"}}, depth)
        alternatives = list(_alternatives(schema, self._root))
        candidates = [self._plain(each, depth) for each in alternatives]
        # With all that they may have they may be several of which one alone is meant.
        frugal = _Values(self._root, only_required=True)
        candidates += [frugal._plain(each, depth) for each in alternatives[1:] or ()]
        fits = jsonschema_rs.validator_for({**schema, "$defs": self._root.get("$defs", {})}, validate_formats=True)
        return next(filter(fits.is_valid, candidates), candidates[0])

    def _plain(self, schema: Any, depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][-1]
        if "base64" in schema.get("properties", ()):
            return {"base64": BLOB, "content_type": "image/png", "filename": "a.png"} if depth % 2 else BLOB
        told = schema.get("type", "object" if "properties" in schema else "string")
        kind = told[0] if isinstance(told, list) else told
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        return _scalar(schema, kind)

    def _object(self, schema: Any, depth: int) -> Any:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        wanted = required if self._only_required or depth > MAX_DEPTH else [*properties, *required]
        found = {name: self.of(properties.get(name, {}), depth + 1) for name in dict.fromkeys(wanted)}
        more = schema.get("additionalProperties", {})
        while len(found) < schema.get("minProperties", 0):
            name = next((each for each in properties if each not in found), f"more{len(found)}")
            found[name] = self.of(properties.get(name, more if isinstance(more, dict) else {}), depth + 1)
        return found

    def _array(self, schema: Any, depth: int) -> Any:
        least = int(schema.get("minItems", 0))
        count = least if depth > MAX_DEPTH else max(least, min(2, int(schema.get("maxItems", 2))))
        if schema.get("uniqueItems"):
            count = min(count, max(1, least))
        return [self.of(schema.get("items", {}), depth + 1) for _ in range(count)]


def _alternatives(schema: Any, root: Any, depth: int = 0) -> Iterator[Any]:
    """The schema with each of its alternatives in turn, and all of what it must be besides, as one."""
    if depth > MAX_DEPTH or not isinstance(schema, dict):
        yield schema
        return
    if "$ref" in schema:
        yield from _alternatives(_merged(schema, root["$defs"][schema["$ref"].rpartition("/")[2]], "$ref"), root, depth)
        return
    if "allOf" in schema:
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            whole = _merged(whole, next(_alternatives(part, root, depth + 1)), "")
        yield from _alternatives(whole, root, depth)
        return
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            for option in schema[keyword]:
                for one in _alternatives(option, root, depth + 1):
                    yield from _alternatives(_merged(schema, one, keyword), root, depth + 1)
            return
    yield schema


def _merged(schema: Any, more: Any, without: str) -> Any:
    own = {key: value for key, value in schema.items() if key != without}
    if not isinstance(more, dict):
        return own
    found = {**own, **more}
    if "properties" in own and "properties" in more:
        found["properties"] = {**own["properties"], **more["properties"]}
    if "required" in own and "required" in more:
        found["required"] = list(dict.fromkeys([*own["required"], *more["required"]]))
    return found


def _scalar(schema: Any, kind: str) -> Any:
    if kind == "null":
        return None
    if kind == "boolean":
        return True
    if kind in {"integer", "number"}:
        return min(max(7, schema.get("minimum", 0)), schema.get("maximum", 2**31))
    text = FORMATS.get(schema.get("format", ""), "a text")
    fits = jsonschema_rs.validator_for(schema, validate_formats=True)
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 10**6))
    tried = (text, text[:most], text.ljust(least, "x"), *TEXTS, "x" * max(1, least))
    return next(filter(fits.is_valid, tried), text)
