"""Prometheus: the series that every service has, and the page they are scraped from."""

import socket
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from threading import Thread
from typing import Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from grpc import StatusCode
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

# How often the page's thread looks whether it shall end. The loop waits for that when the server stops.
POLL_SECONDS = 0.1
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Observations:
    """A histogram of durations, as plain numbers: the event loop's thread alone writes them, so no lock is needed.

    prometheus_client takes a lock for each of the five numbers that a call changes, which cost more than validating it.
    """

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        # One more than there are bounds: the last is +Inf.
        self.buckets = [0] * (len(BUCKETS) + 1)

    def observe(self, seconds: float) -> None:
        self.count += 1
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Writes what was observed as a series, whose buckets are cumulative."""
        bounds = [*map(floatToGoString, BUCKETS), "+Inf"]
        family.add_metric(labels, list(zip(bounds, accumulate(self.buckets), strict=True)), self.seconds)


class CallMetrics(Collector):
    """How many calls, how they ended, how long they took. Labels come from the protos, so they are bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._in_flight = 0
        self._of_code: defaultdict[tuple[str, StatusCode], int] = defaultdict(int)
        self._of_method: defaultdict[tuple[str, str], Observations] = defaultdict(Observations)
        self._of_route: defaultdict[tuple[str, str, int], Observations] = defaultdict(Observations)
        registry.register(self)

    def begin(self) -> None:
        self._in_flight += 1

    def end(self, method: str, kind: str, code: StatusCode, seconds: float) -> None:
        self._in_flight -= 1
        self._of_code[method, code] += 1
        self._of_method[method, kind].observe(seconds)

    def end_http(self, http_method: str, route: str, status: int, seconds: float) -> None:
        self._of_route[http_method, route, status].observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Called by the metrics page."""
        yield GaugeMetricFamily("qmcp_grpc_requests_in_flight", "RPCs being served.", self._in_flight)
        calls = CounterMetricFamily("qmcp_grpc_requests", "RPCs that ended.", labels=("method", "code"))
        for (method, code), count in list(self._of_code.items()):
            calls.add_metric((method, code.name), count)
        yield calls
        durations = HistogramMetricFamily(
            "qmcp_grpc_request_duration_seconds",
            "Duration of RPCs; kind is the contract's call_kind.",
            labels=("method", "kind"),
        )
        for labels, observed in list(self._of_method.items()):
            observed.add_to(durations, labels)
        yield durations
        http = ("method", "path", "status")
        http_calls = CounterMetricFamily(
            "qmcp_http_requests", "Calls that came in as HTTP/JSON; path is the route's template.", labels=http
        )
        http_durations = HistogramMetricFamily(
            "qmcp_http_request_duration_seconds", "Duration of calls that came in as HTTP/JSON.", labels=http
        )
        for (http_method, route, status), observed in list(self._of_route.items()):
            http_calls.add_metric((http_method, route, str(status)), observed.count)
            observed.add_to(http_durations, (http_method, route, str(status)))
        yield http_calls
        yield http_durations


class MetricsPage:
    """Serves a registry at `/metrics` from a thread of its own."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int, variable: str = "QMCP_METRICS_PORT") -> None:
        """`variable` chooses the port."""
        self._variable = variable
        self._registry = registry
        self._host = host
        self._port = port

    def __enter__(self) -> Self:
        server_class = _ServerV6 if ":" in self._host else ThreadingWSGIServer
        application = make_wsgi_app(self._registry)
        try:
            self._server = make_server(self._host, self._port, application, server_class, _SilentHandler)
        except OSError as error:
            raise SystemExit(
                f"The metrics page cannot listen on {self._host}:{self._port} ({error.strerror}). "
                f"Set {self._variable} to a free port."
            ) from None
        self.port: int = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="metrics page", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _ServerV6(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    """Writes no line for each scrape."""

    def log_message(self, *_: object) -> None:
        pass


def new_registry() -> CollectorRegistry:
    """A registry of its own for one server, with what the process itself uses (memory, CPU, files)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
