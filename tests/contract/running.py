"""A service that runs, and calls to it by the names of its RPCs."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
CALL_SECONDS = 20.0


@dataclass(frozen=True)
class Refusal:
    """How a call failed: the code, and what its details say."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: Mapping[str, str]
    fields: tuple[str, ...]
    trailers: Mapping[str, Any]
    # Seconds after which to try again; None where the details do not say.
    retry_after: float | None


@dataclass(frozen=True)
class Answer:
    """How a call went well."""

    message: Any
    trailers: Mapping[str, Any]


class Running:
    """A service behind a channel."""

    def __init__(self, service: ServiceDescriptor, channel: grpc.aio.Channel, key: str = "") -> None:
        self.service = service
        self.channel = channel
        # Of whoever calls, where callers are checked.
        self.key = key
        # The address of its database, where the fixture tells.
        self.database = ""

    def called_with(self, key: str) -> "Running":
        """The same service as another caller meets it."""
        other = Running(self.service, self.channel, key)
        other.database = self.database
        return other

    def _headers(self, metadata: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
        return tuple({**({"x-api-key": self.key} if self.key else {}), **(metadata or {})}.items())

    def request(self, method: str, **fields: Any) -> Any:
        """A request of an RPC."""
        return request_class(self.service.methods_by_name[method])(**fields)

    async def call(
        self,
        method: str,
        request: Message | None = None,
        metadata: Mapping[str, str] | None = None,
        seconds: float | None = CALL_SECONDS,
    ) -> Answer | Refusal:
        """Calls an RPC with one request and one answer; one that takes a stream gets a stream of that request."""
        described = self.service.methods_by_name[method]
        one = request_class(described)() if request is None else request
        rpc: Any = (self.channel.stream_unary if described.client_streaming else self.channel.unary_unary)(
            f"/{self.service.full_name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(described.output_type).FromString,
        )
        call = rpc(
            iter([one]) if described.client_streaming else one,
            metadata=self._headers(metadata),
            timeout=seconds,
        )
        try:
            message = await call
        except grpc.aio.AioRpcError as error:
            return refusal(error)
        return Answer(message, _named(await call.trailing_metadata()))

    async def read(self, method: str, request: Message, enough: Callable[[Message], bool]) -> list[Message] | Refusal:
        """What a streaming RPC answers, up to a message that is enough or to its end."""
        rpc = self.channel.unary_stream(
            f"/{self.service.full_name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(
                self.service.methods_by_name[method].output_type
            ).FromString,
        )
        found = []
        call = rpc(request, metadata=self._headers(None), timeout=CALL_SECONDS)
        try:
            async for message in call:
                found.append(message)
                if enough(message):
                    call.cancel()
                    break
        except grpc.aio.AioRpcError as error:
            return refusal(error)
        return found

    async def must(self, method: str, request: Message | None = None, metadata: Mapping[str, str] | None = None) -> Any:
        """The answer of a call that has to go well."""
        answer = await self.call(method, request, metadata)
        assert isinstance(answer, Answer), answer
        return answer.message

    async def refused(
        self, method: str, request: Message | None = None, metadata: Mapping[str, str] | None = None
    ) -> Refusal:
        """The refusal of a call that has to fail."""
        answer = await self.call(method, request, metadata)
        assert isinstance(answer, Refusal), answer
        return answer

    def declared(self) -> set[str]:
        """The reasons that the service's error_reason.proto has."""
        reasons = import_module(f"{self.service.file.package}.error_reason_pb2").ErrorReason
        return {name.removeprefix("ERROR_REASON_") for name in reasons.keys()}  # noqa: SIM118 - no dictionary


@asynccontextmanager
async def connected(service: ServiceDescriptor, port: int) -> AsyncIterator[Running]:
    """The service behind a port of this machine."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED) as channel:
        yield Running(service, channel)


def request_class(method: MethodDescriptor) -> type[Message]:
    """The class of an RPC's request."""
    return message_factory.GetMessageClass(method.input_type)


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """An error with its details unpacked."""
    trailers = _named(error.trailing_metadata())
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in status.details:
        for message in (info, bad, retry):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    return Refusal(
        error.code(),
        error.details() or "",
        info.reason,
        info.domain,
        dict(info.metadata),
        tuple(violation.field for violation in bad.field_violations),
        trailers,
        retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
    )


def _named(metadata: Any) -> dict[str, Any]:
    return dict(metadata or ())
