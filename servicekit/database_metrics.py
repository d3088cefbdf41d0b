"""How a service uses its database: who waits for a connection, how long one is used, and how transactions end."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from servicekit.metrics import Observations


class DatabaseUsage:
    """What has been, as plain numbers, which the event loop's thread alone writes."""

    def __init__(self) -> None:
        self.waited = Observations()
        self.used = Observations()
        # Of each kind of backup, when the last ended, seconds since 1970; 0: there was none.
        self.backups = {"dump": 0.0}
        self.committed = 0
        self.undone = 0


class DatabaseMetrics(Collector):
    """Shows the use of one pool."""

    def __init__(
        self, registry: CollectorRegistry, usage: DatabaseUsage, connections: Callable[[], dict[str, int]]
    ) -> None:
        """Registers.

        Args:
            registry: of the page.
            usage: of the pool.
            connections: how many there are, by what they do.
        """
        self._usage = usage
        self._connections = connections
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Called by the metrics page."""
        pool = GaugeMetricFamily("qmcp_database_connections", "Connections to the database.", labels=("state",))
        for state, number in self._connections().items():
            pool.add_metric((state,), number)
        yield pool
        for name, text, observed in (
            ("qmcp_database_wait_seconds", "From asking for a connection to having it.", self._usage.waited),
            (
                "qmcp_database_use_seconds",
                "How long a connection was used: its statements, and what is between.",
                self._usage.used,
            ),
        ):
            family = HistogramMetricFamily(name, text)
            observed.add_to(family, ())
            yield family
        saved = GaugeMetricFamily(
            "qmcp_database_backup_timestamp_seconds",
            "When the last backup of a kind ended; 0: there was none.",
            labels=("kind",),
        )
        for kind, at in self._usage.backups.items():
            saved.add_metric((kind,), at)
        yield saved
        ended = CounterMetricFamily("qmcp_database_transactions", "Transactions that ended.", labels=("outcome",))
        ended.add_metric(("committed",), self._usage.committed)
        ended.add_metric(("undone",), self._usage.undone)
        yield ended
