# Generated from aio.py by client/generate. `make generate` writes it again.
"""One connection to QMCP and how calls of any service travel over it."""

import secrets
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import tenacity
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from qmcp.client import address
from qmcp.client.calling import channels, ndjson, rpcs, statuses
from qmcp.client.calling.conversion import from_message
from qmcp.client.calling.health import Health
from qmcp.client.calling.retries import Deadline, Retries

ModelT = TypeVar("ModelT")
DEFAULT_TIMEOUT = 30.0
MAX_PAGE = 500


class Calls:
    """What the methods of every service send their requests by.

    Every one raises a `QmcpError` when it fails, and has sent the call again before where that could help.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        correlation_id: str = "",
        timeout: float = DEFAULT_TIMEOUT,
        retries: Retries | None = None,
    ) -> None:
        """`url` is `http://HOST:PORT`, `https://HOST` or `HOST:PORT`; None takes QMCP_URL, or QMCP_HOST and QMCP_PORT.

        `correlation_id` goes with every call; `timeout` is in seconds and holds for one method with all its retries.
        """
        self.address = address.resolve(url)
        self._timeout = timeout
        self._retries = retries or Retries()
        self._metadata = channels.metadata(address.api_key(api_key), correlation_id)
        self._channel = channels.channel(self.address)

    def close(self) -> None:
        """Closes the connection; calls that are under way end with an error."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def health(self, service: str = "") -> Health:
        """Whether everything behind the door is ready, or one service."""
        answer = self._send(health_pb2.HealthCheckRequest(service=service), rpc="Check")
        return Health(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status).lower())

    def _call(
        self,
        request: Message,
        kind: type[ModelT],
        *,
        rpc: str = "",
        timeout: float | None = None,
        once: bool = False,
    ) -> ModelT:
        """Sends a request and reads its answer as a value of this kind; the rest as `_send` has it."""
        return from_message(kind, self._send(request, rpc=rpc, timeout=timeout, once=once))

    def _list(self, request: Any, kind: type[ModelT], *, limit: int | None = None) -> list[ModelT]:
        """The items of a list, over as many pages as it takes; `limit` None means all there are."""
        answer = rpcs.of(request.DESCRIPTOR).answer.DESCRIPTOR
        [items] = (field.name for field in answer.fields if field.is_repeated)
        found: list[ModelT] = []
        while True:
            if limit is None or limit > len(found):
                request.page_size = MAX_PAGE if limit is None else min(limit - len(found), MAX_PAGE)
            page = self._send(request)
            found += [from_message(kind, each) for each in getattr(page, items)]
            request.page_token = page.next_page_token
            if not request.page_token or (limit is not None and len(found) >= limit):
                return found[:limit]

    def _send(self, request: Any, *, rpc: str = "", timeout: float | None = None, once: bool = False) -> Any:
        """The message that answers a request. The contract says where it goes and whether it may be repeated.

        `rpc` names the RPC where several take such a request. `once` forbids a repetition that the contract allows.
        """
        called = rpcs.of(request.DESCRIPTOR, rpc)
        if called.keyed and not request.idempotency_key:
            request.idempotency_key = secrets.token_hex(16)
        send: Any = self._channel.unary_unary(
            called.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=called.answer.FromString,
        )
        deadline = Deadline.within(self._timeout if timeout is None else timeout)

        def attempt() -> Any:
            try:
                return send(request, timeout=deadline.remaining, metadata=self._metadata)
            except grpc.RpcError as error:
                raise statuses.from_rpc(error) from error

        policy = self._retries.policy(repeatable=called.repeatable(request) and not once, deadline=deadline)
        return tenacity.Retrying(**policy)(attempt)

    def _upload(self, requests: Iterable[Any], kind: type[Message], timeout: float | None = None) -> Any:
        """The message that answers a stream of requests of this kind, which is sent once."""
        called = rpcs.of(kind.DESCRIPTOR)
        send: Any = self._channel.stream_unary(
            called.path,
            request_serializer=kind.SerializeToString,
            response_deserializer=called.answer.FromString,
        )
        try:
            return send(iter(requests), timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise statuses.from_rpc(error) from error

    def _exchange(self, requests: Iterable[Any], kind: type[Message], timeout: float | None = None) -> "Stream":
        """The messages that answer a stream of requests of this kind, which is sent once."""
        called = rpcs.of(kind.DESCRIPTOR)
        exchange: Any = self._channel.stream_stream(
            called.path,
            request_serializer=kind.SerializeToString,
            response_deserializer=called.answer.FromString,
        )
        return Stream(exchange(iter(requests), timeout=timeout, metadata=self._metadata))

    def _stream(self, request: Any, timeout: float | None = None) -> "Stream":
        """The messages that answer a request, on one connection."""
        called = rpcs.of(request.DESCRIPTOR)
        open_stream: Any = self._channel.unary_stream(
            called.path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=called.answer.FromString,
        )
        return Stream(open_stream(request, timeout=timeout, metadata=self._metadata))

    def _ndjson(self, request: Any) -> Generator[bytes]:
        """The lines of an export, the last one among them; ExportCutOffError where that did not arrive."""
        lines = ndjson.Lines()
        with self._stream(request) as stream:
            for body in stream:
                for line in lines.feed(body.data):
                    yield line
        for line in lines.finish():
            yield line


class Stream:
    """A server stream that is cancelled when its reader leaves, and whose errors are ours."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __enter__(self) -> Iterator[Any]:
        return self._messages()

    def __exit__(self, *_: object) -> None:
        self._call.cancel()

    def _messages(self) -> Iterator[Any]:
        try:
            for message in self._call:
                yield message
        except grpc.RpcError as error:
            raise statuses.from_rpc(error) from error
