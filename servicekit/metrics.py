"""Prometheus: the series that every service has, and the page they are scraped from."""

from typing import Self

from grpc import StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class CallMetrics:
    """How many calls, how they ended, how long they took. Labels come from the protos, so they are bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter("qmcp_grpc_requests_total", "RPCs that ended.", ("method", "code"), registry=registry)
        self._durations = Histogram(
            "qmcp_grpc_request_duration_seconds", "Duration of RPCs.", ("method",), registry=registry, buckets=BUCKETS
        )
        self._in_flight = Gauge("qmcp_grpc_requests_in_flight", "RPCs being served.", registry=registry)
        http = ("method", "path", "status")
        self._http_calls = Counter(
            "qmcp_http_requests_total",
            "Calls that came in as HTTP/JSON; path is the route's template.",
            http,
            registry=registry,
        )
        self._http_durations = Histogram(
            "qmcp_http_request_duration_seconds",
            "Duration of calls that came in as HTTP/JSON.",
            http,
            registry=registry,
            buckets=BUCKETS,
        )
        # `labels()` takes a lock and builds a tuple; on the hot path a dictionary of what it returned is cheaper.
        self._of_method: dict[tuple[str, StatusCode], tuple[Counter, Histogram]] = {}
        self._of_route: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def begin(self) -> None:
        self._in_flight.inc()

    def end(self, method: str, code: StatusCode, seconds: float) -> None:
        self._in_flight.dec()
        found = self._of_method.get((method, code))
        if found is None:
            found = self._calls.labels(method, code.name), self._durations.labels(method)
            self._of_method[method, code] = found
        found[0].inc()
        found[1].observe(seconds)

    def end_http(self, http_method: str, route: str, status: int, seconds: float) -> None:
        found = self._of_route.get((http_method, route, status))
        if found is None:
            labels = (http_method, route, str(status))
            found = self._http_calls.labels(*labels), self._http_durations.labels(*labels)
            self._of_route[http_method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)


class MetricsPage:
    """Serves a registry at `/metrics` from a thread of its own."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._registry = registry
        self._host = host
        self._port = port

    def __enter__(self) -> Self:
        try:
            self._server, self._thread = start_http_server(self._port, self._host, self._registry)
        except OSError as error:
            raise SystemExit(
                f"The metrics page cannot listen on {self._host}:{self._port} ({error.strerror}). "
                "Set QMCP_METRICS_PORT to a free port."
            ) from None
        self.port: int = self._server.server_port
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def new_registry() -> CollectorRegistry:
    """A registry of its own for one server, with what the process itself uses (memory, CPU, files)."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
