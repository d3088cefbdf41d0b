"""Tools that are unary methods of a gRPC server, known by its reflection."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from servicekit.json_values import MAX_DEPTH, is_deeper
from servicekit.ssrf import AddressNotAllowedError, AddressPolicy
from services.tools import errors
from services.tools.catalogue.answers import in_base64, too_large
from services.tools.catalogue.http_tools import UpstreamError
from services.tools.models import GrpcSource, Json, Output

REFLECTION_SECONDS = 10
MAX_FILES = 500
MAX_CHANNELS = 256
# What gRPC itself, not the server, says of an answer that is larger than it takes.
TOO_LARGE = "CLIENT: Received message larger than max"

Caller = Callable[[Mapping[str, Json], Mapping[str, str]], Any]


class GrpcTools:
    """Channels to the servers behind tools."""

    def __init__(self, addresses: AddressPolicy, max_response_bytes: int) -> None:
        self._addresses = addresses
        self._max_response_bytes = max_response_bytes
        self._channels: dict[tuple[str, str, bool], grpc.aio.Channel] = {}

    async def aclose(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def reflect(self, source: GrpcSource) -> bytes:
        """Asks the server for the descriptors of a method: a serialised FileDescriptorSet.

        Raises:
            ServiceError: REFLECTION_FAILED, ADDRESS_NOT_ALLOWED.
        """
        try:
            async with asyncio.timeout(REFLECTION_SECONDS):
                channel = await self._channel(source)
                files = await _reflected_files(channel, source.method.partition("/")[0])
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("tool.grpc.target", str(error)) from None
        except (TimeoutError, OSError):
            raise errors.reflection_failed(source.target, "it does not answer.") from None
        except grpc.aio.AioRpcError as error:
            raise errors.reflection_failed(source.target, f"{error.code().name}: {error.details()}") from None
        described = FileDescriptorSet(file=files).SerializeToString()
        find_method(described, source)
        return described

    def caller(self, source: GrpcSource, described: bytes) -> Caller:
        """A function that calls the method with arguments and headers, both checked against its descriptor."""
        method = find_method(described, source)
        request_class = message_factory.GetMessageClass(method.input_type)
        response_class = message_factory.GetMessageClass(method.output_type)

        async def call(arguments: Mapping[str, Json], headers: Mapping[str, str]) -> Output:
            request = json_format.ParseDict(dict(arguments), request_class())
            try:
                channel = await self._channel(source)
                # The answer is read here: one that cannot be read is an answer all the same.
                rpc: Any = channel.unary_unary(f"/{source.method}", request_serializer=request_class.SerializeToString)
                answered = await rpc(request, metadata=tuple(headers.items()))
            except OSError as error:
                raise UpstreamError(f"{source.target} cannot be reached: {error}") from None
            except grpc.aio.AioRpcError as error:
                if TOO_LARGE in str(error.details()):
                    return too_large(self._max_response_bytes)
                raise UpstreamError(f"{source.method} answered {error.code().name}: {error.details()}") from None
            return _output(response_class, answered)

        return call

    async def _channel(self, source: GrpcSource) -> grpc.aio.Channel:
        """A channel to an address that was checked; the name is resolved anew each time, so it cannot move away."""
        host, _, port = source.target.rpartition(":")
        address = (await self._addresses.resolve(host.strip("[]"), int(port)))[0]
        target = f"ipv6:[{address}]:{port}" if ":" in address else f"ipv4:{address}:{port}"
        # The name too: it is what the server tells its virtual hosts apart by.
        key = (target, source.target, source.tls)
        channel = self._channels.get(key)
        if channel is None:
            if len(self._channels) >= MAX_CHANNELS:
                await self._channels.pop(next(iter(self._channels))).close()
            options = [
                ("grpc.default_authority", source.target),
                ("grpc.max_receive_message_length", self._max_response_bytes),
            ]
            if source.tls:
                options.append(("grpc.ssl_target_name_override", host))
                channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
            else:
                channel = grpc.aio.insecure_channel(target, options=options)
            self._channels[key] = channel
        return channel


def _output(response_class: type[Message], answered: bytes) -> Output:
    try:
        result = json_format.MessageToDict(
            response_class.FromString(answered),
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        if not is_deeper(result, MAX_DEPTH):
            return Output(result)
        why = f"it is nested deeper than {MAX_DEPTH} levels"
    except (DecodeError, json_format.Error, ValueError, TypeError) as error:
        why = str(error)
    why = f"The tool ran. Its answer cannot be told as JSON, so the result is its bytes in base64: {why}"
    return Output(in_base64(answered, "application/x-protobuf"), "OUTPUT_NOT_JSON", why)


def find_method(described: bytes, source: GrpcSource) -> MethodDescriptor:
    """The method in its descriptors.

    Raises:
        ServiceError: REFLECTION_FAILED where it is not there or not unary.
    """
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(described).file:
        pool.Add(file)
    service_name, _, method_name = source.method.partition("/")
    try:
        method = pool.FindServiceByName(service_name).FindMethodByName(method_name)
    except KeyError:
        method = None
    if method is None:
        raise errors.reflection_failed(source.target, f"it has no method {source.method}.")
    if method.client_streaming or method.server_streaming:
        raise errors.reflection_failed(source.target, f"{source.method} is a stream; only unary methods can be tools.")
    return method


async def _reflected_files(channel: grpc.aio.Channel, service: str) -> list[FileDescriptorProto]:
    """The file that defines a service and all that it imports, imports first."""
    files: dict[str, FileDescriptorProto] = {}
    wanted: asyncio.Queue[reflection_pb2.ServerReflectionRequest | None] = asyncio.Queue()

    async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        while (request := await wanted.get()) is not None:
            yield request

    wanted.put_nowait(reflection_pb2.ServerReflectionRequest(file_containing_symbol=service))
    asked: set[str] = set()
    pending = 1
    async for response in reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(requests()):
        pending -= 1
        if response.HasField("error_response"):
            raise errors.reflection_failed(service, response.error_response.error_message)
        for serialised in response.file_descriptor_response.file_descriptor_proto:
            file = FileDescriptorProto.FromString(serialised)
            files[file.name] = file
        for name in {name for file in files.values() for name in file.dependency} - asked - files.keys():
            asked.add(name)
            pending += 1
            wanted.put_nowait(reflection_pb2.ServerReflectionRequest(file_by_filename=name))
        if len(files) + pending > MAX_FILES:
            raise errors.reflection_failed(service, f"its definition spans more than {MAX_FILES} files.")
        if pending == 0:
            wanted.put_nowait(None)
    return _imports_first(files)


def _imports_first(files: Mapping[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    ordered: dict[str, FileDescriptorProto] = {}

    def visit(file: FileDescriptorProto) -> None:
        if file.name in ordered:
            return
        for name in file.dependency:
            if name in files:
                visit(files[name])
        ordered[file.name] = file

    for file in files.values():
        visit(file)
    return list(ordered.values())
