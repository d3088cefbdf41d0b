"""What requests want to be otherwise: a field that is absent says nothing of it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from servicekit.json_values import document
from services.tasks.board.transitions import status_of
from services.tasks.models import Change

LISTS = ("members", "groups", "tags", "ra_tags", "dependencies", "resources", "required_evidence")
DOCUMENTS = ("metadata", "ra_metadata")


def change_from(request: Any, leave: Collection[str] = ()) -> Change:
    """The change that a request asks for; of the fields that it has, those to leave are none of it."""
    message: Message = request
    values: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    replaced: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        name = field.name
        if name in leave:
            continue
        if name in LISTS or name in DOCUMENTS:
            value = _document(request, name) if name in DOCUMENTS else _items(request, name)
            if getattr(request, f"{name}_mode", "") == "replace":
                replaced[name] = value
            elif value:
                merged[name] = value
        elif field.containing_oneof is not None and request.HasField(name):
            # An optional one.
            value = getattr(request, name)
            values[name] = status_of(value) if name == "status" else value
    return Change(
        values,
        merged,
        replaced,
        getattr(request, "etag", ""),
        getattr(request, "fencing_token", 0),
        getattr(request, "agent_id", ""),
    )


def _document(request: Any, name: str) -> dict[str, Any]:
    return document(getattr(request, name), name)


def _items(request: Any, name: str) -> list[str]:
    found = list(dict.fromkeys(getattr(request, name)))
    # As the database has them, so that the same ones are no change.
    return sorted(map(_spelled, found)) if name == "dependencies" else found


def _spelled(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return text
