"""Composes the questioning service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qmcp.questioning.v1 import questioning_service_pb2

from servicekit.forgetting import forgetting
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from services.questioning.interviews.banks import Banks
from services.questioning.interviews.conversations import Conversations
from services.questioning.interviews.goals import Engines
from services.questioning.interviews.interviews import Interviews
from services.questioning.interviews.sessions import Sessions
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
    async with (
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-questioning",
            long_reads=settings.database_long_reads,
        ) as db,
        access(settings) as resolver,
    ):
        engines = Engines(settings.questioning_compiled_megabytes * 1024 * 1024)
        conversations = Conversations(db, engines)
        interviews = Interviews(db, conversations, engines, metrics)
        servicer = QuestioningServicer(Sessions(db), conversations, interviews, Banks())
        async with (
            background({"forgetting": forgetting(db)}),
            authenticator(settings, resolver, registry) as who,
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
