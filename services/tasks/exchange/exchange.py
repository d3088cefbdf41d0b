"""What the room does, in one hand."""

from dataclasses import dataclass

from services.tasks.exchange.exporting import Exporting
from services.tasks.exchange.importing import Importing


@dataclass(frozen=True, slots=True)
class Exchange:
    """Documents in and out."""

    importing: Importing
    exporting: Exporting
