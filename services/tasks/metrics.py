"""The metrics of the tasks service."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter


class TasksMetrics:
    """Counts what tasks come to."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._transitions = Counter(
            "qmcp_tasks_transitions_total", "Tasks that came to a status.", ("status",), registry=registry
        )

    def transitioned(self, statuses: Iterable[str]) -> None:
        """Tasks came to these."""
        for status in statuses:
            self._transitions.labels(status).inc()
