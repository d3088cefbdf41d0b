"""Shows and sends what leaves the service by Prometheus and OTLP, as its settings say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from opentelemetry.util.re import parse_env_headers
from prometheus_client import CollectorRegistry

from servicekit.metrics import MetricsPage
from services.metrics.exposition.instruments import Instruments
from services.metrics.exposition.labels import Labels
from services.metrics.exposition.page import AvailableTokens, registry_of
from services.metrics.exposition.push import Push, exporter
from services.metrics.settings import Settings


class Exposition:
    """The instruments, and where they are to be seen."""

    def __init__(self, settings: Settings, counted: CollectorRegistry) -> None:
        """`counted` has what the service counts of itself."""
        self._settings = settings
        most = settings.metrics_max_label_cardinality
        labels = Labels(
            settings.metrics_label_keys,
            most,
            settings.metrics_max_label_length,
            settings.metrics_max_label_combinations,
        )
        self.instruments = Instruments(settings.metrics_histogram_buckets, labels)
        self.tokens = AvailableTokens(most)
        self._registry = registry_of(counted, self.instruments, self.tokens)

    @asynccontextmanager
    async def exposing(self) -> AsyncIterator[None]:
        """Shows them while the block lasts, and sends them."""
        settings = self._settings
        with ExitStack() as shown:
            if settings.metrics_prometheus_enabled:
                page = MetricsPage(
                    self._registry,
                    settings.metrics_host,
                    settings.metrics_prometheus_port,
                    "QMCP_METRICS_PROMETHEUS_PORT",
                )
                shown.enter_context(page)
            async with self._pushing():
                yield

    @asynccontextmanager
    async def _pushing(self) -> AsyncIterator[None]:
        settings = self._settings
        if not settings.metrics_otlp_endpoint:
            yield
            return
        headers = parse_env_headers(settings.metrics_otlp_headers, liberal=True)
        push = Push(
            exporter(settings.metrics_otlp_endpoint, headers),
            self._registry,
            settings.metrics_otlp_service_name,
            settings.metrics_otlp_temporality,
        )
        task = asyncio.create_task(push.run(settings.metrics_otlp_export_interval_ms / 1000), name="push")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await push.send()
