"""All that the original's clients ask for, as one object."""

from dataclasses import dataclass

from services.tasks.original.board_state import BoardStates
from services.tasks.original.cleaning import Cleaning
from services.tasks.original.details import Details
from services.tasks.original.instructions import Instructions
from services.tasks.original.locks import Locks
from services.tasks.original.operation import Operations


@dataclass(frozen=True, slots=True)
class Original:
    """What answers in the original's words."""

    states: BoardStates
    locks: Locks
    details: Details
    cleaning: Cleaning
    instructions: Instructions
    operations: Operations
