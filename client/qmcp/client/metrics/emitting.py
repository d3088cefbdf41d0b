"""Metrics of MCP servers and agents by the original's names, sent in the background and when the program ends."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from qmcp.client.metrics.batching import EventBatcher
from qmcp.client.metrics.models import Metric
from qmcp.client.sync import Client

logger = logging.getLogger(__name__)

# Beyond it the service would not take it.
MAX_QUERY = 100


class MetricsClient:
    """Takes what was measured; a thread sends it, again where that can help. No call waits for the wire, or raises.

    Each `emit_…` says whether the event was taken, which it is not while too many wait (`dropped` counts these). The
    forms with `_sync` are for code that does not await.
    """

    def __init__(
        self,
        service_name: str,
        service_version: str = "",
        instance_id: str = "",
        *,
        metrics_url: str | None = None,
        api_key: str | None = None,
        batch_size: int = 500,
        flush_seconds: float = 1.0,
        max_waiting: int = 10_000,
    ) -> None:
        """`metrics_url` is an address as `Client` takes it; None takes METRICS_SERVICE_URL, else what `Client` takes.

        `api_key` None takes METRICS_API_KEY, else QMCP_API_KEY.
        """
        self._names = {"version": service_version, "instance_id": instance_id}
        self._service = service_name
        self._url = metrics_url or os.environ.get("METRICS_SERVICE_URL")
        self._key = api_key or os.environ.get("METRICS_API_KEY")
        self._client: Client | None = None
        self._batcher = EventBatcher(
            self._send, batch_size=batch_size, flush_seconds=flush_seconds, max_waiting=max_waiting
        )

    @property
    def dropped(self) -> int:
        """Events that were not sent: too many waited, or they were refused."""
        return self._batcher.dropped

    def emit(
        self,
        event_type: str,
        value: float = 1.0,
        duration_ms: float | None = None,
        dimensions: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Takes an event of any type. Of dimensions and metadata what is None is left out."""
        return self._batcher.put(
            Metric(
                type=event_type,
                at=at or datetime.now(UTC),
                value=float(value),
                duration_ms=duration_ms,
                dimensions={name: _text(each) for name, each in (dimensions or {}).items() if each is not None},
                metadata={name: each for name, each in (metadata or {}).items() if each is not None} or None,
            )
        )

    def emit_auth_metric_sync(
        self,
        success: bool,
        method: str,
        duration_ms: float,
        server_name: str | None = None,
        user_hash: str | None = None,
        error_code: str | None = None,
    ) -> bool:
        """An authentication."""
        dimensions = {"success": success, "method": method, "server": server_name, "user_hash": user_hash}
        return self.emit("auth_request", 1, duration_ms, dimensions, {"error_code": error_code})

    def emit_registry_metric_sync(
        self,
        operation: str,
        resource_type: str,
        success: bool,
        duration_ms: float,
        resource_id: str | None = None,
        user_id: str | None = None,
        error_code: str | None = None,
    ) -> bool:
        """An operation on a registry: `create`, `read`, `update`, `delete`, `list`, `search`."""
        dimensions = {
            "operation": operation,
            "resource_type": resource_type,
            "success": success,
            "resource_id": resource_id,
            "user_id": user_id,
        }
        return self.emit("registry_operation", 1, duration_ms, dimensions, {"error_code": error_code})

    def emit_discovery_metric_sync(
        self,
        query: str,
        results_count: int,
        duration_ms: float,
        top_k_services: int | None = None,
        top_n_tools: int | None = None,
        embedding_time_ms: float | None = None,
        faiss_search_time_ms: float | None = None,
    ) -> bool:
        """A search for tools; of its query the first 100 characters."""
        dimensions = {
            "query": query[:MAX_QUERY],
            "results_count": results_count,
            "top_k_services": top_k_services,
            "top_n_tools": top_n_tools,
        }
        metadata = {"embedding_time_ms": embedding_time_ms, "faiss_search_time_ms": faiss_search_time_ms}
        return self.emit("tool_discovery", 1, duration_ms, dimensions, metadata)

    def emit_tool_execution_metric_sync(
        self,
        tool_name: str,
        server_path: str,
        server_name: str,
        success: bool,
        duration_ms: float,
        input_size_bytes: int | None = None,
        output_size_bytes: int | None = None,
        error_code: str | None = None,
        client_name: str | None = None,
        client_version: str | None = None,
    ) -> bool:
        """A run of a tool."""
        dimensions = {
            "tool_name": tool_name,
            "server_path": server_path,
            "server_name": server_name,
            "success": success,
            "client_name": client_name,
            "client_version": client_version,
        }
        metadata = {
            "error_code": error_code,
            "input_size_bytes": input_size_bytes,
            "output_size_bytes": output_size_bytes,
        }
        return self.emit("tool_execution", 1, duration_ms, dimensions, metadata)

    def emit_health_metric_sync(
        self, endpoint: str, status_code: int, duration_ms: float, healthy: bool = True
    ) -> bool:
        """A health check."""
        dimensions = {"endpoint": endpoint, "status_code": status_code, "healthy": healthy}
        return self.emit("health_check", 1, duration_ms, dimensions)

    def emit_custom_metric_sync(
        self,
        metric_name: str,
        value: float,
        duration_ms: float | None = None,
        dimensions: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """Anything else; its name is the dimension `metric_name`."""
        return self.emit("custom", value, duration_ms, {**(dimensions or {}), "metric_name": metric_name}, metadata)

    def emit_metrics_batch_sync(self, metrics: Iterable[Mapping[str, Any]]) -> bool:
        """Whether all are taken; of each `type`, `value`, `duration_ms`, `dimensions`, `metadata`, `timestamp`."""
        taken = [
            self.emit(
                each.get("type", "custom"),
                each.get("value", 1.0),
                each.get("duration_ms"),
                each.get("dimensions"),
                each.get("metadata"),
                each.get("timestamp"),
            )
            for each in metrics
        ]
        return bool(taken) and all(taken)

    async def emit_auth_metric(self, *arguments: Any, **named: Any) -> bool:
        """See emit_auth_metric_sync, as all of these: nothing in them waits."""
        return self.emit_auth_metric_sync(*arguments, **named)

    async def emit_registry_metric(self, *arguments: Any, **named: Any) -> bool:
        """See emit_registry_metric_sync."""
        return self.emit_registry_metric_sync(*arguments, **named)

    async def emit_discovery_metric(self, *arguments: Any, **named: Any) -> bool:
        """See emit_discovery_metric_sync."""
        return self.emit_discovery_metric_sync(*arguments, **named)

    async def emit_tool_execution_metric(self, *arguments: Any, **named: Any) -> bool:
        """See emit_tool_execution_metric_sync."""
        return self.emit_tool_execution_metric_sync(*arguments, **named)

    async def emit_health_metric(self, *arguments: Any, **named: Any) -> bool:
        """See emit_health_metric_sync."""
        return self.emit_health_metric_sync(*arguments, **named)

    async def emit_custom_metric(self, *arguments: Any, **named: Any) -> bool:
        """See emit_custom_metric_sync."""
        return self.emit_custom_metric_sync(*arguments, **named)

    async def emit_metrics_batch(self, metrics: Iterable[Mapping[str, Any]]) -> bool:
        """See emit_metrics_batch_sync."""
        return self.emit_metrics_batch_sync(metrics)

    def flush(self, timeout: float = 30.0) -> bool:
        """Has all that waits sent now; False where it was not sent in so many seconds."""
        return self._batcher.flush(timeout)

    def close(self) -> None:
        """Sends what waits and takes no more; a program that ends does it by itself."""
        self._batcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, metrics: Sequence[Metric], idempotency_key: str) -> int:
        if self._client is None:
            self._client = Client(self._url, api_key=self._key)
        answer = self._client.ingest_metrics(self._service, metrics, **self._names, idempotency_key=idempotency_key)
        if answer.errors:
            logger.warning("%d metrics were rejected, the first because %s", answer.rejected, answer.errors[0])
        return answer.rejected


def _text(value: Any) -> str:
    """As JSON has it, so that True of one language is true of all."""
    return str(value).lower() if isinstance(value, bool) else str(value)
