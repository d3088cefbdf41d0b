"""Composes the documents service: database, renderer, store → domain → servicer; what must be ready and runs beside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from qmcp.documents.v1 import documents_service_pb2

from servicekit.forgetting import forgetting
from servicekit.identity.authentication import authenticator
from servicekit.identity.detached_work import DetachedWork
from servicekit.leased_work import LeasedWork
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import Waiters, listening
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from services.documents.forms.uploads import Uploads
from services.documents.human_requests.requests import HumanRequests
from services.documents.interviews.interviews import Interviews
from services.documents.isolation.models import LAYERS, Layer
from services.documents.metrics import DocumentsMetrics
from services.documents.models import CHANNEL
from services.documents.peers import access, hitl, leases, questioning
from services.documents.rendering.renderer import Renderer
from services.documents.runs.archive import Build
from services.documents.runs.batches import BatchBounds, Batches
from services.documents.runs.history import Forgetting, History
from services.documents.runs.meta import Gate
from services.documents.runs.producing import Producer, Terms
from services.documents.runs.running import Runs
from services.documents.runs.slots import Slots
from services.documents.runs.starting import Started, StartedRuns
from services.documents.runs.store.leased import ended_runs
from services.documents.servicer import About, AllRuns, DocumentsServicer
from services.documents.settings import Settings
from services.documents.skills.catalogue import load as load_skills
from services.documents.skills.models import Skill
from services.documents.templates.library import Library
from services.documents.templates.models import TemplateBounds

__all__ = ["Settings", "compose"]

logger = structlog.get_logger(__name__)

DESCRIPTOR = documents_service_pb2.DESCRIPTOR.services_by_name["DocumentsService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    registry = new_registry()
    metrics = DocumentsMetrics(registry)
    async with (
        # First: of a process that is begun while gRPC is at work, it writes a line of its own into the log.
        Renderer(
            skills := load_skills(),
            start_method=settings.documents_mp_start,
            required=LAYERS if settings.documents_require_isolation else (),
        ) as renderer,
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-documents",
            long_reads=settings.database_long_reads,
            registry=registry,
        ) as db,
        access(settings) as resolver,
        hitl(settings, settings.hitl_address) as people,
        questioning(settings, settings.questioning_address) as interviewer,
        leases(settings, settings.tasks_address) as holders,
    ):
        _tell(await renderer.start())
        waiters, work = Waiters(), DetachedWork(resolver, settings.access_stale_seconds)
        producer, about = _producer(settings, renderer, skills, metrics)
        leased = LeasedWork(db, holders, "document_run", ended_runs(producer.terms.max_run_seconds))
        history = History(db, leased)
        beside = Started(waiters, work, leased, settings.documents_max_open_runs)
        started = StartedRuns(db, producer, history, beside, metrics)
        uploads = Uploads(settings.documents_max_upload_bytes, settings.documents_max_held_bytes)
        bounds = TemplateBounds(settings.documents_max_templates, settings.documents_max_templates_bytes)
        library = Library(db, bounds)
        batch_bounds = BatchBounds(settings.documents_max_batch_items, settings.documents_max_open_batches)
        batches = Batches(db, producer, waiters, batch_bounds)
        runs = AllRuns(Runs(db, producer, leased, metrics), started, batches, history)
        servicer = DocumentsServicer(runs, library, uploads, about)
        forgets = Forgetting(settings.documents_max_archives_bytes, settings.documents_keep_runs_days)
        loops = {
            "forgetting": forgetting(db, forgets.archives, forgets.runs),
            "access": work.follow,
            "leases": leased.follow,
            "human-requests": HumanRequests(db, people, waiters).attend,
            "interviews": Interviews(db, interviewer, waiters).attend,
            # One slot is left to those who wait for theirs: a batch would keep them out for as long as it lasts.
            **{f"started-{number}": started.attend for number in range(max(1, settings.documents_max_concurrency - 1))},
        }
        async with (
            listening(settings.database_url, {CHANNEL: waiters.wake}),
            background(loops),
            authenticator(settings, resolver, registry, told=work.tell) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=registry,
                checks={"postgres": db.ready},
            ) as server,
        ):
            with MetricsPage(registry, settings.metrics_host, settings.metrics_port):
                yield server


def _tell(layers: Sequence[Layer]) -> None:
    """Says at the start what keeps the processes of runs apart, and what of it this machine does not have."""
    for layer in layers:
        tell = logger.info if layer.active else logger.warning
        tell("isolation_layer", layer=layer.name, active=layer.active, detail=layer.detail)


def _producer(
    settings: Settings, renderer: Renderer, skills: Mapping[str, Skill], metrics: DocumentsMetrics
) -> tuple[Producer, About]:
    build = Build(version("qmcp"), settings.documents_commit, renderer.fingerprint)
    slots = Slots(settings.documents_max_concurrency, settings.documents_queue_timeout_seconds, metrics.set_slots_taken)
    terms = Terms(
        build,
        settings.documents_max_upload_bytes,
        settings.documents_request_timeout_seconds,
        settings.documents_queue_timeout_seconds,
        settings.documents_keep_archives_hours,
        settings.documents_max_archive_bytes,
        settings.documents_debug_artifacts,
    )
    gate = Gate(enabled=settings.documents_enable_meta, basic_auth=settings.documents_web_basic_auth)
    schemas = {name: skill.payload_schema for name, skill in skills.items()}
    return Producer(renderer, skills, slots, terms), About(gate, schemas, build)
