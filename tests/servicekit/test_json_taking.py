"""What is put into a message the quick way is what json_format makes of it, and where that refuses, so does this."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.metrics.v1 import metrics_service_pb2, query_pb2
from qmcp.tools.v1 import tools_service_pb2

from servicekit.http_json.members import FREE, SCALAR, Member, members
from servicekit.http_json.reading import _take_judged
from servicekit.http_json.taking import take
from servicekit.http_json.usual import take_usual
from servicekit.json_values import MAX_VALUES

# Values of the usual form of each type, and of others that clients send for it.
STRANGE = st.sampled_from(
    [None, True, 0, -1, 2**31, 2**63, 2**64, 10**400, 1.5, -0.0, 1e308, float("inf"), "", "1", "é\x00"]
)
TEXT = st.text(st.characters(), max_size=3)
SIMPLE = STRANGE | TEXT | st.integers() | st.floats(allow_nan=False) | st.booleans()
FREE_JSON = st.recursive(
    SIMPLE, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2), max_leaves=4
)
REQUESTS = [
    metrics_service_pb2.IngestMetricsRequest,
    query_pb2.QueryMetricsRequest,
    tools_service_pb2.UpdateToolRequest,
    tools_service_pb2.InvokeToolRequest,
    hitl_service_pb2.CreateHumanRequestRequest,
]


# What json_format takes of each type, by those of protobuf.
F = FieldDescriptor
LETTERS = st.text("aé€", max_size=3)
USUAL: dict[Any, st.SearchStrategy[Any]] = {
    F.TYPE_STRING: LETTERS,
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_DOUBLE: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6),
    F.TYPE_BYTES: st.just("AAAA"),
    "google.protobuf.Timestamp": st.just("2026-11-28T09:00:00.5Z"),
    "google.protobuf.Duration": st.just("1.5s"),
    "google.protobuf.Struct": st.dictionaries(LETTERS, st.integers(0, 9) | LETTERS | st.none(), max_size=2),
    "google.protobuf.Value": st.none() | st.integers(0, 9) | st.lists(LETTERS, max_size=2),
}


def usual(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([each.name for each in field.enum_type.values])
    return USUAL.get(field.message_type.full_name if field.message_type else field.type, st.integers(0, 99))


def objects(
    descriptor: Any, depth: int = 3, *, strange: bool, by: str = "json_name"
) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of which every name is a field, as the reader has seen to it before, each by one of its names."""
    # One of each oneof, too.
    chosen = {member.oneof or member.field.name: member for member in members(descriptor).values()}
    return st.fixed_dictionaries(
        {},
        optional={getattr(each.field, by): value_of(each, depth, strange=strange, by=by) for each in chosen.values()},
    )


def value_of(member: Member, depth: int, *, strange: bool, by: str) -> st.SearchStrategy[Any]:
    place = member.place
    if place in {FREE, SCALAR}:
        found = usual(member.field)
        if strange:
            found = found | (FREE_JSON if place is FREE else SIMPLE)
        return st.lists(found, max_size=2) if member.field.is_repeated else found
    if place.GetOptions().map_entry:  # type: ignore[union-attr]
        value = usual(place.fields_by_name["value"])  # type: ignore[union-attr]
        return (
            st.dictionaries(TEXT, SIMPLE | value, max_size=3)
            if strange
            else st.dictionaries(LETTERS, value, max_size=3)
        )
    inner = objects(place, depth - 1, strange=strange, by=by) if depth else st.just({})
    return st.lists(inner, max_size=3) if member.is_list else inner


def outcome(put: Any, body: dict[str, Any], message: Message) -> bytes | None:
    try:
        put(body, message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize("request_class", REQUESTS, ids=lambda each: each.DESCRIPTOR.name)
def test_what_is_taken_is_what_json_format_takes(request_class: type[Message]) -> None:
    def both(body: dict[str, Any]) -> bytes | None:
        wanted = outcome(json_format.ParseDict, body, request_class())
        assert outcome(lambda given, into: take(given, into, 100), body, request_class()) == wanted
        return wanted

    @given(objects(request_class.DESCRIPTOR, strange=False))
    def usual_ones(body: dict[str, Any]) -> None:
        assert both(body) is not None

    @given(objects(request_class.DESCRIPTOR, strange=True))
    def strange_ones(body: dict[str, Any]) -> None:
        both(body)

    usual_ones()
    strange_ones()


@pytest.mark.parametrize("request_class", REQUESTS, ids=lambda each: each.DESCRIPTOR.name)
def test_what_is_taken_in_one_walk_is_what_the_reader_that_judges_takes(request_class: type[Message]) -> None:
    took = 0

    def both(document: dict[str, Any]) -> None:
        nonlocal took
        quick = request_class()
        if not take_usual(document, quick):
            return
        # As it came: the reader that judges is given what was read, and writes into it.
        judged = request_class()
        _take_judged(json.loads(json.dumps(document)), judged, MAX_VALUES)
        assert quick.SerializeToString(deterministic=True) == judged.SerializeToString(deterministic=True)
        took += 1

    @given(objects(request_class.DESCRIPTOR, strange=False, by="name"))
    def usual_ones(document: dict[str, Any]) -> None:
        both(document)

    @given(objects(request_class.DESCRIPTOR, strange=True, by="name"))
    def strange_ones(document: dict[str, Any]) -> None:
        both(document)

    usual_ones()
    assert took > 10, "nearly all that comes"
    strange_ones()


BATCH = {
    "service": "s",
    "metrics": [
        {
            "type": "custom",
            "value": 1,
            "duration_ms": 2.5,
            "dimensions": {"a": "b", "c": 1, "d": True, "e": 0.25},
            "metadata": {"list": [1, None, {"x": "é"}], "n": 1.5},
            "at": "2026-11-28T09:00:00.5Z",
        },
        {"type": "custom", "value": -0.0, "timestamp": "2026-11-28T09:00:00Z", "dimensions": {}, "metadata": {}},
    ],
}


def test_a_batch_as_clients_send_it_is_of_the_usual_form() -> None:
    quick, judged = metrics_service_pb2.IngestMetricsRequest(), metrics_service_pb2.IngestMetricsRequest()
    assert take_usual(BATCH, quick)
    _take_judged(json.loads(json.dumps(BATCH)), judged, MAX_VALUES)
    assert quick == judged
    assert dict(quick.metrics[0].dimensions) == {"a": "b", "c": "1", "d": "true", "e": "0.25"}


@pytest.mark.parametrize(
    "metric",
    [
        {"typ": "custom"},
        {"value": "1"},
        {"value": None},
        {"value": True},
        {"value": 2**53 + 1},
        {"value": float("inf")},
        {"value": 1, "durationMs": 2},
        {"dimensions": {"a": None}},
        {"dimensions": {"a": [1]}},
        {"dimensions": {"a": 2**53 + 1}},
        {"dimensions": {"a": "\ud800"}},
        {"dimensions": []},
        {"type": "\ud800"},
        {"metadata": {"a": 2**53 + 1}},
        {"metadata": {"a": "\ud800"}},
        {"metadata": {"\ud800": 1}},
        {"metadata": {"a": [[[[[[[[[[1]]]]]]]]]]}},
        {"at": "yesterday"},
        {"at": 5},
        [],
        None,
    ],
    ids=str,
)
def test_what_is_not_of_the_usual_form_is_left_to_the_reader_that_judges(metric: Any) -> None:
    assert not take_usual({"service": "s", "metrics": [metric]}, metrics_service_pb2.IngestMetricsRequest())
