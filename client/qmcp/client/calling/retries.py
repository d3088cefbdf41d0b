"""When a failed call is sent again, and after how long: one policy for both clients."""

import random
import time
from dataclasses import dataclass, field
from typing import Any

import tenacity
from qmcp.client.errors import OverloadedError, QmcpError, UnavailableError

FIRST_PAUSE = 0.1
MAX_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a call with all its retries must have ended; by the monotonic clock, None for never."""

    at: float | None

    @classmethod
    def within(cls, seconds: float | None) -> "Deadline":
        """So many seconds from now."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    @property
    def remaining(self) -> float | None:
        """Seconds left, never below zero."""
        return None if self.at is None else max(0.0, self.at - time.monotonic())

    def allows(self, pause: float) -> bool:
        """True when there is time for a pause and for something after it."""
        return self.at is None or time.monotonic() + pause < self.at


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is sent in all."""

    attempts: int = 4
    # Jitter keeps callers that failed together from coming back together.
    jitter: random.Random = field(default_factory=random.SystemRandom)

    def policy(self, *, repeatable: bool, deadline: Deadline) -> dict[str, Any]:
        """What tenacity's Retrying and AsyncRetrying take."""
        return {
            "retry": tenacity.retry_if_exception(lambda error: is_worth_retrying(error, repeatable=repeatable)),
            "wait": self._pause,
            "stop": lambda state: state.attempt_number >= self.attempts or not deadline.allows(state.upcoming_sleep),
            "reraise": True,
        }

    def pause(self, attempt: int, error: BaseException | None) -> float:
        """Seconds to wait after the attempt of this number (from 1): what the service asked for, else growing."""
        asked = error.retry_after if isinstance(error, QmcpError) else None
        if asked is not None:
            return asked + self.jitter.uniform(0, asked / 4)
        return self.jitter.uniform(0.5, 1) * min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 16))

    def _pause(self, state: tenacity.RetryCallState) -> float:
        return self.pause(state.attempt_number, state.outcome.exception() if state.outcome else None)


def is_worth_retrying(error: BaseException, *, repeatable: bool) -> bool:
    """True where the same call may do better: nothing was done, or doing it twice does no harm."""
    if isinstance(error, OverloadedError):
        # A message that is too large is RESOURCE_EXHAUSTED as well; only a refusal for now says when to come back.
        return error.retry_after is not None
    return repeatable and isinstance(error, UnavailableError) and error.reason != "TOOL_NOT_LOADED"
