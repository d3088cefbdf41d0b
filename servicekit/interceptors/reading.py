"""Reads requests: small ones as gRPC hands them over, large ones beside the loop, once it is known who may call."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import DecodeError
from grpc.aio import ServicerContext

from servicekit.interceptors import Handler
from servicekit.large import LARGE_BYTES, beside
from servicekit.methods import Method
from servicekit.request_context import RequestContext
from servicekit.unreadable import Unreadable


class Unread:
    """A request that is large."""

    __slots__ = ("serialized",)

    def __init__(self, serialized: bytes) -> None:
        self.serialized = serialized


def deserializer(method: Method) -> Callable[[bytes], Any]:
    """What gRPC reads a request with, which it does on the loop; of those of a stream each."""
    read = _reader(method)
    if method.client_streaming:
        return read

    def deserialize(serialized: bytes) -> Any:
        return read(serialized) if len(serialized) < LARGE_BYTES else Unread(serialized)

    return deserialize


def reading(method: Method, handler: Handler) -> Handler:
    read = _reader(method)

    async def with_large(request: Unread, context: "ServicerContext[Any, Any]", call: RequestContext) -> Any:
        # Protobuf lets others run meanwhile: a million values take it a tenth of a second, a map of as many some.
        call.large_bytes = len(request.serialized)
        call.sent, request.serialized = request.serialized, b""
        message = await beside(call.large_bytes, read, call.sent)
        return await handler(message, context, call)

    def with_reading(request: Any, context: "ServicerContext[Any, Any]", call: RequestContext) -> Awaitable[Any]:
        if isinstance(request, Unread):
            return with_large(request, context, call)
        return handler(request, context, call)

    return with_reading


def _reader(method: Method) -> Callable[[bytes], Any]:
    """Of what is no such request comes Unreadable, which the validation refuses in our own words."""
    from_string = method.request_class.FromString

    def read(serialized: bytes) -> Any:
        try:
            return from_string(serialized)
        except DecodeError:
            return Unreadable(method.request_class, serialized)

    return read
