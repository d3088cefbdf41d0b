# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with metrics."""

from collections.abc import Sequence

from qmcp.client.calling.conversion import to_message
from qmcp.client.calling.sync import Calls
from qmcp.client.metrics.models import FlushedMetrics, IngestedMetrics, Metric, RateLimit
from qmcp.metrics.v1 import metric_pb2
from qmcp.metrics.v1 import metrics_service_pb2 as api


class Metrics(Calls):
    """The calls of the metrics service."""

    def ingest_metrics(
        self,
        service: str,
        metrics: Sequence[Metric],
        *,
        version: str = "",
        instance_id: str = "",
        ack: str = "",
        idempotency_key: str | None = None,
    ) -> IngestedMetrics:
        """Sends what was measured; the answer says which events were not taken, and why."""
        request = api.IngestMetricsRequest(
            service=service,
            version=version,
            instance_id=instance_id,
            metrics=[to_message(metric, metric_pb2.Metric()) for metric in metrics],
            ack=ack,
            idempotency_key=idempotency_key,
        )
        return self._call(request, IngestedMetrics)

    def flush_metrics(self) -> FlushedMetrics:
        """Has what is buffered written."""
        return self._call(api.FlushMetricsRequest(), FlushedMetrics)

    def get_rate_limit(self) -> RateLimit:
        """What the caller has left of its calls a minute."""
        return self._call(api.GetRateLimitRequest(), RateLimit)
