"""A real gRPC server with reflection, as the thing behind gRPC tools; its proto is made here, so nothing is generated."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2, timestamp_pb2
from grpc_reflection.v1alpha import reflection

Field = descriptor_pb2.FieldDescriptorProto
SERVICE = "peer.v1.Peer"


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="peer.proto", package="peer.v1", syntax="proto3")
    file.dependency.extend([timestamp_pb2.DESCRIPTOR.name, struct_pb2.DESCRIPTOR.name])
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
    for number, (name, kind, type_name, repeated) in enumerate(fields, start=1):
        label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
        tree.field.add(name=name, number=number, type=kind, type_name=type_name or None, label=label)
    tree.oneof_decl.add(name="one_of_two")
    for number, (name, kind) in enumerate((("word", Field.TYPE_STRING), ("number", Field.TYPE_INT32)), start=20):
        tree.field.add(name=name, number=number, type=kind, label=Field.LABEL_OPTIONAL, oneof_index=0)
    service = file.service.add(name="Peer")
    for name in ("Echo", "Fail", "Slow", "Large", "Unreadable", "Deep"):
        service.method.add(name=name, input_type=".peer.v1.Tree", output_type=".peer.v1.Tree")
    service.method.add(name="Stream", input_type=".peer.v1.Tree", output_type=".peer.v1.Tree", server_streaming=True)
    service.method.add(name="Upload", input_type=".peer.v1.Tree", output_type=".peer.v1.Tree", client_streaming=True)
    return file


POOL = descriptor_pool.DescriptorPool()
for _file in (timestamp_pb2, struct_pb2):
    POOL.AddSerializedFile(_file.DESCRIPTOR.serialized_pb)
POOL.AddSerializedFile(_described().SerializeToString())
Tree: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("peer.v1.Tree"))


@dataclass
class Peer:
    port: int = 0
    metadata: list[dict[str, str]] = field(default_factory=list)
    cancelled: int = 0
    # The last answer that was made of bytes.
    answered: bytes = b""

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def echo(self, request: Any, context: Any) -> Any:
        self.metadata.append(dict(context.invocation_metadata()))
        return request

    async def fail(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.DATA_LOSS, "the peer lost it")

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


@asynccontextmanager
async def peer(*, reflects: bool = True) -> AsyncIterator[Peer]:
    running = Peer()
    server = grpc.aio.server()
    methods: dict[str, Callable[..., Any]] = {
        "Echo": running.echo, "Fail": running.fail, "Slow": running.slow, "Large": running.large,
        "Unreadable": running.unreadable, "Deep": running.deep
    }  # fmt: skip
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            method, request_deserializer=Tree.FromString, response_serializer=_serialized
        )
        for name, method in methods.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    if reflects:
        reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server, pool=POOL)
    running.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield running
    finally:
        await server.stop(0)
