"""Calls of the methods of gRPC servers: one for each invocation, ended with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import orjson
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from servicekit.json_values import MAX_DEPTH
from servicekit.large import beside
from services.tools.catalogue.answers import too_large
from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.grpc_tools.channels import DOWN, Channels
from services.tools.catalogue.grpc_tools.message_results import Answers
from services.tools.catalogue.grpc_tools.sent_metadata import Metadata, metadata_of
from services.tools.catalogue.grpc_tools.statuses import status_told
from services.tools.catalogue.http_tools import UpstreamError
from services.tools.catalogue.message_arguments import message_of
from services.tools.catalogue.plugins import ToolContext
from services.tools.models import GrpcSource, Json, Output

MAX_MESSAGES = 1_000
# What gRPC itself, not the server, says of an answer that is larger than it takes, and of a server that is not there.
TOO_LARGE = "CLIENT: Received message larger than max"
NOT_THERE = "failed to connect to all addresses"
# Longer than the invocation's own time, which ends the call: gRPC's would end it as a failure of the server.
BEYOND_SECONDS = 1.0
# Of the server's own words in an error, once secrets are out of them.
MAX_TOLD = 2_000
MAX_REPORTED = 100_000
# Codes that gRPC gives by itself, too, when a connection ends or an answer cannot be read: what was done is unknown.
UNCLEAR = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}

Call = Callable[[Mapping[str, Json], ToolContext, Mapping[str, str], float], Awaitable[Output]]


@dataclass(frozen=True, slots=True)
class _Sent:
    """One call: what is sent, to whom, and for how long."""

    source: GrpcSource
    method: MethodDescriptor
    request: Message
    metadata: Metadata
    seconds: float


class _BrokenStreamError(Exception):
    """A stream ended otherwise than with OK, after some messages."""

    def __init__(self, error: grpc.aio.AioRpcError, count: int) -> None:
        super().__init__()
        self.error, self.count = error, count


class GrpcCalls:
    """Calls methods over the channels that all of them share."""

    def __init__(self, channels: Channels, credentials: Credentials, max_response_bytes: int) -> None:
        self._channels = channels
        self._credentials = credentials
        self._max_response_bytes = max_response_bytes

    def caller(self, source: GrpcSource, method: MethodDescriptor) -> Call:
        """A function that calls the method: arguments, what it reports to, ids to send along, how long it may take."""

        async def call(
            arguments: Mapping[str, Json], context: ToolContext, ids: Mapping[str, str], seconds: float
        ) -> Output:
            """One call, never sent again.

            Raises:
                UpstreamError: the server is not there, or answered with another status than OK.
                AddressNotAllowedError, TokenError, ServiceError: nothing was sent.
            """
            request = message_of(method.input_type, arguments)
            metadata = await metadata_of(self._credentials, source, ids)
            sent = _Sent(source, method, request, metadata, seconds + BEYOND_SECONDS)
            try:
                async with self._channels.use(source, self._max_response_bytes) as channel:
                    try:
                        if method.server_streaming:
                            return await self._stream(channel, sent, context)
                        return await self._unary(channel, sent)
                    except grpc.aio.AioRpcError as error:
                        why = self._why(error, sent, channel)
                    except _BrokenStreamError as broken:
                        why = f"{self._why(broken.error, sent, channel)} This was after {broken.count} messages."
            except OSError as error:
                why = f"{source.target} cannot be reached: {error}"
            raise UpstreamError(why)

        return call

    async def _unary(self, channel: grpc.aio.Channel, sent: _Sent) -> Output:
        # The answer is read here: one that cannot be read is an answer all the same.
        rpc: Any = channel.unary_unary(f"/{sent.source.method}", request_serializer=_serialized)
        try:
            answered = await rpc(sent.request, metadata=sent.metadata, timeout=sent.seconds)
        except grpc.aio.AioRpcError as error:
            if TOO_LARGE in str(error.details()):
                return too_large(self._max_response_bytes)
            raise
        return await beside(len(answered), Answers(sent.method.output_type).output, answered)

    async def _stream(self, channel: grpc.aio.Channel, sent: _Sent, context: ToolContext) -> Output:
        """The messages of a stream as a list, each told as it comes; the call ends with this, whatever ends it."""
        left = self._max_response_bytes
        results: list[Json] = []
        reason = why = ""
        # A list is a level, too.
        read = Answers(sent.method.output_type, max_depth=MAX_DEPTH - 1).output
        rpc: Any = channel.unary_stream(f"/{sent.source.method}", request_serializer=_serialized)
        answers = rpc(sent.request, metadata=sent.metadata, timeout=sent.seconds)
        try:
            async for answered in answers:
                left -= len(answered)
                if left < 0:
                    return self._cut(results)
                if len(results) == MAX_MESSAGES:
                    return _ended(results, f"{MAX_MESSAGES:,} messages")
                output = await beside(len(answered), read, answered)
                results.append(output.result)
                if output.reason and not reason:
                    reason, why = output.reason, f"Of message {len(results)}: {output.why}"
                text = orjson.dumps(output.result).decode()[:MAX_REPORTED]
                await context.report(len(results), message=text)
        except grpc.aio.AioRpcError as error:
            if TOO_LARGE in str(error.details()):
                return self._cut(results)
            raise _BrokenStreamError(error, len(results)) from None
        finally:
            answers.cancel()
        return Output(results, reason, why)

    def _cut(self, results: list[Json]) -> Output:
        return _ended(results, f"{self._max_response_bytes:,} bytes")

    def _why(self, error: grpc.aio.AioRpcError, sent: _Sent, channel: grpc.aio.Channel) -> str:
        """A call that did not end with OK, for people."""
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._credentials.refused(sent.source.metadata, dict(sent.metadata))
        # Cut after the mask: half a secret is not known as one.
        told = self._credentials.secrets.mask().text(status_told(error, sent.method.input_type.file.pool))[:MAX_TOLD]
        if NOT_THERE in str(error.details()) and channel.get_state() in DOWN:
            return f"{sent.source.target} cannot be reached: {told} Nothing was sent."
        unclear = " It may have been done." if error.code() in UNCLEAR else ""
        return f"{sent.source.method} answered {told}{unclear}"


def _ended(results: list[Json], most: str) -> Output:
    """A stream that was ended by us."""
    why = f"The tool ran. Its stream has more than {most} and was ended. The result has the {len(results)} that came."
    return Output(results, "OUTPUT_TOO_LARGE", why)


def _serialized(request: Message) -> bytes:
    return request.SerializeToString()
