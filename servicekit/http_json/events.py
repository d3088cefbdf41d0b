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
    if getattr(told, "kind", "") == "heartbeat":
        return b": heartbeat\n\n"
    numbered = f"id: {told.sequence}\n".encode() if "sequence" in message.DESCRIPTOR.fields_by_name else b""
    return b"%sdata: %s\n\n" % (numbered, write(message))
