"""Schemas of strangers: what they may cost is known before they are compiled or asked."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from servicekit.errors import ServiceError
from servicekit.schema_costs import SchemaCosts
from servicekit.schemas import NOT_TOLD, Schema


def doubling(levels: int, **last: Any) -> dict[str, Any]:
    """A kilobyte of schema that stands for 2^levels."""
    definitions: dict[str, Any] = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": definitions | {f"d{levels}": last or {"type": "string"}}}


def nested(schema: dict[str, Any], levels: int, keyword: str) -> dict[str, Any]:
    for _ in range(levels):
        schema = {keyword: [schema] if keyword == "allOf" else schema}
    return schema


OLD = {"$schema": "https://json-schema.org/draft/2019-09/schema"}
OLDEST = {"$schema": "http://json-schema.org/draft-07/schema#"}
TREE = {"properties": {"a": {"$ref": "#"}}}
REFUSED: dict[str, dict[str, Any]] = {
    "anyOf of references": doubling(30),
    "allOf of references": {
        "$ref": "#/$defs/d0",
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 3} for n in range(12)} | {"d12": {}},
    },
    "references within members": {
        "$ref": "#/$defs/d0",
        "$defs": {f"d{n}": {"oneOf": [{"items": {"$ref": f"#/$defs/d{n + 1}"}}] * 2} for n in range(20)} | {"d20": {}},
    },
    "if, then and else": {
        "$ref": "#/$defs/d0",
        "$defs": {
            f"d{n}": {key: {"$ref": f"#/$defs/d{n + 1}"} for key in ("if", "then", "else")} for n in range(12)
        }
        | {"d12": {}},
    },
    "what is looked at again": {
        "$ref": "#/$defs/d0",
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}], "unevaluatedProperties": False} for n in range(16)}
        | {"d16": {}},
    },
    "itself": {"$ref": "#"},
    "itself by a detour": {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
                           "$ref": "#/$defs/a"},
    "itself beside a way into its members": {
        "$ref": "#/$defs/a",
        "$defs": {
            "a": {"properties": {"x": {"$ref": "#/$defs/b"}}, "anyOf": [{"$ref": "#/$defs/b"}]},
            "b": {"allOf": [{"$ref": "#/$defs/a"}]},
        },
    },
    "itself by its anchor": {"$dynamicAnchor": "me", "allOf": [{"$dynamicRef": "#me"}]},
    "very deep": nested({}, 200, "not"),
    "very many values": {"enum": list(range(30_000))},
    "very many schemas": {"properties": {f"p{n}": {"type": "null"} for n in range(2_000)}},
    "very many schemas that contain themselves": {
        "$ref": "#/$defs/d0", "$defs": {f"d{n}": {"items": {"$ref": f"#/$defs/d{(n + 1) % 300}"}} for n in range(300)},
    },
    "a divisor of hundreds of digits": {"items": {"multipleOf": 5e-324}},
    "a divisor that is no integer, and huge": {"allOf": [{"not": {"multipleOf": 1.5e300}}]},
    "many patterns": {"properties": {f"p{n}": {"pattern": "a"} for n in range(101)}},
    "many patterns of names": {"patternProperties": {f"p{n}": {} for n in range(101)}},
    "a long pattern": {"pattern": "a" * 1_001},
    "a pattern that is large once it is compiled": {"pattern": r"(?:[ab]*a[ab]{3000}c)"},
    "a pattern that goes back": {"pattern": r"(a)\1"},
    "what is not there": {"$ref": "#/$defs/none"},
    "an anchor that is not there": {"$ref": "#none"},
    "somebody else's": {"$ref": "https://example.com/schema"},
    "somebody else's, within its own id": {"$id": "https://example.com/a/b", "$ref": "c"},
    "a name of its own within it": {"items": {"$id": "https://example.com/schema"}},
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_schema_is_refused_before_it_costs_anything(what: str) -> None:
    with pytest.raises(ServiceError) as refused:
        Schema(REFUSED[what], "input_schema")
    assert refused.value.reason == "SCHEMA_INVALID"


def member(value: Any) -> Any:
    return {"a": value}


def item(value: Any) -> Any:
    return [value]


def deep(wrap: Callable[[Any], Any]) -> Any:
    value: Any = 1
    for _ in range(60):
        value = wrap(value)
    return value


TOO_LARGE: dict[str, tuple[dict[str, Any], Any]] = {
    "two ways down at every level": ({"anyOf": [TREE | {"type": "array"}, TREE]}, deep(member)),
    "two ways down by its items": ({"oneOf": [{"items": {"$ref": "#"}}, {"contains": {"$ref": "#"}}]}, deep(item)),
    "objects compared one by one": ({"items": {"enum": [{"a": n} for n in range(3_000)]}}, [{"a": 2_999}] * 2_000),
    "a pattern without end": ({"pattern": r"(?:[ab]*a[ab]{500}c)"}, "aab" * 100_000),
    "a text that is parsed for its format": ({"format": "regex"}, "(" * 1_000_000),
    "texts with a format by many schemas": ({"allOf": [{"format": "date-time"}] * 30}, "x" * 100_000),
    "first items by the older name": (
        OLDEST | {"items": [{"pattern": r"(?:[ab]*a[ab]{500}c)"}]},
        ["aab" * 100_000],
    ),
    "names that depend on many others": (
        {"items": {"dependentRequired": {f"k{n}": ["a", "b"] for n in range(3_000)}}},
        [{}] * 20_000,
    ),
    "others by the older name": (
        {"items": {"dependencies": {f"k{n}": ["a", "b"] for n in range(1_000)}}},
        [{}] * 20_000,
    ),
    "numbers of hundreds of digits that are divided": ({"items": {"multipleOf": 0.01}}, [1e300] * 2_000),
    "numbers compared one by one": ({"items": {"enum": list(range(200))}}, [199.5] * 1_000),
    "lists of long numbers whose members are unique": (
        {"items": {"uniqueItems": True}},
        [[1e300 * n for n in range(14)]] * 1_000,
    ),
    "objects that are unique, many times": ({"allOf": [{"uniqueItems": True}] * 30}, [{"a": n} for n in range(10_000)]),
    "many values under many schemas": (
        {"items": {"$ref": "#/$defs/d0"}, "$defs": doubling(9)["$defs"]},
        [1] * 20_000,
    ),
}


@pytest.mark.parametrize("what", TOO_LARGE)
def test_a_value_that_could_cost_too_much_is_refused_with_the_reason(what: str) -> None:
    document, value = TOO_LARGE[what]
    schema = Schema(document, "input_schema")
    assert [fault.field for fault in schema.faults(value)] == ["/"]
    assert "too large for this schema" in schema.faults(value)[0].description
    assert not schema.fits(value)
    assert not schema.can_check(value)


@pytest.mark.parametrize(
    ("document", "good", "bad"),
    [
        (TREE | {"type": "object"}, {"a": {"a": {}}}, {"a": {"a": 1}}),
        ({"type": "array", "uniqueItems": True}, list(range(50_000)), [*range(50_000), 7]),
        ({"items": {"enum": [str(n) for n in range(5_000)]}}, ["4999"] * 1_000, ["none"]),
        ({"pattern": "^(a+)+$"}, "a" * 100_000, "a" * 100_000 + "!"),
        ({"pattern": "^[a-z0-9-]{1,253}$"}, "a-b", "A"),
        ({"items": {"type": "null"}}, [None] * 400_000, [0] * 400_000),
        ({"$ref": "#me", "$defs": {"a": {"$anchor": "me", "type": "integer"}}}, 1, "1"),
        ({"$id": "https://example.com/s", "$ref": "s#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}}, 1, "1"),
        ({"properties": {"$id": {"type": "string"}, "pattern": {"type": "integer"}}}, {"$id": "x"}, {"pattern": "x"}),
        (doubling(6), "x", 1),
        ({"items": {"multipleOf": 0.01}}, [0.5] * 5_000, [0.001]),
        ({"items": {"multipleOf": 5}}, [5, 0, -10] * 10_000, [7]),
        ({"items": {"enum": [0, 1.5, 2]}}, [0, 1.5] * 10_000, [3]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"items": {"format": "date-time"}}, ["2026-01-01T00:00:00Z", 7], ["tomorrow"]),
        ({"format": "int64"}, "x", None),
        (OLDEST | {"items": [{"type": "integer"}], "additionalItems": False}, [1], ["x"]),
        (
            OLDEST
            | {
                "properties": {"a": {"$ref": "#/definitions/a", "type": "string"}},
                "definitions": {"a": {"minimum": 5}},
            },
            {"a": 5},
            {"a": 4},
        ),
        (OLDEST | {"dependencies": {"a": ["b"]}, "prefixItems": [False]}, {"a": 1, "b": 2}, {"a": 1}),
        (OLD | {"items": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$anchor": "a", "format": "uuid"}}}, [1, 2], ["no"]),
        (
            OLD | {"$recursiveAnchor": True, "properties": {"a": {"$recursiveRef": "#"}}, "type": "object"},
            {"a": {}},
            {"a": 1},
        ),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"format": "email"}]},
            ["a@b.c"],
            ["a"],
        ),
        (True, 1, None),
    ],
)
def test_what_people_write_is_taken_and_told(document: Any, good: Any, bad: Any) -> None:
    schema = Schema(document, "input_schema")
    assert not schema.faults(good)
    assert schema.fits(good)
    if bad is not None:
        assert schema.faults(bad)
        assert not schema.fits(bad)


def test_what_is_deep_and_wide_is_counted_in_one_pass() -> None:
    """Counted level by level, 9,000 schemas 115 deep took three seconds."""

    def calls(levels: int) -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        schema = {"properties": {f"k{n}": nested({}, levels, "items") for n in range(1_000 // levels)}}
        sys.setprofile(note)
        try:
            SchemaCosts(schema)
        finally:
            sys.setprofile(None)
        return count

    assert calls(100) < 2 * calls(10)


def test_where_telling_every_fault_would_cost_too_much_one_sentence_tells_it() -> None:
    many = Schema({"items": {"type": "string"}}, "input_schema").faults([None] * 200_000)
    assert [(fault.field, fault.description) for fault in many] == [("/", NOT_TOLD)]
    large = Schema({"allOf": [{"type": "integer"}] * 1_400}, "input_schema").faults("x" * 1_000_000)
    assert [fault.description for fault in large] == [NOT_TOLD]
    numbers = Schema({"items": {"enum": list(range(200))}}, "input_schema").faults([1e-300] * 10)
    assert [fault.description for fault in numbers] == [NOT_TOLD]
    assert len(Schema({"items": {"type": "string"}}, "input_schema").faults([None] * 500)) == 20


def test_what_a_schema_takes_grows_with_its_text_and_its_patterns() -> None:
    small, patterned = (Schema(one, "x").memory_bytes for one in ({"type": "string"}, {"pattern": r"\w{9}"}))
    assert 0 < small < patterned
    assert Schema(None, "x").memory_bytes == 0
    assert Schema({"enum": ["x" * 1_000]}, "x").memory_bytes > 1_000
