"""What the client can do with metrics."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from qmcp.client.calling.aio import AsyncCalls
from qmcp.client.calling.conversion import from_message, to_message, to_timestamp
from qmcp.client.metrics.models import (
    Cost,
    FlushedMetrics,
    IngestedMetrics,
    Metric,
    MetricSeries,
    Monitor,
    MonitorTransition,
    Price,
    PriceTable,
    RateLimit,
    StreamedMetrics,
)
from qmcp.metrics.v1 import cost_pb2, metric_pb2, monitor_pb2, monitor_transition_pb2, query_pb2
from qmcp.metrics.v1 import metrics_service_pb2 as api


class AsyncMetrics(AsyncCalls):
    """The calls of the metrics service."""

    async def ingest_metrics(
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
        return await self._call(request, IngestedMetrics)

    async def stream_metrics(
        self,
        service: str,
        batches: Iterable[Sequence[Metric]],
        *,
        version: str = "",
        instance_id: str = "",
        key: str = "",
        timeout: float | None = None,
    ) -> StreamedMetrics:
        """Sends batches of at most 10,000 events as they come, and waits until all are durable.

        It is sent once: where it fails, `batches` in the metadata of the error says how many need not be sent again.
        With a key each batch has one of its own, `<key>-<number>`, and counts once in however many streams it comes.
        """
        requests = (
            api.StreamMetricsRequest(
                service=service,
                version=version,
                instance_id=instance_id,
                metrics=[to_message(metric, metric_pb2.Metric()) for metric in batch],
                idempotency_key=key and f"{key}-{number}",
            )
            for number, batch in enumerate(batches)
        )
        return from_message(StreamedMetrics, await self._upload(requests, api.StreamMetricsRequest, timeout))

    async def create_price_table(
        self, prices: Sequence[Price], *, effective_at: datetime | None = None, idempotency_key: str | None = None
    ) -> PriceTable:
        """Says what tokens cost from a time on, None: from now on."""
        table = cost_pb2.PriceTable(
            prices=[to_message(price, cost_pb2.Price()) for price in prices], effective_at=to_timestamp(effective_at)
        )
        request = cost_pb2.CreatePriceTableRequest(price_table=table, idempotency_key=idempotency_key)
        return await self._call(request, PriceTable)

    async def list_price_tables(self, limit: int | None = 50) -> list[PriceTable]:
        """The newest price tables; `limit` None means all there are."""
        return await self._list(cost_pb2.ListPriceTablesRequest(), PriceTable, limit=limit)

    async def query_costs(
        self,
        group_by: Sequence[str] = (),
        *,
        path_dimension: str = "",
        beneath: str = "",
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> list[Cost]:
        """What the tokens cost that were used within a time, by dimensions, the dearest first; at most 1,000 groups.

        A day before the end where no start is given, and now where no end is. Of `path_dimension`, as `task.path`, each
        step is a group that has all beneath it; `beneath` one of them, nothing else is told.
        """
        request = cost_pb2.QueryCostsRequest(
            group_by=group_by,
            path_dimension=path_dimension,
            beneath=beneath,
            start_at=to_timestamp(start_at),
            end_at=to_timestamp(end_at),
        )
        answer = await self._send(request)
        return [from_message(Cost, each) for each in answer.costs]

    async def query_metrics(
        self,
        *,
        service: str = "",
        event_type: str = "",
        measure: str = "",
        dimensions: Mapping[str, str] | None = None,
        group_by: Sequence[str] = (),
        start_at: datetime | None = None,
        end_at: datetime | None = None,
        step_seconds: int = 0,
        quantiles: Sequence[float] = (),
    ) -> list[MetricSeries]:
        """What was measured, by groups and over time; `step_seconds` 0 means one point for all of the time.

        A day before the end where no start is given, and now where no end is. `measure` is `value` or `duration_ms`.
        """
        filters = [query_pb2.DimensionFilter(key=name, values=[value]) for name, value in (dimensions or {}).items()]
        request = query_pb2.QueryMetricsRequest(
            selection=query_pb2.MetricSelection(service=service, type=event_type, measure=measure, dimensions=filters),
            group_by=group_by,
            start_at=to_timestamp(start_at),
            end_at=to_timestamp(end_at),
            step_seconds=step_seconds,
            quantiles=quantiles,
        )
        answer = await self._send(request)
        return [from_message(MetricSeries, each) for each in answer.series]

    async def create_monitor(self, monitor: Monitor, *, idempotency_key: str | None = None) -> Monitor:
        """Makes a monitor; the secret of its webhooks is in this answer and nowhere else."""
        message = to_message(monitor, monitor_pb2.Monitor())
        request = monitor_pb2.CreateMonitorRequest(monitor=message, idempotency_key=idempotency_key)
        return await self._call(request, Monitor)

    async def get_monitor(self, monitor_id: str) -> Monitor:
        """A monitor as it stands, without its secret."""
        return await self._call(monitor_pb2.GetMonitorRequest(id=monitor_id), Monitor)

    async def list_monitors(self, *, state: str = "", limit: int | None = 50) -> list[Monitor]:
        """The newest monitors, of a state where one is given; `limit` None means all there are."""
        return await self._list(monitor_pb2.ListMonitorsRequest(state=state), Monitor, limit=limit)

    async def update_monitor(
        self, monitor: Monitor, *, rotate_secret: bool = False, grace_seconds: int | None = None
    ) -> Monitor:
        """Replaces the definition of a monitor; its state stays.

        A new secret signs beside the old one for `grace_seconds`; None is a day.
        """
        message = to_message(monitor, monitor_pb2.Monitor())
        request = monitor_pb2.UpdateMonitorRequest(
            monitor=message, rotate_secret=rotate_secret, grace_seconds=grace_seconds
        )
        return await self._call(request, Monitor)

    async def delete_monitor(self, monitor_id: str) -> None:
        """Removes a monitor; its history stays."""
        await self._send(monitor_pb2.DeleteMonitorRequest(id=monitor_id))

    async def list_monitor_transitions(
        self, *, monitor_id: str = "", state: str = "", limit: int | None = 50
    ) -> list[MonitorTransition]:
        """How states of monitors changed, newest first, and what was done about it; `limit` None means all."""
        request = monitor_transition_pb2.ListMonitorTransitionsRequest(monitor_id=monitor_id, state=state)
        return await self._list(request, MonitorTransition, limit=limit)

    async def flush_metrics(self) -> FlushedMetrics:
        """Has what is buffered written."""
        return await self._call(api.FlushMetricsRequest(), FlushedMetrics)

    async def get_rate_limit(self) -> RateLimit:
        """What the caller has left of its calls a minute."""
        return await self._call(api.GetRateLimitRequest(), RateLimit)
