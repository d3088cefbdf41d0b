"""Asks a gRPC server by reflection what a service is made of, and believes no more of it than it can bear."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from services.tools.catalogue.grpc_tools.bundled import bundled

# The messages of both are the same on the wire: v1 only moved them to another package.
PACKAGES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")
MAX_FILES = 500
MAX_BYTES = 2 * 1024 * 1024
# Of a server's own sentence.
MAX_TOLD = 300


class ReflectionError(Exception):
    """What the server says of itself cannot be used; the message says why."""


async def reflected_files(
    channel: grpc.aio.Channel, service: str, metadata: tuple[tuple[str, str], ...]
) -> list[FileDescriptorProto]:
    """The file that defines a service and all that it imports, in no order.

    Raises:
        ReflectionError: it is too much, or the server does not know it.
        grpc.aio.AioRpcError: the server does not answer, or has neither v1 nor v1alpha of reflection.
    """
    for package in PACKAGES:
        try:
            return await _Conversation(channel, package, metadata).files_of(service)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED or package == PACKAGES[-1]:
                raise
    raise AssertionError("one of them returns or raises")


class _Conversation:
    """One stream of questions and answers."""

    def __init__(self, channel: grpc.aio.Channel, package: str, metadata: tuple[tuple[str, str], ...]) -> None:
        self._method = channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        self._metadata = metadata
        self._questions: asyncio.Queue[ServerReflectionRequest | None] = asyncio.Queue()
        self._files: dict[str, FileDescriptorProto] = {}
        # Names of files that were asked for or are there: what imports itself in a circle is asked for once.
        self._known: set[str] = set()
        self._size = 0

    async def files_of(self, service: str) -> list[FileDescriptorProto]:
        self._questions.put_nowait(ServerReflectionRequest(file_containing_symbol=service))
        awaited = 1
        answers = self._method(self._asked(), metadata=self._metadata)
        try:
            async for answer in answers:
                awaited += self._take(answer) - 1
                if awaited == 0:
                    return list(self._files.values())
        finally:
            answers.cancel()
        raise ReflectionError("it ended the conversation before it had answered.")

    async def _asked(self) -> AsyncIterator[ServerReflectionRequest]:
        while (question := await self._questions.get()) is not None:
            yield question

    def _take(self, answer: ServerReflectionResponse) -> int:
        """Takes an answer in; returns how many questions follow from it."""
        asked = answer.original_request.file_by_filename
        if answer.HasField("error_response"):
            # Servers often leave out the files of options, which describe nothing that is sent.
            ours = bundled(asked) if asked else None
            if ours is None:
                raise ReflectionError(f"it says {answer.error_response.error_message[:MAX_TOLD]!r}.")
            return self._add(ours)
        follow = 0
        for serialised in answer.file_descriptor_response.file_descriptor_proto:
            self._size += len(serialised)
            if self._size > MAX_BYTES:
                raise ReflectionError(f"its definition has more than {MAX_BYTES:,} bytes.")
            try:
                file = FileDescriptorProto.FromString(serialised)
            except DecodeError:
                raise ReflectionError("it describes itself by what is no descriptor.") from None
            follow += self._add(file)
        return follow

    def _add(self, file: FileDescriptorProto) -> int:
        if file.name in self._files:
            return 0
        self._files[file.name] = file
        self._known.add(file.name)
        wanted = {name for name in file.dependency if name not in self._known}
        if len(self._known) + len(wanted) > MAX_FILES:
            raise ReflectionError(f"its definition spans more than {MAX_FILES} files.")
        self._known |= wanted
        for name in sorted(wanted):
            self._questions.put_nowait(ServerReflectionRequest(file_by_filename=name))
        return len(wanted)
