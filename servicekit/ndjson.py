"""JSON lines, as exports have them, joined to messages of a size that their readers can take in time."""

from collections.abc import Iterable, Iterator

CONTENT_TYPE = "application/x-ndjson"
# What one message of an export holds at most, but for a line that is longer: readers are given a time for each message.
CHUNK_BYTES = 256 * 1024


def chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, joined to messages."""
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        if gathered and size + len(line) > CHUNK_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
        gathered.append(line)
        size += len(line)
    if gathered:
        yield b"".join(gathered)
