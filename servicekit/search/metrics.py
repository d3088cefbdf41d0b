"""The metrics of an index."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class SearchMetrics:
    """How long searches and models take, what they find, and how far the index is behind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.searches = Histogram(
            "qmcp_vector_search_seconds",
            "Searches in the vector store, without the model.",
            registry=registry,
            buckets=FAST,
        )
        self.hits = Histogram(
            "qmcp_vector_search_hits", "What a search found.", registry=registry, buckets=(0, 1, 2, 5, 10, 20, 50)
        )
        self.away = Counter(
            "qmcp_vector_search_away_total", "Searches for which the index was not there.", registry=registry
        )
        self.embeddings = Histogram(
            "qmcp_embedding_seconds",
            "What a text means, asked of the model.",
            ("model",),
            registry=registry,
            buckets=FAST,
        )
        # Of the whole installation, as each replica sees it.
        labels = ("index",)
        self.waiting = Gauge("qmcp_index_waiting", "Items to be brought into the index.", labels, registry=registry)
        self.lag = Gauge("qmcp_index_lag_seconds", "How long the oldest of them waits.", labels, registry=registry)
        self.failed = Gauge(
            "qmcp_index_failed", "Items that could not be brought in, whatever was tried.", labels, registry=registry
        )
