"""How a tool differs from what it was: what is other, and what callers that knew it may stumble over."""

from collections.abc import Iterator
from typing import Any

from services.tools.models import HttpSource, Json, Tool

MAX_DETAILS = 20
MAX_DEPTH = 8
MAX_COMPARED = 5_000
# By keyword: whether a larger value takes more.
BOUNDS = {
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), True),
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), False),
}
# Where one of them is other, what is taken may be less than before.
NARROWING = (
    *(
        "pattern",
        "format",
        "const",
        "multipleOf",
        "uniqueItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
    ),
    *("prefixItems", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "contains"),
)
TOLD = ("title", "description", "tags", "annotations")


def compared(standing: Tool, wanted: Tool) -> tuple[list[str], bool]:
    """What is other, a sentence each, and whether it may break those who call it."""
    narrower = list(dict.fromkeys(_Comparison(standing.input_schema or {}, wanted.input_schema or {}).all()))
    details = list(narrower)
    details += [f"{name} is another" for name in TOLD if getattr(standing, name) != getattr(wanted, name)]
    details += _source_details(standing, wanted)
    details += [f"argument {name} is new" for name in sorted(_names(wanted) - _names(standing))]
    if not details:
        details = ["input_schema is another"]
    return details[:MAX_DETAILS], bool(narrower)


def _names(tool: Tool) -> set[str]:
    properties = (tool.input_schema or {}).get("properties")
    return set(properties) if isinstance(properties, dict) else set()


def _source_details(standing: Tool, wanted: Tool) -> Iterator[str]:
    before, after = standing.source, wanted.source
    if not isinstance(before, HttpSource) or not isinstance(after, HttpSource):
        yield "it was no HTTP tool"
        return
    if (before.method, before.url) != (after.method, after.url):
        yield f"it is sent to {after.method} {after.url.partition('?')[0]}"
    if dict(before.headers) != dict(after.headers):
        yield "its credentials are others"
    if (before.parameters, before.body) != (after.parameters, after.body):
        yield "its arguments go to other places"


class _Comparison:
    """Two schemas, looked through together as far as both say the same of the same values."""

    def __init__(self, before: Json, after: Json) -> None:
        self._before, self._after = before, after
        self._compared = 0
        self._seen: set[tuple[str, str]] = set()

    def all(self) -> Iterator[str]:
        yield from self._narrower(self._before, self._after, "", 0)

    def _narrower(self, before: Any, after: Any, place: str, depth: int) -> Iterator[str]:
        self._compared += 1
        if depth > MAX_DEPTH or self._compared > MAX_COMPARED or before == after == {}:
            return
        pair = _reference(before), _reference(after)
        if all(pair) and pair in self._seen:
            return
        self._seen.add(pair)
        before, after = _target(before, self._before), _target(after, self._after)
        if not isinstance(before, dict) or not isinstance(after, dict):
            return
        what = f"argument {place[1:]}" if place else "the arguments"
        yield from _own(before, after, what)
        old, new = before.get("properties") or {}, after.get("properties") or {}
        lost = [name for name in old if name not in new]
        yield from (f"argument {f'{place}/{name}'[1:]} is gone" for name in lost)
        required = set(after.get("required") or ()) - set(before.get("required") or ())
        yield from (f"argument {f'{place}/{name}'[1:]} is needed now" for name in sorted(required))
        for name in old.keys() & new.keys():
            yield from self._narrower(old[name], new[name], f"{place}/{name}", depth + 1)
        for keyword, step in (("items", "*"), ("additionalProperties", "*")):
            if isinstance(before.get(keyword), dict) and isinstance(after.get(keyword), dict):
                yield from self._narrower(before[keyword], after[keyword], f"{place}/{step}", depth + 1)


def _own(before: dict[str, Any], after: dict[str, Any], what: str) -> Iterator[str]:
    """What a schema says of the value itself that takes less than before."""
    types = _types(before) - _types(after)
    if types and not (types == {"integer"} and "number" in _types(after)):
        yield f"{what} is no longer {' or '.join(sorted(types))}"
    if isinstance(after.get("enum"), list):
        values = before.get("enum")
        lost = [one for one in values if one not in after["enum"]] if isinstance(values, list) else ["others"]
        if lost:
            yield f"{what} no longer takes {', '.join(map(str, lost[:5]))[:100]}"
    for keyword, more in BOUNDS.items():
        old, new = before.get(keyword), after.get(keyword)
        if isinstance(new, int | float) and (not isinstance(old, int | float) or (new < old if more else new > old)):
            yield f"{what} has {keyword} {new}"
    if after.get("additionalProperties") is False and before.get("additionalProperties") is not False:
        yield f"{what} may have no others"
    for keyword in NARROWING:
        if keyword in after and before.get(keyword) != after[keyword]:
            yield f"{what} has another {keyword}"


def _types(schema: dict[str, Any]) -> set[str]:
    told = schema.get("type")
    if told is None:
        return {"array", "boolean", "integer", "null", "number", "object", "string"}
    return {str(one) for one in (told if isinstance(told, list) else [told])}


def _reference(schema: Any) -> str:
    reference = schema.get("$ref") if isinstance(schema, dict) else ""
    return reference if isinstance(reference, str) else ""


def _target(schema: Any, root: Any) -> Any:
    reference = _reference(schema)
    if reference.startswith("#/$defs/"):
        return root.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
    return schema
