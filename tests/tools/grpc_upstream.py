"""A real gRPC server with reflection, as the thing behind gRPC tools; its proto is made here, so nothing is generated."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

Field = descriptor_pb2.FieldDescriptorProto
SERVICE = "peer.v1.Peer"
IMPORTED = (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
REFLECTION = "grpc.reflection.{}.ServerReflection"


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="peer.proto", package="peer.v1", syntax="proto3")
    file.dependency.extend(module.DESCRIPTOR.name for module in IMPORTED)
    colour = file.enum_type.add(name="Colour")
    for number, name in enumerate(("COLOUR_UNSPECIFIED", "RED", "BLUE")):
        colour.value.add(name=name, number=number)
    tree = file.message_type.add(name="Tree")
    entry = tree.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=Field.TYPE_INT32, label=Field.LABEL_OPTIONAL)
    fields = [
        ("name", Field.TYPE_STRING, "", False),
        ("children", Field.TYPE_MESSAGE, ".peer.v1.Tree", True),
        ("counts", Field.TYPE_MESSAGE, ".peer.v1.Tree.CountsEntry", True),
        ("colour", Field.TYPE_ENUM, ".peer.v1.Colour", False),
        ("large", Field.TYPE_INT64, "", False),
        ("data", Field.TYPE_BYTES, "", False),
        ("ratio", Field.TYPE_DOUBLE, "", False),
        ("at", Field.TYPE_MESSAGE, ".google.protobuf.Timestamp", False),
        ("any_json", Field.TYPE_MESSAGE, ".google.protobuf.Value", False),
        ("flag", Field.TYPE_BOOL, "", False),
        ("unsigned", Field.TYPE_UINT32, "", False),
    ]
    big_entry = tree.nested_type.add(name="BigMapEntry")
    big_entry.options.map_entry = True
    big_entry.field.add(name="key", number=1, type=Field.TYPE_UINT64, label=Field.LABEL_OPTIONAL)
    big_entry.field.add(name="value", number=2, type=Field.TYPE_INT64, label=Field.LABEL_OPTIONAL)
    fields += [
        ("big", Field.TYPE_UINT64, "", False),
        ("bigs", Field.TYPE_UINT64, "", True),
        ("big_map", Field.TYPE_MESSAGE, ".peer.v1.Tree.BigMapEntry", True),
        ("wrapped", Field.TYPE_MESSAGE, ".google.protobuf.UInt64Value", False),
        ("packed", Field.TYPE_MESSAGE, ".google.protobuf.Any", False),
        ("lasting", Field.TYPE_MESSAGE, ".google.protobuf.Duration", False),
        ("mask", Field.TYPE_MESSAGE, ".google.protobuf.FieldMask", False),
        ("nothing", Field.TYPE_ENUM, ".google.protobuf.NullValue", False),
    ]
    for number, (name, kind, type_name, repeated) in enumerate(fields, start=1):
        label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
        tree.field.add(name=name, number=number, type=kind, type_name=type_name or None, label=label)
    tree.oneof_decl.add(name="one_of_two")
    for number, (name, kind) in enumerate((("word", Field.TYPE_STRING), ("number", Field.TYPE_INT32)), start=30):
        tree.field.add(name=name, number=number, type=kind, label=Field.LABEL_OPTIONAL, oneof_index=0)
    # As protoc has optional fields of proto3.
    tree.oneof_decl.add(name="_maybe")
    tree.field.add(
        name="maybe", number=40, type=Field.TYPE_INT32, label=Field.LABEL_OPTIONAL, oneof_index=1, proto3_optional=True
    )
    service = file.service.add(name="Peer")
    for name in ("Echo", "Fail", "Slow", "Large", "Unreadable", "Deep", "Detailed", "Wide", "Unauthenticated"):
        service.method.add(name=name, input_type=".peer.v1.Tree", output_type=".peer.v1.Tree")
    service.method.add(
        name="Wrapped", input_type=".google.protobuf.UInt64Value", output_type=".google.protobuf.UInt64Value"
    )
    service.method.add(name="Nothing", input_type=".google.protobuf.Empty", output_type=".google.protobuf.Empty")
    service.method.add(name="Stream", input_type=".peer.v1.Tree", output_type=".peer.v1.Tree", server_streaming=True)
    service.method.add(name="Upload", input_type=".peer.v1.Tree", output_type=".peer.v1.Tree", client_streaming=True)
    return file


POOL = descriptor_pool.DescriptorPool()
for _file in IMPORTED:
    POOL.AddSerializedFile(_file.DESCRIPTOR.serialized_pb)
POOL.AddSerializedFile(_described().SerializeToString())
Tree: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("peer.v1.Tree"))


@dataclass
class Peer:
    port: int = 0
    metadata: list[dict[str, str]] = field(default_factory=list)
    cancelled: int = 0
    # Connections from which calls came.
    peers: set[str] = field(default_factory=set)
    # Questions of reflection by the version that was asked.
    reflected: list[str] = field(default_factory=list)
    # Messages that streams have sent, and the seconds that callers gave them.
    streamed: int = 0
    remaining: list[float] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    # What is asked for by each name of a secret, told back wherever a server can tell something.
    secret: str = ""
    # The last answer that was made of bytes.
    answered: bytes = b""

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def heard(self, context: Any) -> None:
        """Keeps what a call brought along."""
        self.metadata.append(dict(context.invocation_metadata()))
        self.peers.add(context.peer())

    async def echo(self, request: Any, context: Any) -> Any:
        self.heard(context)
        return request

    async def fail(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.DATA_LOSS, "the peer lost it")

    async def detailed(self, request: Any, context: Any) -> Any:
        """Fails with all that a status can have: a type that everybody knows, one of its own, one that nobody knows."""
        self.heard(context)
        status = status_pb2.Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], message=f"no {self.secret}")
        status.details.add().Pack(
            error_details_pb2.ErrorInfo(reason="LOCKED", domain="peer", metadata={"k": self.secret})
        )
        status.details.add().Pack(Tree(name="own", big=2**64 - 1))
        status.details.add(type_url="type.googleapis.com/unknown.v1.Thing", value=b"\x00\x01")
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, status.message)

    async def unauthenticated(self, request: Any, context: Any) -> Any:
        self.heard(context)
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")

    async def same(self, request: Any, context: Any) -> Any:
        return request

    async def stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """As many messages as `unsigned` says, each with a `name` of as many bytes as `big` says.

        `word` is what happens then: `fail`, `wait`; `step` waits before the second message until `go` is set.
        """
        self.heard(context)
        self.remaining.append(context.time_remaining())
        try:
            for number in range(request.unsigned):
                if number == 1 and request.word == "step":
                    await self.go.wait()
                yield Tree(
                    name="x" * request.big,
                    number=number,
                    big=2**64 - 1,
                    any_json={"string_value": self.secret},
                    data=self.secret.encode(),
                )
                self.streamed += 1
            if request.word == "wait":
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if request.word == "fail":
            await context.abort(grpc.StatusCode.DATA_LOSS, "lost the rest")

    async def wide(self, request: Any, context: Any) -> Any:
        """Few bytes that are many fields once they are written out."""
        return Tree(children=[Tree() for _ in range(request.unsigned)])

    async def slow(self, request: Any, context: Any) -> Any:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return request

    async def large(self, request: Any, context: Any) -> Any:
        return Tree(name="x" * request.unsigned)

    async def unreadable(self, request: Any, context: Any) -> bytes:
        self.answered = b"\x0a\xff"
        return self.answered

    async def deep(self, request: Any, context: Any) -> bytes:
        tree = Tree()
        for _ in range(90):
            tree = Tree(children=[tree])
        self.answered = tree.SerializeToString()
        return self.answered


def _serialized(answer: Any) -> bytes:
    serialized: bytes = answer if isinstance(answer, bytes) else answer.SerializeToString()
    return serialized


Reflect = Callable[[AsyncIterator[Any]], AsyncIterator[Any]]


def _reflection(running: Peer, version: str, reflect: Reflect | None) -> grpc.GenericRpcHandler:
    """The reflection service under the name of a version; the messages of both are the same on the wire."""
    real = reflection.aio.ReflectionServicer((SERVICE,), pool=POOL)

    async def answers(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        running.reflected.append(version)
        running.metadata.append(dict(context.invocation_metadata()))
        async for answer in reflect(requests) if reflect else real.ServerReflectionInfo(requests, context):
            yield answer

    handler = grpc.stream_stream_rpc_method_handler(
        answers,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
    return grpc.method_handlers_generic_handler(REFLECTION.format(version), {"ServerReflectionInfo": handler})


@asynccontextmanager
async def peer(
    *,
    versions: Sequence[str] = ("v1alpha",),
    credentials: grpc.ServerCredentials | None = None,
    reflect: Reflect | None = None,
    port: int = 0,
) -> AsyncIterator[Peer]:
    """The server.

    Args:
        versions: of reflection that it has.
        credentials: for TLS; None: plain text.
        reflect: answers reflection in place of the real one.
        port: 0 for any that is free.
    """
    running = Peer()
    server = grpc.aio.server()
    methods: dict[str, Callable[..., Any]] = {
        "Echo": running.echo, "Fail": running.fail, "Slow": running.slow, "Large": running.large,
        "Unreadable": running.unreadable, "Deep": running.deep, "Detailed": running.detailed, "Wide": running.wide,
        "Unauthenticated": running.unauthenticated,
    }  # fmt: skip
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            method, request_deserializer=Tree.FromString, response_serializer=_serialized
        )
        for name, method in methods.items()
    }
    for name, message in (("Wrapped", wrappers_pb2.UInt64Value), ("Nothing", empty_pb2.Empty)):
        handlers[name] = grpc.unary_unary_rpc_method_handler(
            running.same, request_deserializer=message.FromString, response_serializer=_serialized
        )
    handlers["Stream"] = grpc.unary_stream_rpc_method_handler(
        running.stream, request_deserializer=Tree.FromString, response_serializer=_serialized
    )
    reflecting = [_reflection(running, version, reflect) for version in versions]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers), *reflecting))
    running.port = (
        server.add_insecure_port(f"127.0.0.1:{port}")
        if credentials is None
        else server.add_secure_port(f"127.0.0.1:{port}", credentials)
    )
    await server.start()
    try:
        yield running
    finally:
        await server.stop(0)
