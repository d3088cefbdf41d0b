"""Composes the questioning service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from prometheus_client import CollectorRegistry
from qmcp.questioning.v1 import questioning_service_pb2

from servicekit.forgetting import forgetting
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import listening
from servicekit.postgres import database
from servicekit.search.index import index
from servicekit.search.indexer import Indexer
from servicekit.search.metrics import SearchMetrics
from servicekit.server import Server, Service, background, serving
from services.questioning.interviews.conversations import Conversations
from services.questioning.interviews.exporting import Exporting
from services.questioning.interviews.goals import Engines
from services.questioning.interviews.interviews import Interviews
from services.questioning.interviews.kept_banks import KeptBanks
from services.questioning.interviews.sessions import Sessions
from services.questioning.interviews.writing import Writers
from services.questioning.language_model.client import LanguageModel
from services.questioning.language_model.protocols import ModelSettings
from services.questioning.memory.likeness import Thresholds
from services.questioning.memory.memory import Memory
from services.questioning.memory.store import Messages
from services.questioning.memory.upkeep import Upkeep
from services.questioning.metrics import QuestioningMetrics
from services.questioning.peers import access
from services.questioning.servicer import QuestioningServicer
from services.questioning.settings import Settings

__all__ = ["Settings", "compose"]

DESCRIPTOR = questioning_service_pb2.DESCRIPTOR.services_by_name["QuestioningService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    registry = new_registry()
    metrics = QuestioningMetrics(registry)
    search = SearchMetrics(registry)
    async with (
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-questioning",
            long_reads=settings.database_long_reads,
            registry=registry,
        ) as db,
        access(settings) as resolver,
        language_model(settings) as model,
        index("questioning", settings, search, db) as found,
    ):
        engines = Engines(settings.questioning_compiled_megabytes * 1024 * 1024)
        conversations = Conversations(db, engines)
        writers = Writers(db, model, settings.questioning_engine, metrics)
        thresholds = Thresholds(settings.questioning_confirm_similarity, settings.questioning_prefill_similarity)
        memory = Memory(db, found, thresholds)
        indexer = Indexer(db, found, Messages(), search)
        interviews = Interviews(db, conversations, engines, writers, memory, metrics)
        servicer = QuestioningServicer(
            Sessions(db), conversations, interviews, KeptBanks(db), Exporting(db), Upkeep(indexer)
        )
        async with (
            listening(settings.database_url, {"index_outbox": indexer.wake}),
            background({"forgetting": forgetting(db), "memory": indexer.run}),
            authenticator(settings, resolver, registry) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=registry,
                checks={"postgres": db.ready},
            ) as server,
        ):
            with _page(settings, registry):
                yield server


@asynccontextmanager
async def language_model(settings: Settings) -> AsyncIterator[LanguageModel | None]:
    """The model that is asked; None where none is set."""
    if not settings.questioning_openai_model_name:
        yield None
        return
    model = LanguageModel(
        settings.questioning_protocol,
        ModelSettings(
            settings.base_url,
            settings.questioning_openai_api_key.get_secret_value(),
            settings.questioning_openai_model_name,
            settings.questioning_llm_temperature,
            settings.questioning_max_tokens,
        ),
        settings.questioning_llm_timeout_seconds,
        settings.questioning_async_workers,
    )
    try:
        yield model
    finally:
        await model.aclose()


def _page(settings: Settings, registry: CollectorRegistry) -> AbstractContextManager[object]:
    """Where Prometheus scrapes, if it may."""
    if not settings.questioning_metrics_enabled:
        return nullcontext()
    return MetricsPage(registry, settings.metrics_host, settings.metrics_port)
