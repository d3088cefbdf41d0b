"""The metrics of the tools service."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sized
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from servicekit.metrics import Observations

# Tools come and go; the label must not grow for ever. Those past this many share one.
MAX_LABELS = 1_000
OTHER = "_other"
UNKNOWN = "_unknown"


class ToolMetrics(Collector):
    """Counts and times invocations by tool; plain numbers, see servicekit.metrics.Observations."""

    def __init__(self, registry: CollectorRegistry, active: Sized) -> None:
        """Begins at nothing; the size of `active`, invocations open here, is read when the page is scraped."""
        self._active = active
        self._ended: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._refused: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._durations: defaultdict[str, Observations] = defaultdict(Observations)
        self._interrupted = 0
        self._checkpoint_at = monotonic()
        self._awaiting_approval = 0
        self._hitl_failures = 0
        self._mcp_servers: Mapping[str, tuple[bool, int]] = {}
        registry.register(self)

    def ended(self, tool: str, status: str, seconds: float | None) -> None:
        """An outcome; without a time where nothing was run."""
        label = self._label(tool)
        self._ended[label, status] += 1
        observed = self._durations[label]
        if seconds is not None:
            observed.observe(seconds)

    def refused(self, tool: str, reason: str) -> None:
        """A refusal; the name of an unknown tool is no label, because callers choose it."""
        self._refused[self._label(tool) if tool else UNKNOWN, reason] += 1

    def interrupted(self, count: int) -> None:
        self._interrupted += count

    def awaiting_approval(self, count: int) -> None:
        """How many invocations await their approval, in the database, as this process last saw it."""
        self._awaiting_approval = count

    def checkpoint_looked_after(self) -> None:
        """A checkpoint was due, and has been signed by somebody where there was anything to sign."""
        self._checkpoint_at = monotonic()

    def mcp_servers(self, servers: Mapping[str, tuple[bool, int]]) -> None:
        """Of each MCP server, whether this process reaches it, and how many tools it has. There are few of them."""
        self._mcp_servers = servers

    def hitl_failed(self) -> None:
        """A call to hitl that has to be made again."""
        self._hitl_failures += 1

    def collect(self) -> Iterator[Metric]:
        """Called by the metrics page."""
        ended = CounterMetricFamily("qmcp_tool_invocations", "Invocations that ended.", labels=("tool", "status"))
        for labels, count in list(self._ended.items()):
            ended.add_metric(labels, count)
        yield ended
        refused = CounterMetricFamily(
            "qmcp_tool_refusals", "Invocations refused before anything ran.", labels=("tool", "reason")
        )
        for labels, count in list(self._refused.items()):
            refused.add_metric(labels, count)
        yield refused
        durations = HistogramMetricFamily("qmcp_tool_duration_seconds", "From the intent to the end.", labels=("tool",))
        for tool, observed in list(self._durations.items()):
            observed.add_to(durations, (tool,))
        yield durations
        yield CounterMetricFamily(
            "qmcp_tool_interrupted", "Invocations that a dead replica left open, found by the sweep.", self._interrupted
        )
        up = GaugeMetricFamily("qmcp_mcp_server_up", "Whether an MCP server is reached from here.", labels=("server",))
        tools = GaugeMetricFamily("qmcp_mcp_server_tools", "Tools that it lists.", labels=("server",))
        for server, (is_up, count) in self._mcp_servers.items():
            up.add_metric((server,), float(is_up))
            tools.add_metric((server,), count)
        yield up
        yield tools
        yield GaugeMetricFamily("qmcp_tool_in_flight", "Invocations begun and not ended.", len(self._active))
        yield GaugeMetricFamily(
            "qmcp_tool_awaiting_approval",
            "Invocations that await their approval, on all replicas together.",
            self._awaiting_approval,
        )
        yield CounterMetricFamily(
            "qmcp_tool_hitl_failures", "Calls to hitl that failed and are made again.", self._hitl_failures
        )
        yield GaugeMetricFamily(
            "qmcp_receipts_checkpoint_age_seconds",
            "Time since the last checkpoint was due.",
            monotonic() - self._checkpoint_at,
        )

    def _label(self, tool: str) -> str:
        return tool if tool in self._durations or len(self._durations) < MAX_LABELS else OTHER
