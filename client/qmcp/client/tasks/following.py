"""Boards that are watched: what is known between two connections."""

from dataclasses import dataclass

from qmcp.client import errors
from qmcp.client.calling.conversion import from_message
from qmcp.client.calling.resumption import CUT, Resumption
from qmcp.client.tasks.models import BoardEvent
from qmcp.tasks.v1 import board_pb2

_BROKE = errors.Refusal("UNAVAILABLE", "The stream of the board broke down.")


@dataclass(slots=True)
class BoardFollower:
    """A stream of what happens on a board, over as many connections as it takes."""

    wanted: board_pb2.WatchBoardRequest
    resumption: Resumption
    # The project was deleted: nothing more will happen.
    deleted: bool = False

    def request(self) -> board_pb2.WatchBoardRequest:
        """Asks for what is there, or for what follows the last event that was seen."""
        return self.wanted

    def take(self, message: board_pb2.BoardEvent) -> BoardEvent | None:
        """The event of a message; None for a heartbeat and for what was seen before."""
        self.resumption.arrived()
        if message.kind != "snapshot":
            seen = self.wanted.HasField("after_sequence") and message.sequence <= self.wanted.after_sequence
            if seen or message.kind == "heartbeat":
                return None
            # Of a snapshot only its end: one that was cut off is told anew.
            self.wanted.after_sequence = message.sequence
        self.deleted = message.kind == "project.deleted"
        return from_message(BoardEvent, message)

    def over(self) -> bool:
        """True when the time that the caller gave has passed, or nothing more will happen."""
        return self.deleted or not self.resumption.deadline.allows(0)

    def cut(self, error: errors.QmcpError | None) -> float:
        """Seconds to wait before going on; raises where going on is of no use."""
        remaining = self.resumption.deadline.remaining
        try:
            return self.resumption.cut(error or errors.from_refusal(_BROKE))
        except CUT:
            if remaining is None or self.resumption.failures >= self.resumption.retries.attempts:
                raise
            # The time that the caller gave ends before the pause does, and its end is no failure.
            return remaining
