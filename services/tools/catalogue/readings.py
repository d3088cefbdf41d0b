"""The other readings of arguments: what whoever gets them may make of them, though they were written differently.

JSON itself is the contract of HTTP tools and of functions, so arguments go to them as they were written. But whoever
made a policy about `amount` means `"5000000"`, `"Amount"` and an amount that is left to its default, too.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from servicekit.text_forms import TooManyMarksError, compatible, without_unseen
from services.tools.models import Json

Completion = Callable[[dict[str, Json]], dict[str, Json]]

TYPES = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
SPEAKS_OF = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(("pattern", "minLength", "maxLength", "format"), "string"),
}
# Keywords whose schemas say something of the same value, or of each item of a list.
ABOUT_IT = ("not", "if", "then", "else", "contains")
ABOUT_IT_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on", "y", "t"), True),
    **dict.fromkeys(("false", "0", "no", "off", "n", "f"), False),
}
NULLS = {"", "null", "none", "nil"}
# Beyond it a number is judged as a double; that is far beyond what any policy tells apart.
LARGE = 2**63


class AmbiguousError(ValueError):
    """Arguments that may mean one thing or another: one is there twice, or is a number or a text past all others."""


# Of other scripts, in one text: one letter may become eighteen.
MAX_LETTERS = 250_000
# How often a condition is judged at most: by what was given, by its exact form, and by each reading.
JUDGED = 6


class Readings:
    """How else arguments may be read, as far as a policy's condition speaks of them."""

    def __init__(self, condition: Json, input_schema: Json, complete: Completion) -> None:
        """Looks what the condition speaks of.

        Args:
            condition: the schema of the arguments that need an approval.
            input_schema: of the tool; None where it has none.
            complete: fills in what is done where an argument is left out.
        """
        self._input_schema = input_schema
        self._complete = complete
        self._types: dict[str, set[str]] = {}
        types = _types(condition)
        for name, schema in _named(condition):
            self._types.setdefault(name, set()).update(types.get(id(schema), ()))
        self._spelled: dict[str, set[str]] = {}
        for name in self._types:
            # One that is past all writing has no other spelling.
            with suppress(AmbiguousError):
                self._spelled.setdefault(_folded(name), set()).add(name)

    def of(self, arguments: dict[str, Json]) -> Iterator[dict[str, Json]]:
        """The readings, one after the other.

        Raises:
            AmbiguousError: they may mean what no reading says.
        """
        read = self._object(arguments)
        yield read
        given = _without_nulls(read)
        yield given
        yield self._object(_with_defaults(given, self._input_schema, self._input_schema))
        yield self._object(self._complete(arguments))

    def _object(self, members: Mapping[str, Json]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for key, value in members.items():
            name = self._name(key)
            if name in found:
                raise AmbiguousError(f"{key} stands for {name}, which is there already")
            found[name] = self._value(name, value)
        return found

    def _name(self, key: str) -> str:
        if key in self._types:
            return key
        spelled = self._spelled.get(_folded(key), set())
        if len(spelled) > 1:
            raise AmbiguousError(f"{key} stands for any of {', '.join(sorted(spelled))}")
        return next(iter(spelled), key)

    def _value(self, name: str, value: Json) -> Json:
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self._value(name, item) for item in value]
        return _scalar(value, self._types.get(name, set()))


def _scalar(value: Json, wanted: set[str]) -> Json:
    """A scalar as one of the types that are wanted, where it can be read so."""
    if isinstance(value, str):
        return _spelled(_plain(value), wanted)
    kind = TYPES.get(type(value), "")
    if value is None or not wanted or kind in wanted:
        return value
    if kind == "number" and "boolean" in wanted and value in (0, 1):
        return bool(value)
    if kind == "boolean" and "number" in wanted:
        return int(value)
    return orjson.dumps(value).decode() if "string" in wanted else value


def _spelled(text: str, wanted: set[str]) -> Json:
    """What a text stands for, as far as that is wanted; else the text."""
    word = text.casefold()
    number = _number(text) if "number" in wanted else None
    if number is not None:
        return number
    if "boolean" in wanted and word in BOOLEANS:
        return BOOLEANS[word]
    return None if "null" in wanted and word in NULLS else text


def _number(text: str) -> int | float | None:
    """The number that a text spells, in any way that is usual."""
    digits = text.replace(",", "").replace("_", "").replace(" ", "").lstrip("+")
    for read in (int, lambda spelled: int(spelled, 0), float):
        try:
            number = read(digits)
            number = float(number) if abs(number) >= LARGE else number
        except ValueError:
            continue
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise AmbiguousError(f"{text[:50]} is no finite number")
        return number
    return None


def _plain(text: str) -> str:
    """The text without what nobody sees, in the letters that look alike."""
    if text.isascii():
        return text.strip()
    if len(text) > MAX_LETTERS:
        raise AmbiguousError(f"more than {MAX_LETTERS:,} letters, not all of them ASCII")
    try:
        return without_unseen(compatible(text)).strip()
    except TooManyMarksError:
        raise AmbiguousError(f"{text[:50]} has more marks than any writing") from None


def _folded(name: str) -> str:
    """A name without its case and what stands between its words: `amountCents` and `amount-cents` are one."""
    return "".join(letter for letter in _plain(name).casefold() if letter.isalnum())


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _with_defaults(value: Any, schema: Any, root: Any) -> Any:
    """The value with the defaults that a schema names for what is left out."""
    schema = _resolved(schema, root)
    if isinstance(value, list):
        return [_with_defaults(item, schema.get("items"), root) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    filled = {key: _with_defaults(item, properties.get(key), root) for key, item in value.items()}
    about = {name: _resolved(each, root) for name, each in properties.items() if name not in filled}
    return filled | {name: each["default"] for name, each in about.items() if "default" in each}


def _named(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every property that a schema speaks of, at any depth, and what it says of it; None where only of its presence."""
    pending = [schema]
    while pending:
        each = pending.pop()
        pending.extend(each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        if isinstance(each, dict):
            properties, required = each.get("properties"), each.get("required")
            yield from properties.items() if isinstance(properties, dict) else ()
            yield from (
                ((name, None) for name in required if isinstance(name, str)) if isinstance(required, list) else ()
            )


def _types(root: Any) -> dict[int, set[str]]:
    """The types of value that each schema of a document speaks of, itself and by those about the same value."""
    found: dict[int, set[str]] = {}
    about: dict[int, list[int]] = {}
    grown: list[int] = []
    pending = [root]
    while pending:
        each = pending.pop()
        if isinstance(each, list):
            pending.extend(each)
        if not isinstance(each, dict):
            continue
        pending.extend(each.values())
        found[id(each)] = _own_types(each)
        grown.append(id(each))
        for one in _about_the_same(each, root):
            about.setdefault(id(one), []).append(id(each))
    # Each learns a few types at most, and tells those that it is about; a walk from every name would take all of it.
    while grown:
        known = grown.pop()
        for other in about.get(known, ()):
            if not found[known] <= found[other]:
                found[other] |= found[known]
                grown.append(other)
    return found


def _own_types(schema: dict[str, Any]) -> set[str]:
    found = {kind for keyword, kind in SPEAKS_OF.items() if keyword in schema}
    found.update("number" if kind == "integer" else str(kind) for kind in _listed(schema.get("type", [])))
    examples = [*_listed(schema.get("enum", [])), *([schema["const"]] if "const" in schema else [])]
    found.update(TYPES.get(type(example), "") for example in examples)
    return found


def _about_the_same(schema: dict[str, Any], root: Any) -> Iterator[dict[str, Any]]:
    """What else says something of what this schema does."""
    said = [schema.get(keyword) for keyword in ABOUT_IT]
    said += [one for keyword in ABOUT_IT_LISTS for one in _listed(schema.get(keyword, []))]
    said.append(_resolved(schema, root) if "$ref" in schema else None)
    yield from (one for one in said if isinstance(one, dict))


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _resolved(schema: Any, root: Any) -> dict[str, Any]:
    """A schema, or that to which it refers within its document."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if isinstance(reference, str) and reference.startswith("#/"):
        schema = root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            schema = schema.get(name) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else {}
