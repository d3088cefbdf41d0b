"""Composes the hitl service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qmcp.hitl.v1 import hitl_service_pb2

from servicekit.addresses import Addresses
from servicekit.authentication import authenticator
from servicekit.group_commit import CommitMetrics
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import listening
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from services.hitl.asking import Requests
from services.hitl.decisions import Decisions
from services.hitl.feed import Feed
from services.hitl.handling import Handling
from services.hitl.measures import Measures
from services.hitl.peers import access
from services.hitl.servicer import HitlServicer
from services.hitl.settings import Settings
from services.hitl.waiting import Waiting
from services.hitl.worker import Worker

__all__ = ["Settings", "compose"]

DESCRIPTOR = hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"]
# They wait as long as their callers say, five minutes at most, and have a bound of their own.
WAITS = frozenset({"WaitForResponse"})


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    metrics = new_registry()
    measures = Measures(metrics)
    addresses = Addresses(settings.hitl_allowed_networks)
    async with database(settings.database_url, settings.database_pool_size, "qmcp-hitl") as db:
        decisions = Decisions(db, CommitMetrics(metrics), measures)
        requests = Requests(db, decisions, addresses, settings.hitl_max_timeout_seconds)
        handling = Handling(db, decisions)
        feed = Feed(db, measures, settings.hitl_max_waiters, settings.hitl_max_watchers)
        waiting = Waiting(requests, feed)
        worker = Worker(settings, db, requests, feed, measures)
        servicer = HitlServicer(db, requests, decisions, handling, waiting, feed, keyless=settings.auth == "off")
        await feed.begin()
        async with (
            decisions.deciding(),
            listening(settings.database_url, {"human_requests": feed.tell}),
            background(worker.loops()),
            access(settings) as directory,
            authenticator(settings, directory, metrics) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer, waits=WAITS)],
                authenticator=who,
                registry=metrics,
                checks={"postgres": db.ready},
                leaving=feed.close,
            ) as server,
        ):
            with MetricsPage(metrics, settings.metrics_host, settings.metrics_port):
                yield server
