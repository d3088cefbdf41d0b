"""What stands between the SDK and the bytes: answers lose nothing, and failures are told as answers."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from mcp_types import CONNECTION_CLOSED

from services.tools.catalogue.answers import document
from services.tools.models import Json

# Of what was said around a result: ids, the words of the protocol.
ENVELOPE_BYTES = 4_096
# By this a failure that is told as an answer is known to be ours: nobody else can guess it.
MARK = secrets.token_hex(16)
KIND, TEXT = f"{MARK}-kind", f"{MARK}-text"
# Where the id of a message stands that is too large to be read, at its beginning or its end: nowhere else can these
# words be followed by the end of the outermost object.
ID_BEFORE = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,15})\s*,')
ID_BEHIND = re.compile(rb',\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,15})\s*\}\s*$')
LOOKED_AT_FOR_AN_ID = 256

# Nothing was sent; sent, and no answer; an answer that says no; the session is over; the address is not allowed.
UNSENT, UNANSWERED, REFUSED, SESSION_ENDED, ADDRESS = "unsent", "unanswered", "refused", "session ended", "address"
# An answer came, and is larger than is taken; or is JSON that cannot be carried as it is.
TOO_LARGE, UNREADABLE = "too large", "unreadable"


def failure(request_id: Any, kind: str, why: str, text: str = "") -> dict[str, Json]:
    """An answer of ours: the SDK gives it to whoever waits for the answer to this request, and to nobody else."""
    error = {"code": CONNECTION_CLOSED, "message": why, "data": {KIND: kind, TEXT: text}}
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def kind_of(data: Any) -> str:
    """Which failure of ours an error is; empty where the server has answered it."""
    return str(data.get(KIND, "")) if isinstance(data, Mapping) else ""


def exact(message: bytes, request_id: Any = None) -> bytes:
    """A message as the SDK reads it without loss: a result's numbers that no double carries are strings.

    Args:
        message: JSON as it came.
        request_id: what it answers, where that is known without reading it.
    """
    try:
        parsed = document(message.decode())
    except RecursionError:
        why = "it is nested too deeply"
    except (ValueError, TypeError) as error:
        why = str(error)
    else:
        result = parsed.get("result") if isinstance(parsed, dict) else None
        is_of_a_tool = isinstance(result, dict) and not result.keys().isdisjoint({"content", "structuredContent"})
        return orjson.dumps(parsed) if is_of_a_tool else message
    answered = id_of(message) if request_id is None else request_id
    if answered is None:
        return message
    return orjson.dumps(failure(answered, UNREADABLE, why, message.decode(errors="backslashreplace")))


def id_of(message: bytes | bytearray) -> int | None:
    """The id of an answer that is not read, where it stands at one of its ends."""
    found = ID_BEFORE.match(message[:LOOKED_AT_FOR_AN_ID]) or ID_BEHIND.search(message[-LOOKED_AT_FOR_AN_ID:])
    return int(found[1]) if found else None
