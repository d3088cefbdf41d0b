"""How what lasts goes on over as many connections as it takes: how long one may last, and what to do when it is cut."""

from dataclasses import dataclass, field

from qmcp.client import errors
from qmcp.client.calling.retries import Deadline, Retries

# A connection that died without a word shows nothing, so what lasts is asked for anew after this long, from where it
# stood. Streams have heartbeats every 15 seconds.
MAX_CONNECTION_SECONDS = 60.0
# What a connection ends with that may be opened again.
CUT = (errors.UnavailableError, errors.DeadlineExceededError, errors.OverloadedError)


@dataclass(slots=True)
class Resumption:
    """The connections of one wait or watch."""

    deadline: Deadline
    retries: Retries
    # How often in a row one was cut before anything came.
    failures: int = field(default=0)

    def seconds(self) -> float:
        """How long the next one may last."""
        remaining = self.deadline.remaining
        return MAX_CONNECTION_SECONDS if remaining is None else min(remaining, MAX_CONNECTION_SECONDS)

    def arrived(self) -> None:
        """Something came: what fails from now on is a failure of its own."""
        self.failures = 0

    def cut(self, error: errors.QmcpError) -> float:
        """Seconds to wait before going on after one that ended early; raises where going on is of no use."""
        self.failures += 1
        if isinstance(error, errors.DeadlineExceededError) and self.deadline.allows(0):
            return 0.0
        pause = self.retries.pause(self.failures, error)
        is_over = self.failures >= self.retries.attempts or not self.deadline.allows(pause)
        if is_over or not isinstance(error, CUT) or not self.deadline.allows(0):
            raise error
        return pause
