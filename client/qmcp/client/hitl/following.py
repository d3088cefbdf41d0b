"""Waits and watches that go on by themselves: what each knows between two connections."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from qmcp.client import errors
from qmcp.client.calls import Call
from qmcp.client.hitl import messages, models
from qmcp.client.legs import CUT, Legs
from qmcp.hitl.v1 import hitl_service_pb2 as api
from qmcp.hitl.v1 import request_pb2

# What an answer needs on its way, on top of the time that the service was asked to wait.
ON_THE_WAY = 10.0
_ENDED_EARLY = errors.Refusal("UNAVAILABLE", "The service let go before anything was decided.")
_BROKE = errors.Refusal("UNAVAILABLE", "The stream of events broke down.")


@dataclass(slots=True)
class Wait:
    """A wait for one request or several, over as many long polls as it takes."""

    ids: Sequence[str]
    mode: str
    legs: Legs
    _began: float = 0.0
    _asked: int = 0

    def call(self) -> Call[tuple[bool, list[models.HumanRequest]]]:
        """The next long poll, not to be repeated by anybody else."""
        self._asked = max(1, math.floor(self.legs.seconds()))
        self._began = time.monotonic()
        request = api.WaitForResponseRequest(ids=self.ids, mode=self.mode, timeout_seconds=self._asked)
        return Call("WaitForResponse", request, messages.waited, repeatable=False)

    def timeout(self) -> float:
        """How long its answer may take, in seconds."""
        remaining = self.legs.deadline.remaining
        asked = self._asked + ON_THE_WAY
        return asked if remaining is None else min(remaining, asked)

    def not_yet(self) -> float:
        """Seconds until the next poll after one in which nothing was decided; raises when the time is over."""
        if not self.legs.deadline.allows(0):
            sentence = f"Nobody has answered {', '.join(self.ids)} in the time given."
            raise errors.from_refusal(errors.Refusal("DEADLINE_EXCEEDED", sentence))
        if time.monotonic() - self._began < self._asked / 2:
            # A replica that stops lets its waits go; another one takes them.
            return self.legs.cut(errors.from_refusal(_ENDED_EARLY))
        self.legs.arrived()
        return 0.0


@dataclass(slots=True)
class Watch:
    """A stream of events without an end, over as many connections as it takes."""

    wanted: api.WatchHumanRequestsRequest
    legs: Legs

    def request(self) -> api.WatchHumanRequestsRequest:
        """Asks for what follows the last event that was seen, or from now on."""
        return self.wanted

    def take(self, message: request_pb2.HumanRequestEvent) -> models.HumanRequestEvent | None:
        """The event of a message; None for a heartbeat and for what was seen before. Raises where the stream failed."""
        if message.kind == "failed":
            raise errors.from_refusal(_BROKE)
        self.legs.arrived()
        seen = self.wanted.HasField("after_sequence") and message.sequence <= self.wanted.after_sequence
        if not seen:
            self.wanted.after_sequence = message.sequence
        return None if seen or message.kind == "heartbeat" else messages.event(message)

    def over(self) -> bool:
        """True when the time that the caller gave has passed."""
        return not self.legs.deadline.allows(0)

    def cut(self, error: errors.QmcpError | None) -> float:
        """Seconds to wait before going on; raises where going on is of no use."""
        remaining = self.legs.deadline.remaining
        try:
            return self.legs.cut(error or errors.from_refusal(_BROKE))
        except CUT:
            if remaining is None or self.legs.failures >= self.legs.retries.attempts:
                raise
            # The time that the caller gave ends before the pause does, and its end is no failure.
            return remaining
