"""All that callers do on boards, as one object."""

from dataclasses import dataclass

from services.tasks.board.claiming import Claiming
from services.tasks.board.epics import Epics
from services.tasks.board.leases import Leases
from services.tasks.board.log import TaskLog
from services.tasks.board.projects import Projects
from services.tasks.board.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Board:
    """What reads and changes boards."""

    projects: Projects
    epics: Epics
    tasks: Tasks
    log: TaskLog
    leases: Leases
    claiming: Claiming
