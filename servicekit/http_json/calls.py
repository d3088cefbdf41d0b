"""A call that Envoy's transcoder made of HTTP: its request with the body in it, its answer as what goes back."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from servicekit.errors import ServiceError, Violation, invalid_argument
from servicekit.http_json.events import END, MEDIA_TYPE, event, failure
from servicekit.http_json.reading import read
from servicekit.http_json.writing import write, write_as_original
from servicekit.large import LARGE_BYTES, beside
from servicekit.methods import Method
from servicekit.request_context import TRANSCODED, RequestContext

JSON = "application/json"
# The message that says where the edge puts a body; looked up by name, for servicekit imports no generated code.
BODY_MESSAGE = "qmcp.options.v1.TranscodedBody"
# What zlib calls gzip's own form.
GZIP = 16 + zlib.MAX_WBITS
JSON_TYPE = re.compile(r"\s*application/(json|[a-z0-9.+-]+\+json)\s*(;.*)?", re.IGNORECASE)
UNSUPPORTED = 415
TOO_LARGE = 413


def is_transcoded(metadata: Mapping[str, Any]) -> bool:
    """Whether a call came in as HTTP/JSON."""
    return TRANSCODED in metadata


async def request_of(method: Method, bound: Message, call: RequestContext, max_body_bytes: int) -> Message:
    """The request, from what the transcoder bound of path and query, and the body.

    Args:
        method: what is called.
        bound: as it came.
        call: the body is noted in it.
        max_body_bytes: what a packed body may grow to.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    if method.raw_body:
        return await _unpacked_raw(getattr(bound, method.body), bound, call, max_body_bytes)
    if not method.body:
        resumed: Message = _resumed(method, bound, call.metadata)
        return resumed
    content_type, body = _body_of(bound)
    bound.DiscardUnknownFields()
    # The edge sees it by the length, which one in chunks or over HTTP/2 need not have.
    if body and not JSON_TYPE.fullmatch(content_type):
        raise _refused("The body must be application/json.", UNSUPPORTED)
    if _is_packed(call) and body:
        # Packed, it may be small and have much in it.
        body = await beside(LARGE_BYTES, _unpacked, body, max_body_bytes)
    call.sent, call.large_bytes = body, _large(body)
    return await beside(len(body), read, body, bound, method.body)


async def answer_of(method: Method, answer: Message) -> Message:
    """What goes back to the transcoder, which passes it on as it is."""
    if method.raw_answer:
        return answer
    form = write_as_original if method.original else write
    written = await beside(answer.ByteSize(), form, answer)
    body: Message = HttpBody(content_type=JSON, data=written)
    return body


async def event_of(method: Method, message: Message) -> Message:
    """One message of a stream, as it goes back."""
    if method.raw_answer:
        return message
    body: Message = HttpBody(content_type=MEDIA_TYPE, data=await beside(message.ByteSize(), event, message))
    return body


def end_of(method: Method) -> Message | None:
    """What ends a stream that has come to its end by itself."""
    return None if method.raw_answer else HttpBody(content_type=MEDIA_TYPE, data=END)


def failure_of(method: Method, status: Message) -> Message | None:
    """What ends a stream that was cut off with a reason: its status line is gone, and browsers see no trailers."""
    return None if method.raw_answer else HttpBody(content_type=MEDIA_TYPE, data=failure(status))


async def _unpacked_raw(body: HttpBody, bound: Message, call: RequestContext, max_body_bytes: int) -> Message:
    """The request of a body that is passed on as it is, in the form that its type says."""
    if _is_packed(call) and body.data:
        body.data = await beside(LARGE_BYTES, _unpacked, body.data, max_body_bytes)
        call.large_bytes = _large(body.data)
    return bound


def _large(body: bytes) -> int:
    return len(body) if len(body) >= LARGE_BYTES else 0


def _is_packed(call: RequestContext) -> bool:
    return str(call.metadata.get("content-encoding", "")).strip().lower() in {"gzip", "x-gzip"}


def _body_of(message: Message) -> tuple[str, bytes]:
    """The content type and the body."""
    number = descriptor_pool.Default().FindMessageTypeByName(BODY_MESSAGE).fields_by_name["body"].number
    # The transcoder writes the field twice where path or query bind others: once empty, once with the body.
    unknown: Any = UnknownFieldSet(message)
    parts = [HttpBody.FromString(each.data) for each in unknown if each.field_number == number]
    return next((part.content_type for part in parts if part.content_type), ""), b"".join(part.data for part in parts)


def _unpacked(body: bytes, most: int) -> bytes:
    """What was packed with gzip; all of it, in one piece, and no more than may come as it is."""
    unpacking = zlib.decompressobj(GZIP)
    try:
        plain = unpacking.decompress(body, most)
    except zlib.error:
        raise _refused("The body is not gzip, as its Content-Encoding says.") from None
    if len(plain) == most and not unpacking.eof:
        raise _refused(f"The body is larger than {most} bytes when it is unpacked.", TOO_LARGE)
    if not unpacking.eof or unpacking.unused_data:
        raise _refused("The body is not one whole gzip, as its Content-Encoding says.")
    return plain


def _refused(message: str, status: int | None = None) -> ServiceError:
    return replace(invalid_argument("INVALID_REQUEST", message), http_status=status)


def _resumed(method: Method, request: Any, metadata: Mapping[str, Any]) -> Any:
    """A stream that EventSource opens again names the last event that it saw in a header."""
    last = metadata.get("last-event-id", "")
    if method.server_streaming and last and "after_sequence" in request.DESCRIPTOR.fields_by_name:
        if not (isinstance(last, str) and last.isdecimal() and last.isascii() and int(last) < 2**32):
            message = "must be the id of an event of this stream"
            raise invalid_argument(
                "INVALID_REQUEST", f"Last-Event-ID {message}.", [Violation("Last-Event-ID", message)]
            )
        request.after_sequence = int(last)
    return request
