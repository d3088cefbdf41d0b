"""Answers that stream, as Server-Sent Events: an id by which EventSource resumes, heartbeats, and a word at the end."""

from typing import Any

from google.protobuf.message import Message

from servicekit.http_json.writing import write

MEDIA_TYPE = "text/event-stream"
# Sent once where the stream has come to its end by itself; one that ends without it was cut off.
END = b"event: end\ndata: {}\n\n"


def event(message: Message) -> bytes:
    """One event. Where the message counts itself (`sequence`), that is its id."""
    told: Any = message
    if _is_heartbeat(message):
        return b": heartbeat\n\n"
    numbered = f"id: {told.sequence}\n".encode() if "sequence" in message.DESCRIPTOR.fields_by_name else b""
    return b"%sdata: %s\n\n" % (numbered, write(message))


def failure(status: Message) -> bytes:
    """The last event of a stream that fails after it began: the error as other answers have it in their body.

    Not `error`, for that is what EventSource calls its own.
    """
    return b"event: failed\ndata: %s\n\n" % write(status)


def _is_heartbeat(message: Message) -> bool:
    """Whether it only says that the stream lives: by its kind, or by a field of that name."""
    named = (field.name for field, _ in message.ListFields())
    return getattr(message, "kind", "") == "heartbeat" or "heartbeat" in named
