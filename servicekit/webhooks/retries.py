"""When to try again."""

import random

MAX_PAUSE_SECONDS = 6 * 3600.0
JITTER = 0.2
# The receiver wants no more of this: Standard Webhooks has the sender stop.
GONE = 410


def pause_seconds(attempts: int, first: float, retry_after: float) -> float:
    """How long to wait after so many tries: twice as long each time, or as the receiver asks, at most six hours."""
    doubled = min(first * 2.0 ** min(attempts - 1, 64), MAX_PAUSE_SECONDS)
    spread = doubled * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return min(max(spread, retry_after), MAX_PAUSE_SECONDS)
