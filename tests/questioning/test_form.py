"""The schema engine: what is missing, in which order, what answers say, and what a revision takes away."""

from typing import Any

import jsonschema_rs
import pytest

from servicekit.errors import ServiceError
from services.questioning.engines.engine import UnfitAnswerError, UnknownQuestionError
from services.questioning.engines.form import Form
from services.questioning.models import Known
from tests.questioning.forms import FILLED, SAID, SUPPLIER


def interviewed(form: Form, said: dict[str, Any]) -> tuple[dict[str, Known], list[str]]:
    """Answers to whatever is asked, one at a time, and the order in which it was asked."""
    answers: dict[str, Known] = {}
    order: list[str] = []
    while candidates := form.advance(answers).candidates:
        asked = candidates[0].id
        order.append(asked)
        answers[asked] = form.read(asked, said[asked], answers)
        assert len(order) <= len(said)
    return answers, order


def test_an_object_of_twelve_fields_is_filled_and_what_decides_is_asked_first() -> None:
    answers, order = interviewed(Form(SUPPLIER), SAID)
    done = Form(SUPPLIER).advance(answers)
    assert done.stopped == "complete"
    assert done.result == FILLED
    assert jsonschema_rs.is_valid(SUPPLIER, done.result)
    assert len(order) == 12
    assert set(order[:3]) == {"/country", "/kind", "/payment/by"}
    assert order.index("/vat_id") > order.index("/country")


def test_an_answer_that_does_not_fit_is_refused_in_words_that_help() -> None:
    form = Form(SUPPLIER)
    for field, said, words in (
        ("/country", "Spain", "Germany, France, United States"),
        ("/contact/email", "ada", "does not fit"),
        ("/start", "03/04/2027", "2027-03-31 or 31 March 2027"),
        ("/budget", "about 5", "number"),
        ("/reviewed", "maybe", "yes or no"),
        ("/company", "X", "does not fit"),
    ):
        with pytest.raises(UnfitAnswerError, match=words):
            form.read(field, said, {})
    with pytest.raises(UnknownQuestionError):
        form.read("/vat_id", "DE1", {})


def test_a_revision_asks_again_only_for_what_it_brings_and_drops_what_it_takes_away() -> None:
    form = Form(SUPPLIER)
    answers, _ = interviewed(form, SAID)
    moved = form.advance({**answers, "/country": Known("given", "United States")})
    assert [each.id for each in moved.candidates] == ["/state"]
    assert moved.not_applicable == ["/vat_id"]
    assert "vat_id" not in moved.result
    by_card = form.advance({**answers, "/payment/by": Known("given", "card")})
    assert [each.id for each in by_card.candidates] == ["/payment/limit"]
    assert by_card.not_applicable == ["/payment/iban"]


def test_an_answer_that_fits_no_more_is_asked_again_and_says_why() -> None:
    schema = {
        "properties": {"unit": {"enum": ["kg", "pieces"]}, "amount": {"type": "number"}},
        "required": ["unit", "amount"],
        "if": {"properties": {"unit": {"const": "pieces"}}},
        "then": {"properties": {"amount": {"type": "integer"}}},
    }
    progress = Form(schema).advance({"/unit": Known("given", "pieces"), "/amount": Known("given", 2.5)})
    assert [each.id for each in progress.candidates] == ["/amount"]
    assert "holds no longer" in progress.candidates[0].reason
    assert "amount" not in progress.result


def test_what_nobody_knows_is_not_asked_again_and_is_told_as_missing() -> None:
    form = Form(SUPPLIER)
    answers, _ = interviewed(
        form, {**SAID, "/budget": "I don\u2019t know", "/country": "rather not say", "/state": "TX"}
    )
    ended = form.advance(answers)
    assert ended.stopped == "nothing_left"
    assert ended.missing == ["/country", "/budget"]
    assert "budget" not in ended.result


def test_answers_that_fit_one_by_one_and_not_together_are_shown() -> None:
    schema = {
        "properties": {"list": {"type": "array", "items": {"type": "string"}}, "both": {"type": "integer"}},
        "required": ["list", "both"],
        "not": {"properties": {"both": {"const": 1}}, "required": ["both"]},
    }
    progress = Form(schema).advance({"/list": Known("given", ["a"]), "/both": Known("given", 1)})
    assert progress.stopped == "contradictory"
    assert progress.contradictions


def test_references_are_followed_and_a_schema_that_contains_itself_ends() -> None:
    schema: dict[str, Any] = {
        "$defs": {
            "name": {"type": "string", "minLength": 2},
            "node": {
                "properties": {"name": {"$ref": "#/$defs/name"}, "next": {"$ref": "#/$defs/node"}},
                "required": ["name"],
            },
        },
        "$ref": "#/$defs/node",
    }
    form = Form(schema)
    assert [each.id for each in form.advance({}).candidates] == ["/name"]
    with pytest.raises(UnfitAnswerError):
        form.read("/name", "x", {})
    schema["$defs"]["node"]["required"] = ["name", "next"]
    with pytest.raises(ServiceError):
        Form({"type": "string"})
    assert Form(schema).advance({}).candidates


def test_only_a_whole_question_or_the_same_form_recalls_an_earlier_answer() -> None:
    first = {each.id: each for each in Form(SUPPLIER).advance({}).candidates}
    other = {each.id: each for each in Form({**SUPPLIER, "title": "Customer"}).advance({}).candidates}
    assert first["/company"].fact == other["/company"].fact
    assert first["/contact/name"].fact != other["/contact/name"].fact
    assert first["/contact/name"].fact == {e.id: e for e in Form(SUPPLIER).advance({}).candidates}["/contact/name"].fact


def test_a_field_says_whether_earlier_answers_count() -> None:
    fields = {name: {"type": "string", "x-recall": name} for name in ("never", "confirm")} | {
        "else": {"type": "string"}
    }
    asked = {each.id: each for each in Form({"properties": fields, "required": list(fields)}).advance({}).candidates}
    assert {name: (bool(each.fact), each.recalled) for name, each in asked.items()} == {
        "/never": (False, False),
        "/confirm": (False, True),
        "/else": (True, True),
    }


def test_of_two_lists_of_values_both_hold_and_true_is_not_one() -> None:
    schema = {
        "required": ["a"],
        "properties": {"a": {"enum": [1, True, "x", {"b": 1, "c": 2}, 2.0]}},
        "allOf": [{"properties": {"a": {"enum": [1.0, "y", {"c": 2, "b": 1}, 2]}}}],
    }
    [asked] = Form(schema).advance({}).candidates
    assert asked.options == ["1", '{"b":1,"c":2}', "2.0"]


def test_an_answer_is_a_json_value_or_words_for_it_and_is_never_taken_for_another() -> None:
    properties: dict[str, Any] = {
        "level": {"enum": [1, True, "high"]},
        "levels": {"type": "array", "items": {"enum": [1, 2]}},
        # As pydantic writes optional ones, and enumerations with titles.
        "age": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
        "size": {"oneOf": [{"const": "s", "title": "small"}, {"const": "l", "title": "large"}]},
        "either": {"oneOf": [{"type": "boolean"}, {"type": "integer"}]},
        "any": {"type": ["string", "integer", "null"]},
        "whole": {"type": "integer"},
        "part": {"type": "number"},
    }
    form = Form({"required": list(properties), "properties": properties})
    asked = {each.id: (each.answer_type, each.options) for each in form.advance({}).candidates}
    assert asked["/age"] == ("integer", [])
    assert asked["/size"] == ("choice", ["s", "l"])
    for field, said, value in (
        ("/level", 1, 1),
        ("/level", True, True),
        ("/level", "TRUE", True),
        ("/levels", [2, "1"], [2, 1]),
        ("/age", "36", 36),
        ("/age", 36, 36),
        ("/size", "L", "l"),
        ("/either", "yes", True),
        ("/either", "5", 5),
        ("/either", 5, 5),
        ("/any", "5", "5"),
        ("/any", 5, 5),
        ("/whole", "9007199254740991", 2**53 - 1),
        ("/part", "0.1", 0.1),
        ("/part", "12345.5e-3", 12.3455),
    ):
        read = form.read(field, said, {}).value
        assert (read, type(read)) == (value, type(value)), field
    for field, said in (
        ("/level", 2),
        ("/age", -1),
        ("/either", "maybe"),
        ("/any", [5]),
        ("/whole", "9007199254740993"),
        ("/whole", 1e300),
        ("/part", "0.12345678901234567890123"),
        ("/part", "12345678901234567890"),
    ):
        with pytest.raises(UnfitAnswerError):
            form.read(field, said, {})


@pytest.mark.parametrize("before", ["text with b", 5, True, ["b"], {"b": 1}])
def test_what_becomes_an_object_by_a_revision_is_asked_for_anew_whatever_was_answered(before: Any) -> None:
    schema = {
        "required": ["kind", "a"],
        "properties": {
            "kind": {"enum": ["x", "y"]},
            "a": {},
            "own": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/o"}]},
        },
        "if": {"properties": {"kind": {"const": "x"}}},
        "then": {"required": ["own"], "properties": {"a": {"required": ["b"], "properties": {"b": {}}}}},
        "$defs": {"o": {"type": "object", "required": ["c"], "properties": {"c": {"const": 3}}}},
    }
    form = Form(schema)
    answers = {"/kind": Known("given", "y"), "/a": Known("given", before)}
    assert form.advance(answers).stopped == "complete"
    revised = form.advance({**answers, "/kind": Known("given", "x")})
    assert [each.id for each in revised.candidates] == ["/a/b"]
    assert revised.not_applicable == ["/a"]
    assert revised.result == {"kind": "x", "a": {}, "own": {"c": 3}}
