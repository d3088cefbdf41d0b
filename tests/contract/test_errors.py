"""Whatever is sent, the answer is an answer or a declared error; and both carry the ids."""

import asyncio
import re
from random import Random
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from qmcp.options.v1 import options_pb2

from gateway.openapi.contract import constraints
from tests.contract.running import Refusal, Running, refusal, request_class
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIXTEEN_HEX = re.compile(r"^[0-9a-f]{16}$")
LIMIT = 4 * 1024 * 1024
NEVER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNIMPLEMENTED}
MAX_DEPTH = 3
GUARD_SECONDS = 60.0


def texts_of(method: MethodDescriptor) -> list[FieldDescriptor]:
    texts = [f for f in method.input_type.fields if f.type == FieldDescriptor.TYPE_STRING and not f.is_repeated]
    # What carries a document is as long as a message may be.
    return [f for f in texts if not f.GetOptions().Extensions[options_pb2.json_of]]


def maps_of_texts(message: Descriptor) -> list[FieldDescriptor]:
    maps = [field for field in message.fields if field.message_type and field.message_type.GetOptions().map_entry]
    return [field for field in maps if field.message_type.fields_by_name["value"].message_type is None]


UNARY = [
    pytest.param(subject, method, id=f"{subject.name}-{method.name}")
    for subject in SUBJECTS
    for method in subject.service.methods
    if not method.server_streaming and not method.client_streaming
]
every_unary_rpc = pytest.mark.parametrize(("subject", "method"), UNARY)
every_unary_rpc_that_takes_a_text = pytest.mark.parametrize(
    ("subject", "method"), [rpc for rpc in UNARY if texts_of(rpc.values[1])]
)
every_stream_that_takes_a_text = pytest.mark.parametrize(
    ("subject", "method"),
    [
        pytest.param(subject, method, id=f"{subject.name}-{method.name}")
        for subject in SUBJECTS
        for method in subject.service.methods
        if method.server_streaming and texts_of(method)
    ],
)
every_rpc_that_takes_a_map = pytest.mark.parametrize(
    ("subject", "method", "field"),
    [
        pytest.param(subject, method, field.name, id=f"{subject.name}-{method.name}-{field.name}")
        for subject in SUBJECTS
        for method in subject.service.methods
        for field in method.input_type.fields
        if field.message_type is not None and not field.is_repeated and maps_of_texts(field.message_type)
    ],
)

# How often garbage is sent to each RPC; which, is the same each time.
PIECES = 25
WHOLE = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
}
FRACTIONS = (0.0, -0.0, 0.5, -1.0, 1e300, 5e-324, float("inf"), float("-inf"), float("nan"))


class Garbage:
    """Messages with fields of any content: sometimes valid, mostly not."""

    def __init__(self, words: tuple[str, ...], seed: str) -> None:
        self._words = words
        self._random = Random(seed)

    def message(self, described: Descriptor, depth: int = 0) -> Message:
        made = message_factory.GetMessageClass(described)()
        for field in described.fields:
            if field.containing_oneof is not None and made.WhichOneof(field.containing_oneof.name):
                continue
            if depth < MAX_DEPTH and self._random.random() < 0.5:
                self._fill(made, field, depth)
        return made

    def _fill(self, made: Message, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            target = getattr(made, field.name)
            value = field.message_type.fields_by_name["value"]
            for key in [self._text() for _ in range(self._random.randrange(4))]:
                if value.message_type is None:
                    target[key] = self._text()
                else:
                    target[key].CopyFrom(self.message(value.message_type, depth + 1))
        elif field.is_repeated:
            target = getattr(made, field.name)
            for _ in range(self._random.randrange(4)):
                if field.message_type is None:
                    target.append(self._scalar(field))
                else:
                    target.add().CopyFrom(self.message(field.message_type, depth + 1))
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(self.message(field.message_type, depth + 1))
            getattr(made, field.name).SetInParent()
        else:
            setattr(made, field.name, self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Any:
        if field.type in WHOLE:
            least, most = WHOLE[field.type]
            return self._random.choice((least, most, *(max(least, self._random.randrange(-2, 502)) for _ in range(3))))
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return self._random.choice((*FRACTIONS, self._random.uniform(-1e6, 1e6)))
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._random.random() < 0.5
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self._random.choice(field.enum_type.values).number
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._random.randbytes(self._random.choice((32, self._random.randrange(41))))
        assert field.type == FieldDescriptor.TYPE_STRING, field.full_name
        return self._text()

    def _text(self) -> str:
        match self._random.randrange(4):
            case 0:
                return self._random.choice(("", *self._words))
            case 1:
                return "x" * 10_000
            case 2:
                return str(UUID(int=self._random.getrandbits(128)))
        return "".join(self._character() for _ in range(self._random.randrange(41)))

    def _character(self) -> str:
        """Any, by turns of few bits and of many; surrogates cannot be sent, NUL and all other control characters can."""
        code = self._random.randrange(1 << self._random.choice((5, 7, 8, 16, 20)))
        return chr(code) if not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def require_declared(running: Running, refused: Refusal) -> None:
    assert refused.code not in NEVER, refused
    assert refused.reason in running.declared(), refused
    assert refused.domain == f"{running.service.full_name.split('.')[1]}.qmcp"
    assert refused.message
    assert refused.metadata["request_id"] == refused.trailers["x-request-id"]


@every_unary_rpc
async def test_garbage_is_answered_or_refused_with_a_declared_reason(
    shared: Running, subject: Subject, method: MethodDescriptor
) -> None:
    garbage = Garbage(subject.words, method.full_name)
    for _ in range(PIECES):
        request = garbage.message(method.input_type)
        answer = await shared.call(method.name, request, seconds=10)
        if isinstance(answer, Refusal):
            require_declared(shared, answer)
        else:
            assert answer.trailers["x-request-id"], request


# No text of a request may be so long, but for documents, which say how long they may be.
LONGER_THAN_ANY = 120_000


@every_unary_rpc_that_takes_a_text
async def test_a_text_past_its_bound_is_named(shared: Running, method: MethodDescriptor) -> None:
    for field in texts_of(method):
        longer = max(LONGER_THAN_ANY, constraints(field).string.max_len + 1)
        refused = await shared.refused(method.name, request_class(method)(**{field.name: "x" * longer}))
        require_declared(shared, refused)
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert field.name in refused.fields


@every_unary_rpc_that_takes_a_text
async def test_an_error_of_a_call_carries_the_callers_ids(shared: Running, method: MethodDescriptor) -> None:
    ids = {"x-request-id": "request-7", "x-correlation-id": "piece-of-work-9"}
    request = request_class(method)(**{texts_of(method)[0].name: "x" * 5_000})
    refused = await shared.refused(method.name, request, ids)
    assert ids.items() <= refused.trailers.items()


async def test_an_answer_carries_the_callers_ids_and_else_new_ones(shared: Running, subject: Subject) -> None:
    name = subject.reading
    ids = {"x-request-id": "request-7", "x-correlation-id": "piece-of-work-9"}
    answer = await shared.call(name, metadata=ids)
    assert ids.items() <= answer.trailers.items()
    made = await shared.call(name)
    assert SIXTEEN_HEX.fullmatch(made.trailers["x-request-id"])
    assert SIXTEEN_HEX.fullmatch(made.trailers["x-correlation-id"])
    assert made.trailers["x-request-id"] != (await shared.call(name)).trailers["x-request-id"]


@pytest.mark.parametrize("header", ["x-request-id", "x-correlation-id", "idempotency-key"])
async def test_a_header_that_names_one_thing_is_refused_where_it_comes_twice(
    shared: Running, subject: Subject, header: str
) -> None:
    name = subject.reading
    rpc = shared.channel.unary_unary(f"/{shared.service.full_name}/{name}")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rpc(b"", metadata=((header, "one"), (header, "two")))
    require_declared(shared, refusal(refused.value))
    assert refusal(refused.value).reason == "INVALID_REQUEST"
    assert refusal(refused.value).fields == (header,)


async def test_a_message_past_the_limit_is_refused_and_the_next_is_served(shared: Running, subject: Subject) -> None:
    name = subject.reading
    rpc = shared.channel.unary_unary(f"/{shared.service.full_name}/{name}")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rpc(b"\x7a" + b"x" * (LIMIT + 1))
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    await shared.must(name)


async def test_bytes_that_are_no_message_fail_that_call_only(shared: Running, subject: Subject) -> None:
    name = subject.reading
    rpc = shared.channel.unary_unary(f"/{shared.service.full_name}/{name}")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rpc(b"\xff\xff\xff")
    require_declared(shared, refusal(refused.value))
    await shared.must(name)


async def test_a_call_that_ends_before_its_request_is_refused_at_once(shared: Running) -> None:
    """gRPC's own handlers would leave it open for as long as the caller is there, with nobody asked who that is."""
    for method in shared.service.methods:
        if not method.client_streaming:
            call = shared.channel.stream_stream(f"/{shared.service.full_name}/{method.name}")(iter(()))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await asyncio.wait_for(call.read(), GUARD_SECONDS)
            require_declared(shared, refusal(refused.value))
            assert refusal(refused.value).reason == "INVALID_REQUEST"


@every_rpc_that_takes_a_map
async def test_an_error_about_long_and_many_things_still_arrives(
    shared: Running, method: MethodDescriptor, field: str
) -> None:
    """Trailers past 8 KB do not reach the caller, so an error says as much as there is room for."""
    request = request_class(method)()
    message = getattr(request, field)
    for entries in maps_of_texts(message.DESCRIPTOR):
        for number in range(40):
            getattr(message, entries.name)[f"{number}" + "\N{SNOWMAN}" * 3_000] = "x" * 5_000
    refused = await shared.refused(method.name, request)
    require_declared(shared, refused)
    assert refused.fields


@every_stream_that_takes_a_text
async def test_a_stream_refuses_as_a_single_answer_does(shared: Running, method: MethodDescriptor) -> None:
    rpc = shared.channel.unary_stream(
        f"/{shared.service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
    )
    request = request_class(method)(**{texts_of(method)[0].name: "x" * 5_000})
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in rpc(request, metadata=(("x-request-id", "request-7"),)):
            pass
    require_declared(shared, refusal(refused.value))
    assert refusal(refused.value).metadata["request_id"] == "request-7"
