"""JSON lines out of the chunks of an export, and the proof that none is missing."""

from collections.abc import Iterator

import orjson
from qmcp.client.errors import ExportCutOffError


class Lines:
    """Cuts chunks into lines; the last line of an export says that it is whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._last = b""
        self.count = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes, without their line feeds."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line:
                self._last = line
                self.count += 1
                yield line

    def finish(self) -> Iterator[bytes]:
        """The line without a line feed at the end, if any; ExportCutOffError where the export is not whole."""
        if self._rest:
            yield from self.feed(b"\n")
        if not is_end(self._last):
            raise ExportCutOffError(self.count)


def is_end(line: bytes) -> bool:
    """True for the last line of an export."""
    # Looking for the word first spares parsing every line; a row may hold it as well.
    if b'"done"' not in line:
        return False
    try:
        parsed = orjson.loads(line)
    except ValueError:
        return False
    return isinstance(parsed, dict) and parsed.get("done") is True
