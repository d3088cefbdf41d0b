"""Sends what the page shows to a collector, by the exporter of the OpenTelemetry SDK."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from itertools import groupby, pairwise
from threading import Lock
from typing import Any, Literal

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry

from servicekit.reporting import Figure, figures

logger = structlog.get_logger(__name__)

Temporality = Literal["cumulative", "delta"]
# Where OTLP over HTTP takes metrics.
PATH = "/v1/metrics"


class Push:
    """Sends at intervals."""

    def __init__(
        self, exporter: OTLPMetricExporter, registry: CollectorRegistry, service: str, temporality: Temporality
    ) -> None:
        self._exporter = exporter
        self._registry = registry
        self._resource = Resource({"service.name": service, "service.version": version("qmcp")})
        self._delta = temporality == "delta"
        self._started = self._since = time.time_ns()
        self._sent: Mapping[tuple[str, Any], Figure] = {}
        # Whoever waits for an export may be cut off, and the export goes on: the next must not tell the same again.
        self._exporting = Lock()

    async def run(self, interval_seconds: float) -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            await self.send()

    async def send(self) -> None:
        """One export. Of what a collector does not take, deltas come with the next."""
        await asyncio.to_thread(self._send)

    def _send(self) -> None:
        with self._exporting:
            now = time.time_ns()
            found = {(each.name, each.labels): each for each in figures(self._registry.collect(), prefix="")}
            told = [self._since_sent(each) if self._delta else each for each in found.values()]
            result = self._exporter.export(self._data(told, now))
            if result is not MetricExportResult.SUCCESS:
                logger.warning("metrics_not_pushed")
                return
            self._sent, self._since = found, now

    def _since_sent(self, figure: Figure) -> Figure:
        before = self._sent.get((figure.name, figure.labels))
        if before is None or figure.kind == "gauge":
            return figure
        counts = [(bound, now - then) for (bound, now), (_, then) in zip(figure.buckets, before.buckets, strict=True)]
        return Figure(figure.name, figure.kind, figure.labels, figure.value - before.value, tuple(counts))

    def _data(self, told: Iterable[Figure], now: int) -> MetricsData:
        named = groupby(sorted(told, key=_name), _name)
        metrics = [self._metric(name, list(same), now) for name, same in named]
        scope = ScopeMetrics(InstrumentationScope("qmcp"), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _metric(self, name: str, same: Sequence[Figure], now: int) -> Metric:
        temporality = AggregationTemporality.DELTA if self._delta else AggregationTemporality.CUMULATIVE
        start = self._since if self._delta else self._started
        if same[0].kind == "histogram":
            return Metric(name, "", "s", HistogramData([_distribution(each, start, now) for each in same], temporality))
        points = [NumberDataPoint(dict(each.labels), start, now, each.value) for each in same]
        if same[0].kind == "gauge":
            return Metric(name, "", "", Gauge(points))
        return Metric(name, "", "", Sum(points, temporality, is_monotonic=True))


def exporter(endpoint: str, headers: Mapping[str, str]) -> OTLPMetricExporter:
    """Sends to `<endpoint>/v1/metrics`."""
    url = endpoint.rstrip("/")
    return OTLPMetricExporter(endpoint=url if url.endswith(PATH) else url + PATH, headers=dict(headers))


def _name(figure: Figure) -> str:
    return figure.name


def _distribution(figure: Figure, start: int, now: int) -> HistogramDataPoint:
    cumulated = [0, *(int(count) for _, count in figure.buckets)]
    return HistogramDataPoint(
        attributes=dict(figure.labels),
        start_time_unix_nano=start,
        time_unix_nano=now,
        count=cumulated[-1],
        sum=figure.value,
        bucket_counts=[after - before for before, after in pairwise(cumulated)],
        explicit_bounds=[bound for bound, _ in figure.buckets[:-1]],
        # Nobody knows them.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
