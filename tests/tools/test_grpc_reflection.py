"""gRPC reflection in both versions, and servers that describe themselves wrongly, at too great length or never."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import (
    ErrorResponse,
    FileDescriptorResponse,
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from services.tools.catalogue.grpc_tools import registration
from tests.tools.grpc_upstream import SERVICE, peer
from tests.tools.service import Replica, python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHOD = f"{SERVICE}/Echo"
Answer = Callable[[ServerReflectionRequest], Iterable[FileDescriptorProto | ErrorResponse | bytes]]


@pytest.mark.parametrize(
    ("versions", "asked"),
    [(("v1",), ["v1"]), (("v1alpha",), ["v1alpha"]), (("v1", "v1alpha"), ["v1"])],
)
async def test_either_version_of_reflection_is_enough_and_v1_is_asked_first(
    shared: Replica, versions: tuple[str, ...], asked: list[str]
) -> None:
    async with peer(versions=versions) as upstream:
        made = await shared.update(name="reflected", grpc={"target": upstream.target, "method": METHOD})
        assert upstream.reflected == asked
        assert "children" in python(made.input_schema)["properties"]
        assert (await shared.invoke("reflected", {"name": "x"})).status == "success"
        assert upstream.reflected == asked, "to call a method, nobody asks again"
    again = await refusal(shared.invoke("reflected", {"nme": 1}))
    assert again.reason == "ARGUMENTS_INVALID", "what the tool is stands, though its server is gone"


def _reflect(answer: Answer) -> Callable[[AsyncIterator[Any]], AsyncIterator[Any]]:
    async def reflect(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            described = list(answer(request))
            response = ServerReflectionResponse(original_request=request)
            if described and isinstance(described[0], ErrorResponse):
                response.error_response.CopyFrom(described[0])
            else:
                raw = [one if isinstance(one, bytes) else one.SerializeToString() for one in described]  # type: ignore[union-attr]
                response.file_descriptor_response.CopyFrom(FileDescriptorResponse(file_descriptor_proto=raw))
            yield response

    return reflect


def _file(name: str = "peer.proto", *imports: str, service: bool = True) -> FileDescriptorProto:
    file = FileDescriptorProto(name=name, package="peer.v1" if service else "", syntax="proto3", dependency=imports)
    if service:
        file.message_type.add(name="Tree")
        file.service.add(name="Peer").method.add(name="Echo", input_type=".peer.v1.Tree", output_type=".peer.v1.Tree")
    return file


def _endless(request: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    asked = request.file_by_filename
    number = int(asked.removesuffix(".proto")) if asked else 0
    return [_file(asked or "peer.proto", f"{number + 1}.proto", service=not asked)]


def _circle(request: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    if request.file_by_filename:
        return [_file("other.proto", "peer.proto", service=False)]
    return [_file("peer.proto", "other.proto")]


def _itself(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    return [_file("peer.proto", "peer.proto")]


def _many_imports(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    return [_file("peer.proto", *(f"{number}.proto" for number in range(100_000)))]


def _large(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    file = _file()
    file.options.java_package = "x" * 5_000_000
    return [file]


def _large_together(request: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    asked = request.file_by_filename
    number = int(asked.removesuffix(".proto")) if asked else 0
    file = _file(asked or "peer.proto", *([f"{number + 1}.proto"] if number < 9 else []), service=not asked)
    file.options.java_package = "x" * 1_000_000
    return [file]


def _deep(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    file = _file()
    for number in range(5_000):
        message = file.message_type.add(name=f"T{number}")
        message.field.add(
            name="next",
            number=1,
            type=FieldDescriptorProto.TYPE_MESSAGE,
            type_name=f".peer.v1.T{(number + 1) % 5_000}",
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    file.service[0].method[0].input_type = ".peer.v1.T0"
    return [file]


def _wide(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    file = _file()
    for number in range(1, 15_001):
        optional = FieldDescriptorProto.LABEL_OPTIONAL
        file.message_type[0].field.add(
            name=f"f{number}", number=number, type=FieldDescriptorProto.TYPE_INT32, label=optional
        )
    more = file.message_type.add(name="More")
    more.CopyFrom(file.message_type[0])
    more.name = "More"
    more.field.add(
        name="tree",
        number=15_001,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=".peer.v1.Tree",
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    file.service[0].method[0].input_type = ".peer.v1.More"
    return [file]


def _garbage(_: ServerReflectionRequest) -> Iterable[bytes]:
    return [b"\xff\xff\xff"]


def _contradicting(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    file = _file()
    file.service[0].method[0].input_type = ".peer.v1.Missing"
    return [file]


def _refused(_: ServerReflectionRequest) -> Iterable[ErrorResponse]:
    return [ErrorResponse(error_code=5, error_message="nobody has s3cret here")]


def _telling(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
    file = _file()
    optional = FieldDescriptorProto.LABEL_OPTIONAL
    file.message_type[0].field.add(name="s3cret", number=1, type=FieldDescriptorProto.TYPE_INT32, label=optional)
    return [file]


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (_endless, "more than 500 files"),
        (_circle, "describes itself wrongly"),
        (_itself, "describes itself wrongly"),
        (_many_imports, "more than 500 files"),
        (_large, "RESOURCE_EXHAUSTED"),
        (_large_together, "more than 2,097,152 bytes"),
        (_deep, "more than 100 levels"),
        (_wide, "more than 20,000 fields"),
        (_garbage, "no descriptor"),
        (_contradicting, "describes itself wrongly"),
        (_refused, "nobody has [masked] here"),
        (_telling, "a secret"),
    ],
)
async def test_a_server_that_describes_itself_badly_is_refused(shared: Replica, answer: Answer, part: str) -> None:
    async with peer(versions=("v1",), reflect=_reflect(answer)) as upstream:
        source = {"target": upstream.target, "method": METHOD, "metadata": {"authorization": "Bearer ${secret.token}"}}
        refused = await refusal(shared.create(name="bad", grpc=source))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "REFLECTION_FAILED")
    assert part in refused.message
    assert "s3cret" not in str(refused)


async def test_a_server_that_never_answers_is_given_up(shared: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "REFLECTION_SECONDS", 0.5)
    ended = asyncio.Event()

    async def silent(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        yield await anext(requests)

    async with peer(versions=("v1",), reflect=silent) as upstream:
        refused = await refusal(shared.create(name="silent", grpc={"target": upstream.target, "method": METHOD}))
        assert (refused.reason, "does not answer" in refused.message) == ("REFLECTION_FAILED", True)
        await ended.wait()


async def test_a_server_that_hangs_up_before_it_has_answered_is_refused(shared: Replica) -> None:
    async def hanging_up(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        await anext(requests)
        return
        yield

    async with peer(versions=("v1",), reflect=hanging_up) as upstream:
        refused = await refusal(shared.create(name="short", grpc={"target": upstream.target, "method": METHOD}))
    assert (refused.reason, "ended the conversation" in refused.message) == ("REFLECTION_FAILED", True)


async def test_files_of_google_that_a_server_leaves_out_are_known_here(shared: Replica) -> None:
    def without_options(request: ServerReflectionRequest) -> Iterable[FileDescriptorProto | ErrorResponse]:
        if request.file_by_filename:
            return [ErrorResponse(error_code=5, error_message="not found")]
        return [_file("peer.proto", "google/api/annotations.proto")]

    async with peer(versions=("v1",), reflect=_reflect(without_options)) as upstream:
        made = await shared.update(name="annotated", grpc={"target": upstream.target, "method": METHOD})
    assert made.kind == "grpc"


async def test_a_timestamp_is_what_it_is_everywhere_whatever_a_server_says(shared: Replica) -> None:
    def other(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
        timestamp = FileDescriptorProto(
            name="google/protobuf/timestamp.proto", package="google.protobuf", syntax="proto3"
        )
        timestamp.message_type.add(name="Timestamp")
        file = _file("peer.proto", timestamp.name)
        file.service[0].method[0].input_type = ".google.protobuf.Timestamp"
        return [file, timestamp]

    async with peer(versions=("v1",), reflect=_reflect(other)) as upstream:
        made = await shared.update(name="timed", grpc={"target": upstream.target, "method": METHOD})
    assert python(made.input_schema)["properties"] == {"value": {"type": "string", "format": "date-time"}}
    assert (await refusal(shared.invoke("timed", {"value": "yesterday"}))).reason == "ARGUMENTS_INVALID"


async def test_what_a_server_says_of_its_method_is_the_description_where_the_tool_has_none(shared: Replica) -> None:
    def commented(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
        file = _file()
        location = file.source_code_info.location.add(path=[6, 0, 2, 0], leading_comments=" Says it for s3cret.\n")
        location.span.extend([1, 1, 2])
        return [file]

    async with peer(versions=("v1",), reflect=_reflect(commented)) as upstream:
        source = {"target": upstream.target, "method": METHOD}
        assert (await shared.update(name="said", grpc=source)).description == "Says it for [masked]."
        assert (await shared.update(name="said", grpc=source, description="Mine.")).description == "Mine."


async def test_an_update_asks_the_server_anew(shared: Replica) -> None:
    fields = ["first"]

    def growing(_: ServerReflectionRequest) -> Iterable[FileDescriptorProto]:
        file = _file()
        for number, name in enumerate(fields, start=1):
            optional = FieldDescriptorProto.LABEL_OPTIONAL
            file.message_type[0].field.add(
                name=name, number=number, type=FieldDescriptorProto.TYPE_INT32, label=optional
            )
        return [file]

    async with peer(versions=("v1",), reflect=_reflect(growing)) as upstream:
        source = {"target": upstream.target, "method": METHOD}
        before = await shared.update(name="growing", grpc=source)
        fields.append("second")
        assert (await refusal(shared.invoke("growing", {"second": 2}))).reason == "ARGUMENTS_INVALID"
        after = await shared.update(name="growing", grpc=source)
        assert sorted(python(after.input_schema)["properties"]) == ["first", "second"]
        assert after.etag != before.etag
