"""Load shedding: which part of the calls is let in, by how long they wait before anything is done for them.

How long a tool takes, or a human, says nothing here: such calls wait inside. What grows when more comes than can be
done is the time between a call's arrival and its first step. Decision 0031 has what was measured and not taken.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from servicekit.request_context import RequestContext

# What the edge says with each call: its deadline as it was when it left the edge, which gives every call one, in the
# words of `grpc-timeout`. What is left of that when the call is begun tells how long it waited, by one clock.
ALLOWED = "x-qmcp-allowed"
# The part of the calls that is let in, per mille: a service says which it is to be, the edge which it was.
ADMITTED = "x-qmcp-admitted"
WHOLE = 1000
UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
MAX_DIGITS = 8

# The shortest wait of two such windows is what stands in the queue: nothing where bursts are worked off between each
# other, however large they are. Seconds.
WINDOW_SECONDS = 0.05
# So much of a call's time may go by before it is begun: that keeps the service busy, and leaves it time. At least and
# at most so much, seconds: deadlines that none could meet shrink nothing for others; who gives none is told as well.
BEARABLE_SHARE = 0.25
MIN_BEARABLE_SECONDS = 0.025
MAX_BEARABLE_SECONDS = 2.0
# What calls bear is a mean over about so many of them.
MEMORY = 32
# Whoever has lost so much of its time is refused rather than begun: it would take what others can still use.
LATE_SHARE = 0.625
MIN_LATE_SECONDS = 0.0625

# What a window changes, as exponents of e. Past what is bearable: by how far it is past, and how fast the queue grew.
PULL = 0.1
GROWTH = 0.5
# Below it: quickly up to about where it was too much the last time, there slowly, and quickly again beyond.
RISE = 0.2
SLOW_RISE = 0.03
NEAR = (0.75, 1.2)
FASTEST_FALL = 0.5
# Somebody is always let in: only calls that come tell that there is room again.
LEAST = 0.01
# What differs by less is no news for the edge, since telling costs a part of a call.
NEWS = 0.05


class LoadShedding(Collector):
    """Follows the queue of one server, and lets in what keeps it short.

    All of it is times and ratios, none a rate: it is the same on a slow machine and a fast one.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._admitted = 1.0
        # Where it was too much the last time, and whether it is still being lowered for that.
        self._limit = 1.0
        self._is_falling = False
        # What stood in the queue in the last window, and for how long it may.
        self._queue = 0.0
        self._bearable = MAX_BEARABLE_SECONDS
        # Of the window that goes on: its calls, the sum of what they bear, the shortest wait; and that of the last one.
        self._window_ends = 0.0
        self._calls = 0
        self._borne = 0.0
        self._shortest = self._before = math.inf
        self._refused = 0
        registry.register(self)

    @property
    def admitted(self) -> float:
        """The part of the calls that is to be let in now."""
        if self._admitted < 1.0 and (now := self._clock()) >= self._window_ends:
            self._close_windows(now)
        return self._admitted

    def refuses(self, metadata: Mapping[str, str | bytes]) -> bool:
        """Whether a call is one too many; the edge may have let in a part only already."""
        if random.random() * _let_in(metadata) < self.admitted:  # noqa: S311 -- chance, and no secret
            return False
        self._refused += 1
        return True

    def begin(self, call: RequestContext, time_remaining: Callable[[], float | None]) -> bool:
        """Sees how long a call waited, where the edge tells what that takes; False where it was too long."""
        allowed = call.metadata.get(ALLOWED)
        if allowed is None:
            return True
        seconds, remaining = seconds_of(allowed), time_remaining()
        if self._admitted < 1.0 or ADMITTED in call.metadata:
            call.for_edge = partial(self._news, _let_in(call.metadata))
        if seconds is None or remaining is None:
            return True
        waited = seconds - remaining
        self.waited(waited, seconds)
        if waited > MIN_LATE_SECONDS and waited > LATE_SHARE * seconds:
            self._refused += 1
            return False
        return True

    def waited(self, seconds: float, allowed: float) -> None:
        """A call was begun so long after it came, of what it may take altogether."""
        now = self._clock()
        if now >= self._window_ends:
            self._close_windows(now)
        self._shortest = min(self._shortest, seconds)
        self._calls += 1
        self._borne += min(max(allowed * BEARABLE_SHARE, MIN_BEARABLE_SECONDS), MAX_BEARABLE_SECONDS)

    def collect(self) -> Iterator[Metric]:
        """Called by the metrics page."""
        admitted = GaugeMetricFamily(
            "qmcp_load_admitted_ratio", "Part of quick and long calls that is let in; 1 where all are.", self.admitted
        )
        queue = GaugeMetricFamily("qmcp_load_queue_seconds", "How long calls stood in the queue at least.", self._queue)
        refused = CounterMetricFamily(
            "qmcp_load_refused", "Calls that the service refused because more came than it can do.", self._refused
        )
        yield from (admitted, queue, refused)

    def _news(self, known: float) -> Sequence[tuple[str, str]]:
        """What the edge does not know yet."""
        return (told(self.admitted),) if abs(self.admitted - known) > NEWS * known else ()

    def _close_windows(self, now: float) -> None:
        while self._window_ends <= now and not self._is_at_rest():
            self._close_window()
            self._window_ends += WINDOW_SECONDS
        if self._window_ends <= now:
            self._window_ends = now + WINDOW_SECONDS

    def _is_at_rest(self) -> bool:
        return self._admitted == 1.0 and self._queue == 0.0 and self._shortest == self._before == math.inf

    def _close_window(self) -> None:
        shortest = min(self._before, self._shortest)
        # Where nobody came, what there was is being worked off.
        queue = shortest if shortest < math.inf else max(0.0, self._queue - WINDOW_SECONDS)
        if self._calls:
            weight = min(1.0, self._calls / MEMORY)
            self._bearable += (self._borne / self._calls - self._bearable) * weight
        change = self._change(queue)
        # What stood still tells nothing of what is too much.
        self._admitted = min(1.0, max(LEAST, self._admitted * math.exp(change if self._calls else max(change, 0.0))))
        self._queue, self._calls, self._borne = queue, 0, 0.0
        self._before, self._shortest = self._shortest, math.inf

    def _change(self, queue: float) -> float:
        """By how much more or less is let in, as an exponent of e."""
        growth = GROWTH * (queue - self._queue) / WINDOW_SECONDS
        room = 1.0 - queue / self._bearable
        if room < 0.0:
            change = PULL * room - growth
            if change < 0.0 and not self._is_falling:
                self._limit, self._is_falling = self._admitted, True
            return min(max(change, -FASTEST_FALL), RISE)
        self._is_falling = False
        slowly = NEAR[0] < self._admitted / self._limit < NEAR[1]
        return max(0.0, (SLOW_RISE if slowly else RISE) * room - max(0.0, growth))


@lru_cache(256)
def seconds_of(timeout: str | bytes) -> float | None:
    """What a `grpc-timeout` comes to; None where it is none."""
    if not isinstance(timeout, str) or not timeout.isascii():
        return None
    number, unit = timeout[:-1], timeout[-1:]
    if unit not in UNITS or not number.isdecimal() or len(number) > MAX_DIGITS:
        return None
    return int(number) * UNITS[unit]


def told(admitted: float) -> tuple[str, str]:
    """What the edge hears."""
    return ADMITTED, str(round(admitted * WHOLE))


def _let_in(metadata: Mapping[str, str | bytes]) -> float:
    """The part of the calls, of which this is one, that the edge has let in."""
    part = metadata.get(ADMITTED)
    if not isinstance(part, str) or not (part.isascii() and part.isdecimal() and len(part) <= MAX_DIGITS):
        return 1.0
    return min(1.0, max(LEAST, int(part) / WHOLE))
