"""Files with secrets that a process makes: whole or not at all, one for all replicas, readable for their owner only."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def read_or_make(file: Path, make: Callable[[], bytes]) -> bytes:
    """What the file holds. Where there is none it is made, by one of the processes that find it missing; all read that.

    Raises:
        OSError: when it can be neither read nor made.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        with _written(file, make()) as scratch:
            try:
                # A link fails where the name is taken, and gives it to a file that is whole: created under its own
                # name, the file would be read by a rival before it is written.
                os.link(scratch, file)
            except FileExistsError:
                pass
            else:
                _keep_name(file.parent)
        return file.read_bytes()


def write(file: Path, content: bytes) -> None:
    """Gives the file this content, whatever stood there before; who reads meanwhile has the old or the new one whole.

    Raises:
        OSError: when it cannot be written.
    """
    with _written(file, content) as scratch:
        scratch.replace(file)
        _keep_name(file.parent)


@contextmanager
def _written(file: Path, content: bytes) -> Iterator[Path]:
    """The content in a file beside, on the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    """Puts the folder's entries on the disk: a key whose name is lost in a power cut is a key that is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
