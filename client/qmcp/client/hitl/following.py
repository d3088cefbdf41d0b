"""Waits and watches that go on by themselves: what each knows between two connections."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from qmcp.client import errors
from qmcp.client.calling.conversion import from_message
from qmcp.client.calling.resumption import CUT, Resumption
from qmcp.client.hitl.models import HumanRequestEvent
from qmcp.hitl.v1 import hitl_service_pb2 as api
from qmcp.hitl.v1 import request_pb2

# What an answer needs on its way, on top of the time that the service was asked to wait.
ON_THE_WAY = 10.0
_ENDED_EARLY = errors.Refusal("UNAVAILABLE", "The service let go before anything was decided.")
_BROKE = errors.Refusal("UNAVAILABLE", "The stream of events broke down.")


@dataclass(slots=True)
class ResponseWait:
    """A wait for one request or several, over as many long polls as it takes."""

    ids: Sequence[str]
    mode: str
    resumption: Resumption
    _began: float = 0.0
    _asked: int = 0

    def request(self) -> api.WaitForResponseRequest:
        """The next long poll."""
        self._asked = max(1, math.floor(self.resumption.seconds()))
        self._began = time.monotonic()
        return api.WaitForResponseRequest(ids=self.ids, mode=self.mode, timeout_seconds=self._asked)

    def timeout(self) -> float:
        """How long its answer may take, in seconds."""
        remaining = self.resumption.deadline.remaining
        asked = self._asked + ON_THE_WAY
        return asked if remaining is None else min(remaining, asked)

    def not_yet(self) -> float:
        """Seconds until the next poll after one in which nothing was decided; raises when the time is over."""
        if not self.resumption.deadline.allows(0):
            sentence = f"Nobody has answered {', '.join(self.ids)} in the time given."
            raise errors.from_refusal(errors.Refusal("DEADLINE_EXCEEDED", sentence))
        if time.monotonic() - self._began < self._asked / 2:
            # A replica that stops lets its waits go; another one takes them.
            return self.resumption.cut(errors.from_refusal(_ENDED_EARLY))
        self.resumption.arrived()
        return 0.0


@dataclass(slots=True)
class EventFollower:
    """A stream of events without an end, over as many connections as it takes."""

    wanted: api.WatchHumanRequestsRequest
    resumption: Resumption

    def request(self) -> api.WatchHumanRequestsRequest:
        """Asks for what follows the last event that was seen, or from now on."""
        return self.wanted

    def take(self, message: request_pb2.HumanRequestEvent) -> HumanRequestEvent | None:
        """The event of a message; None for a heartbeat and for what was seen before. Raises where the stream failed."""
        if message.kind == "failed":
            raise errors.from_refusal(_BROKE)
        self.resumption.arrived()
        seen = self.wanted.HasField("after_sequence") and message.sequence <= self.wanted.after_sequence
        if not seen:
            self.wanted.after_sequence = message.sequence
        return None if seen or message.kind == "heartbeat" else from_message(HumanRequestEvent, message)

    def over(self) -> bool:
        """True when the time that the caller gave has passed."""
        return not self.resumption.deadline.allows(0)

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
