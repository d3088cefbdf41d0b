"""Sends what a service counts to whoever keeps metrics, as totals by OTLP, so that what gets lost is told later."""

import asyncio
import os
import socket
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import grpc.aio
import structlog
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from servicekit.channels import channel
from servicekit.identity.remote_resolver import own_key
from servicekit.settings import ServiceSettings

logger = structlog.get_logger(__name__)

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
# What is ours; what the process uses stays on its page.
OURS = "qmcp_"
SECONDS = 5.0
# At the end nobody waits for it.
LAST_SECONDS = 1.0
# Of one message, which so stays far below what anybody takes.
MAX_POINTS = 2_000
CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One series as it stands."""

    name: str
    kind: str
    labels: Labels
    # The number; of a histogram its sum, and the cumulated counts by their bounds.
    value: float
    buckets: tuple[tuple[float, float], ...] = ()


@asynccontextmanager
async def reporting(settings: ServiceSettings, service: str, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Sends while the block lasts, and once more when it ends; no call waits for it, and no failure is anybody's.

    Args:
        settings: where to, and how often.
        service: whose figures they are, `qmcp-tools`.
        registry: where they stand.
    """
    if not settings.otlp_metrics_address:
        yield
        return
    async with channel(settings.otlp_metrics_address, settings.certificates()) as opened:
        # Whoever asks nobody who its callers are need not have one.
        key = own_key(settings) if settings.access_key_file else ""
        metadata = (("x-api-key", key),) if key else ()
        reporter = Reporter(opened, metadata, service, registry)
        task = asyncio.create_task(reporter.run(settings.otlp_metrics_interval_seconds), name="reporting")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await reporter.send(LAST_SECONDS)


class Reporter:
    """Knows what has been told already, and tells what has changed."""

    def __init__(
        self,
        opened: grpc.aio.Channel,
        metadata: Sequence[tuple[str, str]],
        service: str,
        registry: CollectorRegistry,
    ) -> None:
        self._export = opened.unary_unary(
            EXPORT,
            request_serializer=ExportMetricsServiceRequest.SerializeToString,
            response_deserializer=ExportMetricsServiceResponse.FromString,
        )
        self._metadata = tuple(metadata)
        self._registry = registry
        self._resource = _attributes(
            (
                ("service.name", service),
                ("service.version", version("qmcp")),
                # A process that begins anew is another one, whatever its number.
                ("service.instance.id", f"{socket.gethostname()}-{os.getpid()}"),
            )
        )
        self._started = time.time_ns()
        self._told: dict[tuple[str, Labels], Figure] = {}
        self._failing = False

    async def run(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self.send(SECONDS)

    async def send(self, seconds: float) -> None:
        """Tells what has changed since it was last heard."""
        try:
            async with asyncio.timeout(seconds):
                changed = await asyncio.to_thread(self._changed)
                for begin in range(0, len(changed), MAX_POINTS):
                    part = changed[begin : begin + MAX_POINTS]
                    await self._export(self._request(part), timeout=seconds, metadata=self._metadata)
                    self._told |= {(each.name, each.labels): each for each in part}
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            # Whoever keeps metrics may be away for long; a line each time would be all that the log holds.
            if not self._failing:
                logger.warning("figures_not_sent", error=_reason(error))
            self._failing = True
        else:
            self._failing = False

    def _changed(self) -> list[Figure]:
        return [each for each in figures(self._registry.collect()) if self._told.get((each.name, each.labels)) != each]

    def _request(self, part: Iterable[Figure]) -> ExportMetricsServiceRequest:
        by_name: defaultdict[str, list[Figure]] = defaultdict(list)
        for each in part:
            by_name[each.name].append(each)
        now = time.time_ns()
        request = ExportMetricsServiceRequest()
        of_resource = request.resource_metrics.add()
        of_resource.resource.attributes.extend(self._resource)
        scope = of_resource.scope_metrics.add()
        scope.scope.name = "qmcp"
        scope.metrics.extend(_metric(name, same, self._started, now) for name, same in by_name.items())
        return request


def figures(families: Iterable[Metric], prefix: str = OURS) -> Iterator[Figure]:
    """What a registry holds of names that begin so."""
    for family in families:
        if not family.name.startswith(prefix):
            continue
        if family.type == "histogram":
            yield from _histograms(family)
        elif family.type in ("counter", "gauge"):
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    yield Figure(sample.name, family.type, _labels(sample), sample.value)


def _histograms(family: Metric) -> Iterator[Figure]:
    buckets: defaultdict[Labels, list[tuple[float, float]]] = defaultdict(list)
    sums: dict[Labels, float] = {}
    for sample in family.samples:
        labels = _labels(sample)
        if sample.name.endswith("_bucket"):
            buckets[labels].append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    for labels, counted in buckets.items():
        yield Figure(family.name, "histogram", labels, sums.get(labels, 0.0), tuple(counted))


def _labels(sample: Sample) -> Labels:
    return tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))


def _metric(name: str, same: Sequence[Figure], started: int, now: int) -> metrics_pb2.Metric:
    times: dict[str, Any] = {"start_time_unix_nano": started, "time_unix_nano": now}
    if same[0].kind == "histogram":
        distributions = [_distribution(each, times) for each in same]
        data = metrics_pb2.Histogram(data_points=distributions, aggregation_temporality=CUMULATIVE)
        return metrics_pb2.Metric(name=name, unit="s" if name.endswith("_seconds") else "", histogram=data)
    points = [
        metrics_pb2.NumberDataPoint(as_double=each.value, attributes=_attributes(each.labels), **times) for each in same
    ]
    if same[0].kind == "gauge":
        return metrics_pb2.Metric(name=name, gauge=metrics_pb2.Gauge(data_points=points))
    total = metrics_pb2.Sum(data_points=points, aggregation_temporality=CUMULATIVE, is_monotonic=True)
    return metrics_pb2.Metric(name=name, sum=total)


def _distribution(each: Figure, times: dict[str, Any]) -> metrics_pb2.HistogramDataPoint:
    cumulated = [0, *(int(count) for _, count in each.buckets)]
    return metrics_pb2.HistogramDataPoint(
        count=cumulated[-1],
        sum=each.value,
        bucket_counts=[after - before for before, after in pairwise(cumulated)],
        explicit_bounds=[bound for bound, _ in each.buckets[:-1]],
        attributes=_attributes(each.labels),
        **times,
    )


def _attributes(labels: Iterable[tuple[str, str]]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in labels]


def _reason(error: Exception) -> str:
    return str(error.details()) if isinstance(error, grpc.aio.AioRpcError) else "it took too long"
