"""The folder that keeps everything (`.qmcp/`), held by one running system at a time."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Self

from devstack.errors import CannotRunError


@dataclass(frozen=True, slots=True)
class Running:
    """What a running system tells about itself in its home folder."""

    pid: int
    edge: str = ""
    database_server: str = ""
    processes: dict[str, int] = field(default_factory=dict)
    # Where each of them listens, host:port.
    listeners: dict[str, list[str]] = field(default_factory=dict)


class Home:
    """The folder, locked while the context lasts. The lock goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("a")
        except OSError as error:
            raise CannotRunError(
                f"The home folder {self.folder} cannot be written: {error.strerror}. Set QMCP_HOME to another."
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = running(self.folder)
            who = f" (process {other.pid}{f', {other.edge}' if other.edge else ''})" if other else ""
            raise CannotRunError(
                f"QMCP already runs from {self.folder}{who}. Stop that one, or give this one a home and ports of its "
                "own: QMCP_HOME=… QMCP_PORT=…"
            ) from None
        self.tell(Running(os.getpid()))
        return self

    def __exit__(self, *_: object) -> None:
        (self.folder / "running.json").unlink(missing_ok=True)
        assert self._lock is not None
        self._lock.close()

    def tell(self, state: Running) -> None:
        """Writes down what runs, for `status` and for whoever finds the folder locked."""
        scratch = self.folder / "running.json.new"
        scratch.write_text(json.dumps(asdict(state), indent=1) + "\n")
        scratch.replace(self.folder / "running.json")


def running(folder: Path) -> Running | None:
    """What runs from this folder; None where nothing does."""
    try:
        state = Running(**json.loads((folder / "running.json").read_text()))
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return state
    except (OSError, ValueError, TypeError):
        return None
    # Nobody holds it: what is written there is what a killed one left.
    return None
