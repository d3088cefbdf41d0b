"""JSON bodies are taken as they are, or refused with the field's name; nothing is dropped, rounded or cut."""

import gzip
import json
import threading
from typing import Any

import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldOptions, FileDescriptorProto, MessageOptions
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from qmcp.hitl.v1 import request_pb2
from qmcp.options.v1 import options_pb2
from qmcp.tools.v1 import invocation_pb2
from qmcp.tools.v1 import tools_service_pb2 as pb

from servicekit.errors import ServiceError
from servicekit.http_json import calls, counting, events, reading
from servicekit.http_json.writing import write, write_as_original
from servicekit.large import LARGE_BYTES
from servicekit.methods import methods_of
from servicekit.request_context import RequestContext

SERVICE = pb.DESCRIPTOR.services_by_name["ToolsService"]
INVOKE = pb.InvokeToolRequest(name="echo")
UPDATE = pb.UpdateToolRequest(tool={"name": "a"})


def read(body: Any, bound: Any = INVOKE, field: str = "*") -> Any:
    return reading.read(body if isinstance(body, bytes) else json.dumps(body).encode(), bound, field)


def refused(body: Any, bound: Any = INVOKE, field: str = "*") -> list[tuple[str, str]]:
    with pytest.raises(ServiceError) as caught:
        read(body, bound, field)
    assert caught.value.reason == "INVALID_REQUEST"
    return [(violation.field, violation.description) for violation in caught.value.violations]


def nested(levels: int, opening: bytes = b'{"d":', closing: bytes = b"}") -> bytes:
    """A body with an `input` below which there are so many levels, the input's own counted."""
    return b'{"input":{"d":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}}"


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b"\xef\xbb\xbf{}"])
def test_nothing_is_an_empty_object_and_a_byte_order_mark_is_no_part_of_it(body: bytes) -> None:
    assert read(body) == INVOKE


def test_what_path_and_query_said_stays() -> None:
    given = read({"input": {"a": 1}}, pb.InvokeToolRequest(name="echo", correlation_id="c"))
    assert (given.name, given.correlation_id, dict(given.input)) == ("echo", "c", {"a": 1.0})


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"{'input': {}}", "is not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        (b'{"input": {},}', "is not JSON: "),
        (b'{"input": {} /* no */}', "is not JSON: "),
        (b"{} {}", "is not JSON: Extra data"),
        (b'{"input": {"a": NaN}}', "is not JSON: there is no number NaN"),
        (b'{"input": {"a": -Infinity}}', "is not JSON: there is no number -Infinity"),
        (b'{"input": {"a": "\xff"}}', "is not UTF-8 at byte 17"),
        (b"[]", "must be a JSON object"),
        (b"7", "must be a JSON object"),
        (b'{"input": {"a": ' + b"1" * 5000 + b"}}", "holds an integer of thousands of digits"),
        (b'{"input": ' + b"[" * 100_000, "is nested deeper than 68 levels"),
    ],
)
def test_what_is_no_json_is_refused_in_words(body: bytes, what: str) -> None:
    [(field, description)] = refused(body)
    assert field == ""
    assert description.startswith(what)


@pytest.mark.parametrize(
    ("body", "bound", "field", "path"),
    [
        ({"inptu": {}}, INVOKE, "*", "inptu"),
        ({"name": "a", "aproval": {"mode": "always"}}, UPDATE, "tool", "aproval"),
        ({"approval": {"mod": "always"}}, UPDATE, "tool", "approval.mod"),
        ({"approval": {"groups": [{"a": 1}]}}, UPDATE, "tool", "approval.groups"),
        ({"http": {"headers": {"a": 5}}}, UPDATE, "tool", "http.headers"),
        ({"timeout_seconds": "soon"}, UPDATE, "tool", "timeout_seconds"),
        ({"tags": "one"}, UPDATE, "tool", "tags"),
        ({"title": 5}, UPDATE, "tool", "title"),
        ({"input": 5}, INVOKE, "*", "input"),
        ({"input": {"a": "\ud800"}}, INVOKE, "*", "input.a"),
        ({"input": {"a": [{"\udc00": 1}]}}, INVOKE, "*", "input.a[0].?"),
        ({"name": "another"}, INVOKE, "*", "name"),
        ({"name": "another"}, UPDATE, "tool", "tool.name"),
        ({"http": {}, "grpc": {}}, UPDATE, "tool", "grpc"),
        ({"timeoutSeconds": 1, "timeout_seconds": 1}, UPDATE, "tool", "timeout_seconds"),
        ({"approval": {"timeout_seconds": 1, "timeoutSeconds": None}}, UPDATE, "tool", "approval.timeoutSeconds"),
    ],
)
def test_the_field_at_fault_is_named(body: Any, bound: Any, field: str, path: str) -> None:
    assert [where for where, _ in refused(body, bound, field)] == [path]


def test_a_slip_of_the_pen_is_told_what_was_meant() -> None:
    assert refused({"aproval": {}}, UPDATE, "tool") == [("aproval", "is no field of Tool; approval is one")]


def test_names_that_stand_twice_are_refused_at_any_depth() -> None:
    assert refused(b'{"input": {"a": {"b": 1, "c": 2, "b": 3}}}') == [("b", "stands more than once in the same object")]


def test_protobufs_own_spelling_of_names_is_taken() -> None:
    assert read({"correlationId": "c"}).correlation_id == "c"


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 1234567890123456789, 10**400])
def test_an_integer_that_a_double_cannot_carry_is_refused_and_passes_as_a_string(number: int) -> None:
    [(field, description)] = refused({"input": {"list": [{"id": number}]}})
    assert field == "input.list[0].id"
    assert "send it as a string" in description
    assert read({"input": {"id": str(number)}}).input["id"] == str(number)


@pytest.mark.parametrize("number", [0, -1, 2**53, 2**60, 0.1, -1.5e300])
def test_other_numbers_come_through_as_they_are(number: float) -> None:
    assert read({"input": {"n": number}}).input["n"] == number


def test_a_number_beyond_all_is_refused() -> None:
    assert refused(b'{"input": {"n": 1e400}}') == [("input.n", "is a number beyond what JSON's numbers can carry")]


def test_sixty_three_levels_of_input_pass_and_sixty_four_do_not() -> None:
    assert read(nested(63)).HasField("input")
    assert read(nested(63, b"[", b"]")).HasField("input")
    for body in (nested(68), nested(68, b"[", b"]")):
        [(field, description)] = refused(body)
        assert field.startswith("input.d")
        assert description == "is nested deeper than 68 levels"


def test_values_are_bounded_whatever_their_bytes() -> None:
    assert len(read({"input": {"a": [None] * 40_000}}).input["a"]) == 40_000
    assert refused({"input": {"a": [None] * 60_000}}) == [("", "holds more than 50,000 values")]


def lists(*values: str) -> str:
    """A list of these, as text."""
    return f"[{','.join(values)}]"


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (lists(*["1"] * 11), False),
        (lists(*["1"] * 12), True),
        (lists(*["[]"] * 10), False),
        (lists(*["{}"] * 12), True),
        ("[" + "[" * 20 + "]" * 20 + "]", True),
        # Commas and brackets in strings are none.
        (lists(*['"' + ",[{" * 40 + '"'] * 10), False),
        (lists(*['"\\"' + "," * 40 + '"'] * 10), False),
        (lists(*['"' + r"\"" * 2_500 + '"'] * 12), True),
        ('{"' + '","' * 30 + '"}', True),
        # No JSON: the reader tells.
        ('"' * 1_000 + "," * 20, False),
        ("[" * 2_000, True),
    ],
)
def test_values_are_counted_before_a_text_is_read(text: str, more: bool) -> None:
    assert counting.holds_more(text, 10) is more


def test_a_name_that_stands_twice_among_many_or_is_long_is_told_in_short() -> None:
    twice = {f"{number}": 1 for number in range(20_000)}
    body = json.dumps({"input": twice})[:-2] + ',"19999":1}}'
    assert refused(body.encode()) == [("19999", "stands more than once in the same object")]
    [(field, description)] = refused({"x" * 1_000_000: 1})
    assert (field, description) == ("x" * 100, "is no field of InvokeToolRequest")


async def test_a_packed_body_may_grow_to_what_grpc_takes_and_no_further() -> None:
    [method] = [one for one in methods_of(pb.DESCRIPTOR.services_by_name["ToolsService"]) if one.name == "InvokeTool"]
    body = json.dumps({"input": {"a": "x" * 2_000}}).encode()
    transcoded = options_pb2.TranscodedBody(body=HttpBody(content_type="application/json", data=gzip.compress(body)))

    async def read_with(most: int) -> Message:
        call = RequestContext({"content-encoding": "gzip"}, method)
        return await calls.request_of(
            method, pb.InvokeToolRequest.FromString(transcoded.SerializeToString()), call, most
        )

    assert (await read_with(len(body))).input["a"] == "x" * 2_000
    with pytest.raises(ServiceError, match=f"larger than {len(body) - 1} bytes") as caught:
        await read_with(len(body) - 1)
    assert caught.value.http_status == 413


def test_of_many_faults_the_first_twenty_are_told() -> None:
    assert len(refused({f"f{number}": 1 for number in range(100)})) == reading.MAX_VIOLATIONS


def test_an_empty_object_is_not_an_absent_one() -> None:
    assert read({}, pb.CreateToolRequest(), "tool").HasField("tool")


def test_answers_have_proto_names_zeros_and_long_integers_as_strings() -> None:
    answer = pb.ListInvocationsResponse(invocations=[{"id": "1", "tool_name": "echo"}], count=0)
    written = json.loads(write(answer))
    assert (written["count"], written["next_page_token"], written["invocations"][0]["tool_name"]) == (0, "", "echo")
    struct = Struct()
    struct.update({"whole": 7, "half": 0.5, "nothing": None})
    assert json.loads(write(struct)) == {"whole": 7, "half": 0.5, "nothing": None}


def test_on_an_originals_route_what_is_empty_is_null_at_any_depth() -> None:
    answer = pb.ListInvocationsResponse(invocations=[{"id": "1", "duration_ms": 0, "input_params": {}}])
    [row] = json.loads(write_as_original(answer))["invocations"]
    assert {name for name, value in row.items() if value is None} == {"error", "correlation_id", "completed_at"}
    assert (row["duration_ms"], row["input_params"]) == (0, {}), "zero and an empty object are something"
    [tool] = json.loads(write_as_original(pb.ListToolsResponse(tools=[{"name": "a"}])))["tools"]
    assert tool["input_schema"] == {}
    asked = request_pb2.HumanRequest(options=["a"], response={"responded_by": "local"}, votes=[{"responded_by": "ann"}])
    shown = json.loads(write_as_original(asked))
    assert (shown["options"], shown["response"]["responded_by"], shown["votes"][0]["responded_by"]) == (
        ["a"],
        None,
        "ann",
    )
    assert "completed_at" not in json.loads(write(answer))["invocations"][0]


def test_a_message_that_counts_itself_is_an_event_with_an_id() -> None:
    told = events.event(request_pb2.HumanRequestEvent(sequence=7, kind="created"))
    assert told.startswith(b'id: 7\ndata: {"')
    assert told.endswith(b"}\n\n")


async def test_a_large_event_is_written_in_the_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    monkeypatch.setattr(calls, "event", lambda _: b"%d" % (threads.append(threading.get_ident()) or 1))
    method = next(each for each in methods_of(SERVICE) if each.name == "WatchInvocation")
    for size in (1, LARGE_BYTES):
        await calls.event_of(method, request_pb2.HumanRequestEvent(kind="x" * size))
    assert [each == threading.get_ident() for each in threads] == [True, False]


@pytest.mark.parametrize(
    "message",
    [
        request_pb2.HumanRequestEvent(sequence=7, kind="heartbeat"),
        invocation_pb2.InvocationEvent(sequence=7, heartbeat={}),
    ],
    ids=["by its kind", "by its field"],
)
def test_a_heartbeat_is_a_comment(message: Message) -> None:
    assert events.event(message) == b": heartbeat\n\n"


@pytest.mark.parametrize("field", ["annotations", "approval", "http"])
@pytest.mark.parametrize("value", [[], "", 0, False, [{}], "{}"])
def test_nothing_but_an_object_is_a_message(field: str, value: object) -> None:
    """An empty list passed for an approval without fields, which asks nobody."""
    assert refused({field: value}, UPDATE, "tool") == [(field, "must be an object")]


def test_values_of_a_map_that_says_so_are_taken_as_the_text_that_json_has_for_them() -> None:
    file = FileDescriptorProto(name="scalars.proto", package="scalars", syntax="proto3")
    file.dependency.append("qmcp/options/v1/options.proto")
    marked = FieldOptions()
    marked.Extensions[options_pb2.json_scalars] = True
    event = file.message_type.add(name="Event")
    entry = event.nested_type.add(name="LabelsEntry", options=MessageOptions(map_entry=True))
    for number, name in enumerate(("key", "value"), 1):
        entry.field.add(name=name, number=number, type=9, label=1)
    event.field.add(
        name="labels",
        number=1,
        type=11,
        label=3,
        type_name=".scalars.Event.LabelsEntry",
        options=marked,
        json_name="labels",
    )
    batch = file.message_type.add(name="Batch")
    batch.field.add(name="events", number=1, type=11, label=3, type_name=".scalars.Event", json_name="events")
    pool = descriptor_pool.Default()
    pool.Add(file)
    batch_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("scalars.Batch"))
    body = {"events": [{"labels": {"a": True, "b": 7, "c": 1.5, "d": "x", "e": None}}]}
    assert dict(read(body, batch_class()).events[0].labels) == {"a": "true", "b": "7", "c": "1.5", "d": "x"}
    for wrong in ([], {}):
        assert refused({"events": [{"labels": {"a": wrong}}]}, batch_class()) != []
