"""The layers around a process, what it may use, and how it can end."""

from dataclasses import dataclass
from typing import Literal

LayerName = Literal["limits", "identity", "files", "calls"]
LAYERS: tuple[LayerName, ...] = ("limits", "identity", "files", "calls")
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, and whether it holds on this machine: it was tried when the zygote began."""

    name: LayerName
    active: bool
    # Why it does not hold, or what of it is there (`landlock, ABI 7`).
    detail: str


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What the process of one run may use."""

    cpu_seconds: int = 60
    # Beyond what the zygote has already, bytes.
    memory_bytes: int = 512 * MIB
    # Of each file that it writes in its own folder, bytes.
    file_bytes: int = 16 * MIB
    descriptors: int = 32
    # What it may answer, bytes.
    answer_bytes: int = 160 * MIB


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process said before it ended well, and which it was."""

    content: bytes
    pid: int


class ProcessTimeoutError(Exception):
    """Its time was up; it has ended, and so has whatever it started."""


@dataclass(eq=False)
class ProcessDiedError(Exception):
    """It ended without an answer: by a signal, or with a status other than 0."""

    # As `waitstatus_to_exitcode` has it: negative for a signal.
    status: int
    pid: int = 0

    def __str__(self) -> str:
        return f"the process ended by signal {-self.status}" if self.status < 0 else f"it ended with {self.status}"


class ZygoteDiedError(Exception):
    """The process that begets the others has ended, and with it all of them; the next run begins another."""


class LayerMissingError(Exception):
    """A layer that is required does not hold on this machine."""
