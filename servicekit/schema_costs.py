"""What a JSON Schema may cost at most, counted without expanding or evaluating it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema_rs

MAX_VALUES = 20_000
MAX_DEPTH = 128
MAX_PATTERNS = 60
MAX_PATTERN_LENGTH = 1_000
MAX_EXPANDED = 10_000
# Looking at each and compiling it takes 15 to 50 microseconds.
MAX_SCHEMAS = 1_500
# Of a schema that contains itself, whose costs are counted anew for each level of a value.
MAX_RECURSIVE = 500
# A compiled pattern and what matching it keeps at most, each: seven bytes of pattern can stand for megabytes.
PATTERN_MEMORY_BYTES = 64 * 1024
# How long one takes for a character, in evaluations, by what it takes compiled: small ones soon have all their states.
PATTERN_STEPS = ((2 * 1024, 0.05), (16 * 1024, 10.0), (PATTERN_MEMORY_BYTES, 40.0))

# How long formats take for a character that are looked at character by character, and those that are parsed.
FORMAT_STEPS = 3.0
PARSED_FORMAT_STEPS = 10.0
PARSED_FORMATS = {"regex", "idn-email", "idn-hostname", "iri", "iri-reference"}

# How long it takes to compare a number with another, or to divide it, in evaluations; and how many times as long where
# it has hundreds of digits, since it is reckoned exactly.
COMPARISON_STEPS = 45
DIVISION_STEPS = 30
FRACTION_STEPS = 200
MANY_DIGITS = 32
ORDINARY_SIZES = (1e-30, 1e30)
# A multipleOf that is no integer: beyond these each division reckons with hundreds of digits.
ORDINARY_FRACTIONS = (1e-9, 1e15)
# Whether members are unique: how long it takes for each value in them, and for each number besides.
UNIQUE_STEPS = 20

# Keywords whose schemas look at the same value, and those whose schemas look at what is within it.
IN_PLACE = ("not", "if", "then", "else")
IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
IN_PLACE_NAMED = ("dependentSchemas", "dependencies")
WITHIN = ("additionalProperties", "propertyNames", "unevaluatedProperties", "items", "additionalItems", "contains",
          "unevaluatedItems", "contentSchema")  # fmt: skip
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# They evaluate again, to learn what was looked at, what stands beside them.
LOOKS_AGAIN = ("unevaluatedProperties", "unevaluatedItems")
TIMES_LOOKED_AT_AGAIN = 3
# Alternatives that are texts are found by their hash; others are compared one by one.
TEXTS_AS_CHEAP_AS_ONE_VALUE = 50


class TooCostlyError(ValueError):
    """A schema may cost more than one may; the message is for its author."""


class SchemaCosts:
    """The graph of a schema, of which costs are read."""

    def __init__(self, root: Any) -> None:
        """Checks what every schema must be.

        Raises:
            TooCostlyError: it is too large or too deep, refers to what is not there, or to itself without end.
        """
        self._root = root
        self._root_id = str(root.get("$id", "")) if isinstance(root, dict) else ""
        self._anchors: dict[str, Any] = {}
        self.patterns = 0
        self._reached = 0
        self._require_small()
        # Each comes after those that it leads to.
        schemas, recursive = _ordered([root], self._edges)
        if recursive:
            # Each comes after those that look at the same value for it.
            schemas, endless = _ordered(schemas, self._in_place)
            if endless:
                raise TooCostlyError("it refers to itself without end")
            if len(schemas) > MAX_RECURSIVE:
                raise TooCostlyError(f"it contains itself and more than {MAX_RECURSIVE:,} schemas")
        parts = [_Part.of(schema, list(self._in_place(schema))) for schema in schemas]
        own = [_own_cost(schema) for schema in schemas]
        self._looks = _Levels(parts, own, recursive=recursive, unlisted=1, unique=UNIQUE_STEPS)
        self._matches = self._reckons = None
        steps = [sum(map(_steps_of_pattern, _patterns(schema))) + _format_steps(schema) for schema in schemas]
        if any(steps):
            self._matches = _Levels(parts, steps, recursive=recursive)
        numbers = [_number_steps(schema) for schema in schemas]
        if any(numbers) or any(part.unique for part in parts):
            self._reckons = _Levels(parts, numbers, recursive=recursive, unique=UNIQUE_STEPS)
        if self.evaluations(0) > MAX_EXPANDED:
            raise TooCostlyError(f"with its references expanded it has more than {MAX_EXPANDED:,} schemas")

    def evaluations(self, depth: int) -> float:
        """How often, at most, what lies so deep in a value is looked at."""
        return self._looks.at(self._root, depth)

    def steps(self, size: "Size") -> float:
        """How many evaluations a value of this size takes, at most."""
        for_patterns = size.characters * self._matches.at(self._root, size.depth) if self._matches else 0
        for_numbers = size.numbers * self._reckons.at(self._root, size.depth) if self._reckons else 0
        return size.values * self.evaluations(size.depth) + for_patterns + for_numbers

    def _require_small(self) -> None:
        values = 0
        pending = [(self._root, 0)]
        while pending:
            value, depth = pending.pop()
            values += 1
            if values > MAX_VALUES:
                raise TooCostlyError(f"it has more than {MAX_VALUES:,} values")
            if depth > MAX_DEPTH:
                raise TooCostlyError(f"it is nested deeper than {MAX_DEPTH} levels")
            if isinstance(value, dict):
                self._note_keywords(value)
                pending.extend((one, depth + 1) for one in value.values())
            elif isinstance(value, list):
                pending.extend((one, depth + 1) for one in value)

    def _note_keywords(self, schema: dict[str, Any]) -> None:
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                self._anchors.setdefault(schema[keyword], schema)
        patterns = _patterns(schema)
        self.patterns += len(patterns)
        if self.patterns > MAX_PATTERNS:
            raise TooCostlyError(f"it has more than {MAX_PATTERNS} patterns")
        if any(len(pattern) > MAX_PATTERN_LENGTH for pattern in patterns):
            raise TooCostlyError(f"a pattern is longer than {MAX_PATTERN_LENGTH:,} characters")

    def _edges(self, schema: dict[str, Any]) -> Iterator[Any]:
        self._reached += 1
        if self._reached > MAX_SCHEMAS:
            raise TooCostlyError(f"it has more than {MAX_SCHEMAS:,} schemas")
        if schema is not self._root and isinstance(schema.get("$id"), str):
            raise TooCostlyError("$id stands within it; only the schema as a whole may have one")
        yield from self._in_place(schema)
        yield from _named(schema, "properties")
        yield from _in_places(schema)
        yield from _each_within(schema)

    def _in_place(self, schema: dict[str, Any]) -> Iterator[Any]:
        yield from (schema[keyword] for keyword in IN_PLACE if keyword in schema)
        for keyword in IN_PLACE_LISTS:
            yield from _listed(schema, keyword)
        for keyword in IN_PLACE_NAMED:
            yield from _named(schema, keyword)
        yield from (self._target(schema[keyword]) for keyword in REFERENCES if isinstance(schema.get(keyword), str))

    def _target(self, reference: str) -> Any:
        try:
            address, fragment = urldefrag(urljoin(self._root_id, reference))
        except ValueError:
            raise TooCostlyError(f"{reference} is no reference") from None
        if address != urldefrag(self._root_id)[0]:
            raise TooCostlyError(f"{reference} is outside the schema, and nothing is fetched")
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            if fragment not in self._anchors:
                raise TooCostlyError(f"{reference} is not in it")
            return self._anchors[fragment]
        found = self._root
        for part in fragment.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isascii() and name.isdigit() and int(name[:9]) < len(found):
                found = found[int(name[:9])]
            else:
                raise TooCostlyError(f"{reference} is not in it")
        return found


def _ordered(
    starts: Iterable[Any], edges: Callable[[dict[str, Any]], Iterable[Any]]
) -> tuple[list[dict[str, Any]], bool]:
    """The schemas that the starts lead to, each after those that it leads to, and whether one leads to itself."""
    order: list[dict[str, Any]] = []
    done: set[int] = set()
    entered: set[int] = set()
    circular = False
    # Not by recursion in Python, which a long chain of references would exhaust.
    stack: list[tuple[dict[str, Any] | None, Iterator[Any]]] = [(None, iter(starts))]
    while stack:
        schema, targets = stack[-1]
        for target in targets:
            if id(target) in entered:
                circular = True
            elif isinstance(target, dict) and id(target) not in done:
                entered.add(id(target))
                stack.append((target, iter(edges(target))))
                break
        else:
            stack.pop()
            if schema is not None:
                entered.remove(id(schema))
                done.add(id(schema))
                order.append(schema)
    return order, circular


class _Part(NamedTuple):
    """A schema among others, which are named by their identity."""

    id: int
    in_place: Sequence[int]
    # Of these only one looks at a member of the value: it has one name or one place.
    one_of: Sequence[int]
    # Of these each may look at all members.
    all_of: Sequence[int]
    looks_again: bool
    unique: bool

    @classmethod
    def of(cls, schema: dict[str, Any], in_place: Iterable[Any]) -> "_Part":
        one_of = (*_named(schema, "properties"), *_in_places(schema))
        return cls(
            id(schema),
            list(map(id, in_place)),
            list(map(id, one_of)),
            list(map(id, _each_within(schema))),
            any(keyword in schema for keyword in LOOKS_AGAIN),
            schema.get("uniqueItems") is True,
        )


class _Levels:
    """For each level of a value, what each schema costs at most that looks at it.

    Where none contains itself, one pass finds what holds for every level: to count level by level took seconds for what
    is deep and wide.
    """

    def __init__(
        self, parts: Sequence[_Part], own: Sequence[float], *, recursive: bool, unlisted: float = 0, unique: float = 0
    ) -> None:
        """Prepares.

        Args:
            parts: each after those that look at the same value for it, and, if not recursive, at what is within.
            own: what each costs itself.
            recursive: whether one contains itself.
            unlisted: what schemas cost that are no objects.
            unique: what it costs for each value within to find whether members are unique.
        """
        self._parts = list(zip(parts, own, strict=True))
        self._recursive = recursive
        self._unlisted = unlisted
        self._unique = unique
        self._levels = [self._level(None)]

    def at(self, schema: Any, depth: int) -> float:
        while self._recursive and len(self._levels) <= depth:
            level = self._level(self._levels[-1])
            if level == self._levels[-1]:
                break
            self._levels.append(level)
        return self._levels[min(depth, len(self._levels) - 1)].get(id(schema), self._unlisted)

    def _level(self, within: dict[int, float] | None) -> dict[int, float]:
        level: dict[int, float] = {}
        within = within if self._recursive else level
        unlisted = self._unlisted
        for part, own in self._parts:
            cost = own + sum(level.get(one, unlisted) for one in part.in_place)
            if within is not None:
                cost += max((within.get(one, unlisted) for one in part.one_of), default=0)
                cost += sum(within.get(one, unlisted) for one in part.all_of)
                if part.unique:
                    cost += self._unique
            if part.looks_again:
                cost *= TIMES_LOOKED_AT_AGAIN
            # Beyond every limit it does not matter how far.
            level[part.id] = min(cost, 1e15)
        return level


class Size(NamedTuple):
    """How large a value is."""

    # Names of members among them.
    values: int
    depth: int
    characters: int
    # Those of many digits counted as many times as they take longer.
    numbers: int


def measure(value: Any) -> Size:
    """How large a value is, in what its evaluation costs."""
    count, depth, characters, numbers = 0, 0, 0, 0
    level = [value]
    while level:
        count += len(level)
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                count += len(one)
                characters += sum(map(len, one))
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
            elif isinstance(one, str):
                characters += len(one)
            elif one is not None:
                numbers += 1 if not one or ORDINARY_SIZES[0] < abs(one) < ORDINARY_SIZES[1] else MANY_DIGITS
        level = below
        depth += 1
    return Size(count, depth, characters, numbers)


def _number_steps(schema: dict[str, Any]) -> float:
    """How many evaluations the schema takes for a number."""
    steps = 0.0
    for keyword in ("enum", "const"):
        if keyword in schema:
            steps += COMPARISON_STEPS * measure(schema[keyword]).numbers
    divisor = schema.get("multipleOf")
    if isinstance(divisor, int):
        steps += DIVISION_STEPS
    elif isinstance(divisor, float):
        if not ORDINARY_FRACTIONS[0] <= divisor <= ORDINARY_FRACTIONS[1]:
            raise TooCostlyError("a multipleOf is no integer and not between {:g} and {:g}".format(*ORDINARY_FRACTIONS))
        steps += FRACTION_STEPS
    return steps


def _own_cost(schema: dict[str, Any]) -> int:
    """What the schema itself costs: one, and the values that it compares with."""
    cost = 1
    if isinstance(schema.get("enum"), list):
        texts = all(isinstance(one, str) for one in schema["enum"])
        cost += len(schema["enum"]) // TEXTS_AS_CHEAP_AS_ONE_VALUE if texts else measure(schema["enum"]).values
    if "const" in schema:
        cost += measure(schema["const"]).values
    if isinstance(schema.get("required"), list):
        cost += len(schema["required"]) // TEXTS_AS_CHEAP_AS_ONE_VALUE
    for keyword in ("dependentRequired", "dependencies"):
        cost += sum(1 + len(one) for one in _named(schema, keyword) if isinstance(one, list))
    return cost


def _each_within(schema: dict[str, Any]) -> Iterator[Any]:
    yield from _named(schema, "patternProperties")
    yield from (schema[keyword] for keyword in WITHIN if keyword in schema)


def _in_places(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas of the first items of a list; those of draft-07 and 2019-09 stand in `items`."""
    yield from _listed(schema, "prefixItems")
    yield from _listed(schema, "items")


def _format_steps(schema: dict[str, Any]) -> float:
    told = schema.get("format")
    if not isinstance(told, str):
        return 0
    return PARSED_FORMAT_STEPS if told in PARSED_FORMATS else FORMAT_STEPS


def _named(schema: dict[str, Any], keyword: str) -> Iterable[Any]:
    found = schema.get(keyword)
    return found.values() if isinstance(found, dict) else ()


def _listed(schema: dict[str, Any], keyword: str) -> Iterable[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else ()


def _patterns(schema: dict[str, Any]) -> list[str]:
    pattern = schema.get("pattern")
    return [*([pattern] if isinstance(pattern, str) else []), *_names(schema, "patternProperties")]


def _steps_of_pattern(pattern: str) -> float:
    for size, steps in PATTERN_STEPS:
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=pattern_options(size))
        except ValueError:
            continue
        return steps
    # What is refused when the schema is compiled, with the better message.
    return 0


def pattern_options(size: int) -> jsonschema_rs.RegexOptions:
    """Takes time linear in the text: a schema's author must not be able to stop the service with a pattern."""
    return jsonschema_rs.RegexOptions(size_limit=size, dfa_size_limit=PATTERN_MEMORY_BYTES)


def _names(schema: dict[str, Any], keyword: str) -> Iterable[str]:
    found = schema.get(keyword)
    return found if isinstance(found, dict) else ()
