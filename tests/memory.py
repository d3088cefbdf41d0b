"""Where tests keep what may be lost: in memory where there is room, because making a file costs much less there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
# For the servers of a few processes that share the tests; what containers have by default (64 MB) holds not one.
FREE_BYTES_NEEDED = 4 * 1024**3
PREFIX = "qmcp-tests-"


def has_room() -> bool:
    """Whether this machine has enough memory that may be written to as files."""
    return MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > FREE_BYTES_NEEDED


@contextmanager
def folder(otherwise: Path) -> Iterator[Path]:
    """A folder in memory for as long as the context lasts; this one where there is no room.

    Clears what was left by processes that were killed.
    """
    if not has_room():
        yield otherwise
        return
    for left in MEMORY.glob(f"{PREFIX}*-*"):
        if not Path(f"/proc/{left.name.removeprefix(PREFIX).partition('-')[0]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY, ignore_cleanup_errors=True) as made:
        yield Path(made)
