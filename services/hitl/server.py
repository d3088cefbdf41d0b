"""Composes the hitl service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext

from qmcp.hitl.v1 import hitl_service_pb2

from servicekit.forgetting import forgetting
from servicekit.group_commit import CommitMetrics
from servicekit.identity.authentication import authenticator
from servicekit.leased_work import LeasedWork
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import Listener, listening
from servicekit.partitions import keeping
from servicekit.postgres import database
from servicekit.search.index import index
from servicekit.search.indexer import Indexer
from servicekit.search.metrics import SearchMetrics
from servicekit.server import Server, Service, background, serving
from servicekit.smtp import Mailer, server_of
from servicekit.ssrf import AddressPolicy
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.sealing import Sealing, own_secret
from services.hitl.delivery.contacts import Contacts, Unsubscribing
from services.hitl.delivery.delivery_worker import DeliveryWorker
from services.hitl.delivery.dispatch import Dispatcher, Signer
from services.hitl.delivery.metrics import DeliveryMetrics
from services.hitl.delivery.notices.chat import FORMS as CHATS
from services.hitl.delivery.notifier import Notifier
from services.hitl.delivery.webhooks import Webhooks
from services.hitl.lifecycle.inbox import Inbox
from services.hitl.lifecycle.request_writer import RequestWriter
from services.hitl.lifecycle.requesters import Requesters
from services.hitl.lifecycle.requests import Requests
from services.hitl.lifecycle.similar import Similar
from services.hitl.lifecycle.store.leased import find_ended
from services.hitl.lifecycle.store.similar import EndedRequests
from services.hitl.links.links import Links
from services.hitl.links.links import make as make_link
from services.hitl.messages.requests import request_json
from services.hitl.metrics import HitlMetrics
from services.hitl.peers import access, leases
from services.hitl.retention import DELIVERIES, EVENTS, Retention
from services.hitl.servicer import HitlServicer
from services.hitl.settings import Settings
from services.hitl.waiting.event_follower import EventFollower
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
    registry = new_registry()
    metrics, search = HitlMetrics(registry), SearchMetrics(registry)
    addresses = AddressPolicy(settings.hitl_allowed_networks)
    sealing = Sealing.load(settings.hitl_secrets_key_file, "QMCP_HITL_SECRETS_KEY_FILE")
    own = own_secret(settings.hitl_callback_secret_file, "QMCP_HITL_CALLBACK_SECRET_FILE")
    signer, unsubscribing = Signer(sealing, own), Unsubscribing(own)
    async with (
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-hitl",
            long_reads=settings.database_long_reads,
            registry=registry,
            **TUNING,
        ) as db,
        aclosing(
            WebhookClient(
                addresses, settings.hitl_deliveries_at_a_time, settings.hitl_delivery_timeout_seconds, "qmcp-hitl"
            )
        ) as client,
        access(settings) as resolver,
        leases(settings, settings.tasks_address) as holders,
        index("hitl", settings, search, db) if settings.hitl_similar_requests else nullcontext() as found,
    ):
        # What becomes of requests.
        writer = RequestWriter(db, CommitMetrics(registry), metrics)
        similar = Similar(db, found, enabled=settings.hitl_similar_requests)
        indexer = Indexer(db, found, EndedRequests(), search)
        leased = LeasedWork(db, holders, "human_request", find_ended)
        requests = Requests(db, writer, client, similar, leased, settings.hitl_max_timeout_seconds)
        requesters = Requesters(db, writer, resolver, settings.access_remember_seconds)
        inbox = Inbox(db, writer, verified=settings.auth != "off")
        worker = Worker(db, requests, metrics, settings.hitl_sweep_seconds)
        retention = Retention(settings.hitl_history_days)
        # Who waits and watches.
        follower = EventFollower(db, metrics, settings.hitl_max_waiters, settings.hitl_max_watchers)
        waiting = Waiting(requests, follower)
        # Who hears by HTTP.
        links = Links(db, requests.find_in, writer.record, writer.answer, resolver.resolve_callers)
        webhooks = Webhooks(db, client, sealing)
        mailer = _mailer(settings)
        contacts = Contacts(db, client, unsubscribing, _kinds(settings, mailer))
        dispatcher = Dispatcher(client, signer, requests.load, request_json)
        notifier = Notifier(db, client, mailer, settings.hitl_public_url, unsubscribing, requests.load, make_link)
        delivery_worker = DeliveryWorker(settings, db, dispatcher, notifier, writer.record, DeliveryMetrics(registry))

        servicer = HitlServicer(requests, inbox, waiting, follower, links, webhooks, contacts)
        channels: Mapping[str, Listener] = {
            "human_requests": follower.tell,
            "deliveries": delivery_worker.wake,
            "index_outbox": indexer.wake,
        }
        loops = {
            "events": follower.follow,
            "expiry": worker.expire,
            "pending": worker.count,
            "requesters": requesters.follow,
            "deliveries": delivery_worker.run,
            "similar": indexer.run,
            "leases": leased.follow,
            "forgetting": forgetting(db, retention.forget),
            "partitions": keeping(db, [EVENTS, DELIVERIES], retention.drop),
        }
        await webhooks.reseal()
        await follower.begin()
        async with (
            writer.writing(),
            listening(settings.database_url, channels),
            background(loops),
            authenticator(settings, resolver, registry, told=requesters.tell) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=registry,
                checks={"postgres": db.ready, "requests": writer.ready},
                on_drain=follower.close,
            ) as server,
        ):
            with MetricsPage(registry, settings.metrics_host, settings.metrics_port):
                yield server


def _mailer(settings: Settings) -> Mailer | None:
    url = settings.hitl_smtp_url.get_secret_value()
    if not url or not settings.hitl_mail_from:
        return None
    return Mailer(server_of(url), settings.hitl_mail_from, settings.hitl_delivery_timeout_seconds)


def _kinds(settings: Settings, mailer: Mailer | None) -> Sequence[str]:
    """The kinds of contacts that can be reached."""
    if not settings.hitl_public_url:
        return []
    return [*CHATS, *(["email"] if mailer else [])]
