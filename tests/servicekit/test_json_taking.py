"""What is put into a message the quick way is what json_format makes of it, and where that refuses, so does this."""

from typing import Any

import pytest
from google.protobuf import json_format
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


def objects(descriptor: Any, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of which every name is a field, as the reader has seen to it before, each by one of its names."""
    by_field: dict[str, Member] = {}
    for name, member in members(descriptor).items():
        # One of each oneof, too.
        by_field[member.oneof or member.field.name] = member
        del name
    return st.fixed_dictionaries(
        {}, optional={each.field.json_name: value_of(each, depth) for each in by_field.values()}
    )


def value_of(member: Member, depth: int) -> st.SearchStrategy[Any]:
    place = member.place
    if place is FREE:
        return FREE_JSON
    if place is SCALAR:
        return st.lists(SIMPLE, max_size=2) | SIMPLE if member.field.is_repeated else SIMPLE
    if place.GetOptions().map_entry:  # type: ignore[union-attr]
        return st.dictionaries(TEXT, SIMPLE | TEXT, max_size=3)
    inner = objects(place, depth - 1) if depth else st.just({})
    return st.lists(inner, max_size=3) if member.is_list else inner


def outcome(put: Any, document: dict[str, Any], message: Message) -> Message | None:
    try:
        put(document, message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError):
        return None
    return message


@pytest.mark.parametrize("request_class", REQUESTS, ids=lambda each: each.DESCRIPTOR.name)
def test_what_is_taken_is_what_json_format_takes(request_class: type[Message]) -> None:
    taken = 0

    @given(objects(request_class.DESCRIPTOR))
    def compare(document: dict[str, Any]) -> None:
        nonlocal taken
        wanted = outcome(json_format.ParseDict, document, request_class())
        found = outcome(lambda body, into: take(body, into, 100), document, request_class())
        assert (found is None) == (wanted is None)
        if wanted is not None and found is not None:
            assert found.SerializeToString(deterministic=True) == wanted.SerializeToString(deterministic=True)
            taken += bool(wanted.ByteSize())

    compare()
    assert taken > 0
