"""What a replica remembers of a key, and the calls that it has left of this minute."""

import math
from dataclasses import dataclass

from servicekit.errors import exhausted
from servicekit.identity.open_calls import Caller


@dataclass(slots=True)
class KnownKey:
    """One key, as access last told of it."""

    caller: Caller
    rate_per_minute: int
    # What is left of the calls of this minute, and when that was reckoned.
    calls_left: float
    reckoned_at: float
    # Access did not answer: until then it is not asked again, so that not every call waits for it.
    ask_again_at: float = -math.inf


def take_call(known: KnownKey, now: float) -> None:
    """Takes one of the calls of this minute.

    Raises:
        ServiceError: RATE_LIMITED.
    """
    rate = known.rate_per_minute
    if not rate:
        return
    known.calls_left = min(float(rate), known.calls_left + (now - known.reckoned_at) * rate / 60)
    known.reckoned_at = now
    if known.calls_left < 1:
        wait = (1 - known.calls_left) * 60 / rate
        raise exhausted("RATE_LIMITED", f"The key may make {rate} calls a minute and has made them.", wait)
    known.calls_left -= 1
