"""A call that Envoy's transcoder made of HTTP: its request with the body in it, its answer as what goes back."""

import asyncio
from collections.abc import Mapping
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from servicekit.errors import Violation, invalid_argument
from servicekit.http_json.events import END, MEDIA_TYPE, event, failure
from servicekit.http_json.reading import read
from servicekit.http_json.writing import write, write_as_original
from servicekit.methods import Method
from servicekit.request_context import TRANSCODED

JSON = "application/json"
# The message that says where the edge puts a body; looked up by name, for servicekit imports no generated code.
BODY_MESSAGE = "qmcp.options.v1.TranscodedBody"
# From so many bytes on JSON is read and written in a thread, which lets other calls have their turns meanwhile.
LARGE_BYTES = 16 * 1024


def is_transcoded(metadata: Mapping[str, Any]) -> bool:
    """Whether a call came in as HTTP/JSON."""
    return TRANSCODED in metadata


async def request_of(method: Method, bound: Message, metadata: Mapping[str, Any]) -> Message:
    """The request, from what the transcoder bound of path and query, and the body.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    if not method.body or method.raw_body:
        resumed: Message = _resumed(method, bound, metadata)
        return resumed
    body = _body_of(bound)
    bound.DiscardUnknownFields()
    if len(body) < LARGE_BYTES:
        return read(body, bound, method.body)
    return await asyncio.to_thread(read, body, bound, method.body)


async def answer_of(method: Method, answer: Message) -> Message:
    """What goes back to the transcoder, which passes it on as it is."""
    if method.raw_answer:
        return answer
    form = write_as_original if method.original else write
    written = form(answer) if answer.ByteSize() < LARGE_BYTES else await asyncio.to_thread(form, answer)
    body: Message = HttpBody(content_type=JSON, data=written)
    return body


def event_of(method: Method, message: Message) -> Message:
    """One message of a stream, as it goes back."""
    return message if method.raw_answer else HttpBody(content_type=MEDIA_TYPE, data=event(message))


def end_of(method: Method) -> Message | None:
    """What ends a stream that has come to its end by itself."""
    return None if method.raw_answer else HttpBody(content_type=MEDIA_TYPE, data=END)


def failure_of(method: Method, status: Message) -> Message | None:
    """What ends a stream that was cut off with a reason: its status line is gone, and browsers see no trailers."""
    return None if method.raw_answer else HttpBody(content_type=MEDIA_TYPE, data=failure(status))


def _body_of(message: Message) -> bytes:
    number = descriptor_pool.Default().FindMessageTypeByName(BODY_MESSAGE).fields_by_name["body"].number
    # The transcoder writes the field twice where path or query bind others: once empty, once with the body.
    unknown: Any = UnknownFieldSet(message)
    return b"".join(HttpBody.FromString(each.data).data for each in unknown if each.field_number == number)


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
