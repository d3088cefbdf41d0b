"""What a watch of an invocation knows: where it is, how to go on when it is cut, and when it is over."""

from dataclasses import dataclass

from qmcp.client import errors
from qmcp.client.calling import statuses
from qmcp.client.calling.conversion import from_message
from qmcp.client.calling.resumption import Resumption
from qmcp.client.tools.models import InvocationEvent
from qmcp.tools.v1 import invocation_pb2
from qmcp.tools.v1 import tools_service_pb2 as api


@dataclass(slots=True)
class InvocationFollower:
    """One watch over as many streams as it takes; the clients feed it what arrives."""

    invocation_id: str
    after_sequence: int
    resumption: Resumption
    ended: bool = False

    def request(self) -> api.WatchInvocationRequest:
        """Asks for what follows the last event seen."""
        return api.WatchInvocationRequest(id=self.invocation_id, after_sequence=self.after_sequence)

    def take(self, message: invocation_pb2.InvocationEvent) -> InvocationEvent | None:
        """The event of a message; None for a heartbeat and for what was seen before. Raises what the stream says."""
        if message.HasField("error"):
            raise statuses.from_status(message.error)
        self.resumption.arrived()
        if message.HasField("heartbeat") or message.sequence <= self.after_sequence:
            return None
        self.after_sequence = message.sequence
        self.ended = message.last
        return from_message(InvocationEvent, message)

    def cut(self, error: errors.QmcpError | None) -> float:
        """Seconds to wait before going on after a stream that ended early; raises where going on is of no use."""
        if error is None:
            sentence = "The watch ended before the invocation did."
            error = errors.from_refusal(errors.Refusal("UNAVAILABLE", sentence))
        return self.resumption.cut(error)
