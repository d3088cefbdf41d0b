"""Composes the metrics service: database, store → domain → servicer; what must be ready; what runs beside."""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial

from qmcp.metrics.v1 import metrics_service_pb2

from servicekit import call_buckets
from servicekit.forgetting import forgetting
from servicekit.group_commit import CommitMetrics
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import listening
from servicekit.partitions import keeping
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from servicekit.ssrf import AddressPolicy
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.sealing import Sealing
from services.metrics.costs.costs import Costs
from services.metrics.costs.tallying import tally_tokens
from services.metrics.exposition.exposition import Exposition
from services.metrics.ingestion.event_buffer import EventBuffer
from services.metrics.ingestion.event_writer import EventWriter
from services.metrics.ingestion.ingestion import Ingestion
from services.metrics.ingestion.retention import forget_commits
from services.metrics.ingestion.streams import Streams
from services.metrics.limits.preshared_keys import preshared_keys
from services.metrics.limits.rates import Rates
from services.metrics.monitors.actions import AT_A_TIME, Actions
from services.metrics.monitors.conditions import Conditions
from services.metrics.monitors.evaluation import Evaluation
from services.metrics.monitors.messages import transition_json
from services.metrics.monitors.monitors import Monitors
from services.metrics.monitors.store.transitions import forget as forget_transitions
from services.metrics.otlp.exports import Exports, SeriesLimits
from services.metrics.peers import access, peers
from services.metrics.queries.comparisons import Comparisons
from services.metrics.queries.queries import Queries
from services.metrics.retention.models import TABLES
from services.metrics.retention.retention import Retention
from services.metrics.rollups.builder import RollupBuilder
from services.metrics.rollups.folding import Folding
from services.metrics.servicer import Intake, MetricsServicer
from services.metrics.settings import Settings

__all__ = ["Settings", "compose"]

# How long one try of a webhook may take.
WEBHOOK_SECONDS = 10.0

DESCRIPTOR = metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    registry = new_registry()
    own_keys = preshared_keys(os.environ)
    addresses = AddressPolicy(settings.metrics_allowed_networks)
    sealing = Sealing.load(settings.metrics_secrets_key_file, "QMCP_METRICS_SECRETS_KEY_FILE")
    async with (
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-metrics",
            long_reads=settings.database_long_reads,
            registry=registry,
        ) as db,
        access(settings) as resolver,
        peers(settings, settings.hitl_address, settings.tools_address) as acted_on,
        aclosing(WebhookClient(addresses, AT_A_TIME, WEBHOOK_SECONDS, "qmcp-metrics")) as client,
    ):
        # What leaves for Prometheus and collectors.
        exposition = Exposition(settings, registry)
        # What comes in.
        commits = CommitMetrics(registry)
        rates = Rates(db, commits, settings.metrics_rate_limit, exposition.tokens)
        writer = EventWriter(db, commits, settings.metrics_max_queued_bytes, observers=[exposition.instruments])
        buffer = EventBuffer(
            db,
            writer,
            settings.metrics_batch_size,
            settings.metrics_flush_interval_seconds,
            settings.metrics_max_queued_bytes,
        )
        ingestion = Ingestion(writer, buffer, settings.metrics_retention_days)
        # What becomes of it, and what is asked of it.
        builder = RollupBuilder(db, Folding(settings.rollup_dimensions), tally_tokens)
        queries = Queries(db, settings.rollup_dimensions)
        comparisons = Comparisons(db, queries, settings.rollup_dimensions)
        retention = Retention(db, settings.retention_days)

        limits = SeriesLimits(settings.metrics_otlp_max_series, settings.metrics_otlp_max_state_bytes)
        exports = Exports(db, settings.metrics_retention_days, limits, registry)
        # What watches it.
        monitors = Monitors(db, client, sealing)
        evaluation = Evaluation(db, Conditions(queries))
        actions = Actions(db, client, sealing, acted_on, transition_json)
        history = partial(forget_transitions, older_than=timedelta(days=settings.metrics_daily_retention_days))

        streams = Streams()
        intake = Intake(ingestion, rates, exports, streams)
        servicer = MetricsServicer(intake, Costs(db), comparisons, retention, monitors)
        loops = {
            "buffer": buffer.follow,
            "forgetting": forgetting(db, forget_commits, call_buckets.forget, exports.forget, history),
            "monitors": evaluation.run,
            "actions": actions.run,
            "rollups": builder.run,
            "partitions": keeping(db, list(TABLES.values()), *(partial(retention.drop, name) for name in TABLES)),
        }
        await monitors.reseal()
        async with (
            rates.counting(),
            writer.writing(),
            buffer.buffering(),
            listening(settings.database_url, {"metrics_flush": buffer.wake, "monitor_actions": actions.wake}),
            background(loops),
            authenticator(settings, resolver, registry, counts_calls=False, own_keys=own_keys) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=registry,
                checks={"postgres": db.ready, "events": writer.ready, "rates": rates.ready},
                on_drain=streams.close,
            ) as server,
        ):
            with MetricsPage(registry, settings.metrics_host, settings.metrics_port):
                async with exposition.exposing():
                    yield server
