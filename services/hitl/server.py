"""Composes the hitl service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from qmcp.hitl.v1 import hitl_service_pb2

from servicekit.group_commit import CommitMetrics
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import listening
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from servicekit.ssrf import AddressPolicy
from services.hitl.delivery.delivery_worker import Sender
from services.hitl.delivery.metrics import DeliveryMeasures
from services.hitl.delivery.sealing import Sealing, callback_secret
from services.hitl.delivery.webhook_client import Receivers
from services.hitl.delivery.webhooks import Webhooks
from services.hitl.lifecycle.inbox import Handling
from services.hitl.lifecycle.request_writer import Decisions
from services.hitl.lifecycle.requests import Requests
from services.hitl.lifecycle.similar import Similar
from services.hitl.links.links import Links
from services.hitl.messages.requests import request_json
from services.hitl.metrics import Measures
from services.hitl.peers import access
from services.hitl.servicer import HitlServicer
from services.hitl.settings import Settings
from services.hitl.waiting.event_follower import Feed
from services.hitl.waiting.waiting import Waiting
from services.hitl.worker import Worker

__all__ = ["Settings", "compose"]

# Statements are planned while tables are small, and the plans are kept: without this, the whole table of requests was
# read for every batch of answers until Postgres analysed it (1,605 answers a second, with it 2,254).
TUNING = {"enable_seqscan": "off"}

DESCRIPTOR = hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    metrics = new_registry()
    measures = Measures(metrics)
    addresses = AddressPolicy(settings.hitl_allowed_networks)
    sealing = Sealing.load(settings.hitl_secrets_key_file)
    signing = callback_secret(settings.hitl_callback_secret_file)
    async with (
        database(settings.database_url, settings.database_pool_size, "qmcp-hitl", **TUNING) as db,
        aclosing(
            Receivers(addresses, settings.hitl_deliveries_at_a_time, settings.hitl_delivery_timeout_seconds)
        ) as receivers,
    ):
        decisions = Decisions(db, CommitMetrics(metrics), measures)
        requests = Requests(db, decisions, receivers, settings.hitl_max_timeout_seconds)
        handling = Handling(db, decisions)
        feed = Feed(db, measures, settings.hitl_max_waiters, settings.hitl_max_watchers)
        waiting = Waiting(requests, feed)
        similar = Similar(db, enabled=settings.hitl_similar_requests)
        links = Links(db, requests.find_in, handling.record, decisions.answer)
        webhooks = Webhooks(db, receivers, sealing)
        await webhooks.reseal()

        async def described(human_request_id: str) -> dict[str, Any]:
            return request_json(await requests.get(human_request_id))

        sender = Sender(
            settings, db, receivers, sealing, signing, described, handling.record, DeliveryMeasures(metrics)
        )
        worker = Worker(settings, db, requests, feed, sender, measures)
        servicer = HitlServicer(
            db,
            requests,
            decisions,
            handling,
            waiting,
            feed,
            similar,
            links,
            webhooks,
            keyless=settings.auth == "off",
        )
        await feed.begin()
        async with (
            decisions.deciding(),
            listening(settings.database_url, {"human_requests": feed.tell, "deliveries": sender.wake}),
            background(worker.loops()),
            access(settings) as resolver,
            authenticator(settings, resolver, metrics) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=metrics,
                checks={"postgres": db.ready},
                on_drain=feed.close,
            ) as server,
        ):
            with MetricsPage(metrics, settings.metrics_host, settings.metrics_port):
                yield server
