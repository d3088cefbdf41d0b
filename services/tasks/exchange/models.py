"""What a document asks for, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.tasks.models import Change


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a document."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path} (line {self.line})"


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task that a document names."""

    place: Place
    name: str
    # How a new one begins; empty where the document does not say.
    status: str
    change: Change
    # Epic and name of what it waits for.
    dependencies: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PlannedEpic:
    """An epic that a document names."""

    place: Place
    name: str
    change: Change
    tasks: Sequence[PlannedTask]


@dataclass(frozen=True, slots=True)
class PlannedProject:
    """A project that a document names."""

    place: Place
    name: str
    change: Change
    epics: Sequence[PlannedEpic]


@dataclass(frozen=True, slots=True)
class ImportedItem:
    """What became of one of them."""

    place: str
    kind: str
    name: str
    id: str
    action: str
    fields: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of all of them, in the order of the document."""

    items: Sequence[ImportedItem] = field(default_factory=list)
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """Projects as a document, and how much is in it."""

    yaml: str
    projects: int
    epics: int
    tasks: int
