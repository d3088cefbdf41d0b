"""What is put into a message the quick way is what json_format makes of it, and where that refuses, so does this."""

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
from servicekit.http_json.taking import take

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


def objects(descriptor: Any, depth: int = 3, *, strange: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of which every name is a field, as the reader has seen to it before, each by one of its names."""
    # One of each oneof, too.
    chosen = {member.oneof or member.field.name: member for member in members(descriptor).values()}
    return st.fixed_dictionaries(
        {}, optional={each.field.json_name: value_of(each, depth, strange=strange) for each in chosen.values()}
    )


def value_of(member: Member, depth: int, *, strange: bool) -> st.SearchStrategy[Any]:
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
    inner = objects(place, depth - 1, strange=strange) if depth else st.just({})
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
