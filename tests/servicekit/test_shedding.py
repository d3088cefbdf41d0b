"""What is let in when more comes than can be done, on a clock of the test's own: fast machines, slow ones, bursts, pauses."""

import random
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from qmcp.hitl.v1 import hitl_service_pb2
from qmcp.tools.v1 import tools_service_pb2

from servicekit.admission import Admission
from servicekit.methods import CallKind, methods_of
from servicekit.metrics import CallMetrics
from servicekit.shedding import LoadShedding, seconds_of

DEADLINE = 0.1
SECONDS = 6.0
# Bursts and chance take their time until the part is found.
SETTLED = 1.0
BURST = 20


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """One server that does a call after the other, behind an edge that refuses for nothing by what it was told last."""

    def __init__(self, capacity: float) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.shedding = LoadShedding(self.registry, self.clock)
        self.cost = 1 / capacity
        self.free = self.clock.now
        self.in_time = self.done = self.refused = 0

    def arrives(self, at: float, allowed: float = DEADLINE) -> None:
        begun = max(self.free, at)
        self.clock.now = at
        if random.random() >= self.shedding.admitted:
            self.refused += 1
            return
        self.clock.now = begun
        self.shedding.waited(begun - at, allowed)
        self.free = begun + self.cost
        self.done += 1
        self.in_time += self.free - at <= allowed

    @property
    def admitted(self) -> float:
        (value,) = (s.value for m in self.registry.collect() for s in m.samples if s.name == "qmcp_load_admitted_ratio")
        return float(value)


def even(rate: float, start: float, seconds: float) -> Iterator[float]:
    at = start
    while at < start + seconds:
        at += random.expovariate(rate)
        yield at


def bursts(rate: float, start: float, seconds: float) -> Iterator[float]:
    for number in range(round(rate * seconds / BURST)):
        yield from [start + number * BURST / rate] * BURST


@pytest.fixture(autouse=True)
def the_same_chance_each_time() -> None:
    random.seed(7)


@pytest.mark.parametrize("arrivals", [even, bursts])
@pytest.mark.parametrize("factor", [2.0, 4.0])
@pytest.mark.parametrize("capacity", [400.0, 800.0, 1500.0, 6000.0])
def test_more_than_can_be_done_takes_little_from_what_can_on_any_machine(capacity, factor, arrivals):
    service = Service(capacity)
    start = service.clock.now
    for at in arrivals(capacity * factor, start, SETTLED):
        service.arrives(at)
    service.in_time = service.done = 0
    for at in arrivals(capacity * factor, start + SETTLED, SECONDS):
        service.arrives(at)
    assert service.in_time > 0.75 * capacity * SECONDS
    assert service.in_time > 0.9 * service.done


@pytest.mark.parametrize("capacity", [400.0, 1500.0])
def test_bursts_that_are_worked_off_between_each_other_are_let_in_whole(capacity):
    service = Service(capacity)
    for at in bursts(0.8 * capacity, service.clock.now, SECONDS):
        service.arrives(at)
    assert service.refused == 0


def test_many_who_wait_for_their_turn_and_have_the_time_are_let_in():
    """A closed loop of 300 callers without deadlines on a slow machine: a second of queue, which they bear."""
    service = Service(300)
    start = service.clock.now
    for number in range(3000):
        service.arrives(start + max(0, number - 300) * service.cost, allowed=30)
    assert service.refused == 0


def test_deadlines_that_nobody_could_meet_shrink_nothing_for_others():
    """Every second call names a thousandth of a second; there is room for all."""
    service = Service(1000)
    for number, at in enumerate(even(700, service.clock.now, SECONDS)):
        service.arrives(at, allowed=(0.001, 30.0)[number % 2])
    assert service.refused == 0


def test_who_came_is_let_in_again_when_it_is_over_and_after_a_pause_at_once():
    service = Service(500)
    start = service.clock.now
    for at in even(2500, start, 2):
        service.arrives(at)
    assert service.admitted < 0.5
    for at in even(100, start + 2, 4):
        service.arrives(at)
    assert service.admitted == 1.0
    for at in even(2500, start + 6, 2):
        service.arrives(at)
    service.clock.now += 3600
    assert service.admitted == 1.0


def test_nobody_is_refused_twice_for_the_same_overload():
    service = Service(100)
    for at in even(400, service.clock.now, 2):
        service.arrives(at)
    part = service.admitted
    assert part < 0.6
    told = {"x-qmcp-admitted": str(round(part * 1000 / 1.1))}
    assert not any(service.shedding.refuses(told) for _ in range(100))
    untold = [service.shedding.refuses(headers) for headers in ({}, {"x-qmcp-admitted": "many"}) for _ in range(500)]
    assert abs(sum(untold) / 1000 - (1 - part)) < 0.1


def test_waits_and_streams_are_never_refused_for_it():
    registry = CollectorRegistry()
    admission = Admission(LoadShedding(registry), CallMetrics(registry))
    for module, service in ((tools_service_pb2, "ToolsService"), (hitl_service_pb2, "HitlService")):
        for method in methods_of(module.DESCRIPTOR.services_by_name[service]):
            refused = method.call_kind in {CallKind.QUICK, CallKind.LONG}
            assert (admission.refusal(method) is not None) == refused


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("100m", 0.1), ("2S", 2), ("1M", 60), ("1H", 3600), ("5u", 5e-6), ("86399S", 86_399)],
)
def test_what_a_deadline_comes_to_is_read_as_grpc_writes_it(timeout, seconds):
    assert seconds_of(timeout) == pytest.approx(seconds)


@pytest.mark.parametrize("timeout", ["", "S", "100", "1.5S", "-1S", "100000000S", "²S", "1s", b"1S"])
def test_what_is_no_deadline_is_none(timeout):
    assert seconds_of(timeout) is None
