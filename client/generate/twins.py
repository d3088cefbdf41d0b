"""Makes the sync twin of an async module."""

import re
import tempfile
from pathlib import Path

import unasync

_NAMES = {"asyncio": "time", "aio": "sync", "async_channel": "channel"}
_ASYNC_NAME = re.compile(r"\bAsync([A-Z]\w*)")


def source(path: str, text: str) -> str:
    """The same module without async: `AsyncX` becomes `X`, `asyncio.sleep` `time.sleep`, `aio` `sync`."""
    names = _NAMES | {match[0]: match[1] for match in _ASYNC_NAME.finditer(text)}
    with tempfile.TemporaryDirectory() as scratch:
        asynchronous = Path(scratch) / "aio.py"
        asynchronous.write_text(text)
        rule = unasync.Rule("/aio.py", "/sync.py", additional_replacements=names)
        unasync.unasync_files([str(asynchronous)], [rule])
        twin = (Path(scratch) / "sync.py").read_text()
    return f"# Generated from {Path(path).name} by client/generate. `make generate` writes it again.\n{twin}"
