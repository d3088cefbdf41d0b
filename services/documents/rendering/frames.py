"""How the service and the process of a run talk: an object of JSON and the bytes of a document, in one message.

What the process says is never more than JSON: it has read what a stranger sent.
"""

import json
from typing import Any

Json = Any
LENGTH_BYTES = 8


def packed(said: Json, content: bytes) -> bytes:
    head = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return len(head).to_bytes(LENGTH_BYTES, "big") + head + content


def unpacked(message: bytes) -> tuple[Json, bytes]:
    """What was said, and the bytes.

    Raises:
        ValueError: it is no such message.
    """
    length = int.from_bytes(message[:LENGTH_BYTES], "big")
    head = message[LENGTH_BYTES : LENGTH_BYTES + length]
    if len(message) < LENGTH_BYTES or len(head) < length:
        raise ValueError("the message breaks off")
    return json.loads(head), message[LENGTH_BYTES + length :]
