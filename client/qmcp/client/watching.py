"""What a watch knows: where it is, how to go on when it is cut, and when it is over."""

from dataclasses import dataclass, field

from qmcp.client import errors, messages, models
from qmcp.client.retries import Deadline, Retries
from qmcp.tools.v1 import invocation_pb2
from qmcp.tools.v1 import tools_service_pb2 as api

# Heartbeats come every 15 seconds, but a connection that died without a word shows nothing: a watch is asked for
# anew after this long, from where it stood.
LONGEST_LEG = 60.0
_CUT = (errors.UnavailableError, errors.DeadlineExceededError, errors.OverloadedError)


@dataclass(slots=True)
class Watch:
    """One watch over as many streams as it takes; the clients feed it what arrives."""

    invocation_id: str
    after_sequence: int
    deadline: Deadline
    retries: Retries
    ended: bool = False
    # How often in a row a stream was cut before anything came.
    failures: int = field(default=0)

    def request(self) -> api.WatchInvocationRequest:
        """Asks for what follows the last event seen."""
        return api.WatchInvocationRequest(id=self.invocation_id, after_sequence=self.after_sequence)

    def leg(self) -> float:
        """How long the next stream may last, in seconds."""
        remaining = self.deadline.remaining
        return LONGEST_LEG if remaining is None else min(remaining, LONGEST_LEG)

    def take(self, message: invocation_pb2.InvocationEvent) -> models.InvocationEvent | None:
        """The event of a message; None for a heartbeat and for what was seen before. Raises what the stream says."""
        if message.HasField("error"):
            raise errors.from_status(message.error)
        self.failures = 0
        if message.HasField("heartbeat") or message.sequence <= self.after_sequence:
            return None
        self.after_sequence = message.sequence
        self.ended = message.last
        return messages.event(message)

    def cut(self, error: errors.QmcpError | None) -> float:
        """Seconds to wait before going on after a stream that ended early; raises where going on is of no use."""
        self.failures += 1
        if isinstance(error, errors.DeadlineExceededError) and self.deadline.allows(0):
            return 0.0
        if error is None:
            sentence = "The watch ended before the invocation did."
            error = errors.from_refusal(errors.Refusal("UNAVAILABLE", sentence))
        pause = self.retries.pause(self.failures, error)
        is_over = self.failures >= self.retries.attempts or not self.deadline.allows(pause)
        if is_over or not isinstance(error, _CUT) or not self.deadline.allows(0):
            raise error
        return pause
