"""Composes the tasks service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from qmcp.tasks.v1 import tasks_service_pb2

from servicekit.forgetting import forgetting
from servicekit.group_commit import CommitMetrics
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import listening
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from servicekit.ssrf import AddressPolicy
from services.tasks.assumptions.assumptions import Assumptions
from services.tasks.board.batches import Batches
from services.tasks.board.board import Board
from services.tasks.board.claiming import Claiming
from services.tasks.board.epics import Epics
from services.tasks.board.leases import Leases
from services.tasks.board.log import TaskLog
from services.tasks.board.projects import Projects
from services.tasks.board.tasks import Tasks
from services.tasks.board.urls import UrlReader
from services.tasks.exchange.exchange import Exchange
from services.tasks.exchange.exporting import Exporting
from services.tasks.exchange.importing import Importing
from services.tasks.knowledge.knowledge import Knowledge
from services.tasks.messages.board import event_to
from services.tasks.metrics import TasksMetrics
from services.tasks.original.board_state import BoardStates
from services.tasks.original.cleaning import Cleaning
from services.tasks.original.details import Details
from services.tasks.original.instructions import Instructions
from services.tasks.original.locks import Locks
from services.tasks.original.operation import Operations
from services.tasks.original.original import Original
from services.tasks.peers import access
from services.tasks.planning.files import PlanningFolder
from services.tasks.planning.planning import Planning
from services.tasks.servicer import TasksServicer
from services.tasks.settings import Settings
from services.tasks.watching.follower import BoardFollower
from services.tasks.watching.store import forget
from services.tasks.worker import Worker

__all__ = ["Settings", "compose"]

DESCRIPTOR = tasks_service_pb2.DESCRIPTOR.services_by_name["TasksService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    registry = new_registry()
    metrics = TasksMetrics(registry)
    async with (
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-tasks",
            long_reads=settings.database_long_reads,
            registry=registry,
        ) as db,
        access(settings) as resolver,
    ):
        leases = Leases(db, metrics, settings.tasks_max_attempts, settings.tasks_max_park_seconds)
        batches = Batches(db, leases, metrics, CommitMetrics(registry))
        claiming = Claiming(batches, metrics, settings.tasks_max_waiters)
        worker = Worker(leases, settings.tasks_sweep_seconds)
        addresses = AddressPolicy(settings.tasks_allowed_networks)
        urls = UrlReader(addresses, settings.tasks_evidence_max_bytes, settings.tasks_evidence_timeout_seconds)
        tasks = Tasks(db, leases, batches, urls, metrics)
        exchange = Exchange(Importing(db), Exporting(db))
        follower = BoardFollower(db, metrics, settings.tasks_max_watchers, event_to)
        board = Board(Projects(db), Epics(db), tasks, TaskLog(db), leases, claiming)
        operations = Operations(db, metrics, settings.tasks_max_watchers)
        original = Original(
            BoardStates(db), Locks(tasks, leases), Details(db), Cleaning(db), Instructions(db), operations
        )
        planning = Planning(PlanningFolder(settings.tasks_planning_folder))
        servicer = TasksServicer(board, exchange, Knowledge(db), Assumptions(db), planning, original, follower)

        def close() -> None:
            claiming.close()
            follower.close()

        async with (
            listening(settings.database_url, {"tasks_ready": claiming.tell}),
            background(
                {
                    "forgetting": forgetting(db, partial(forget, days=settings.tasks_event_days)),
                    "leases": worker.sweep,
                    "boards": follower.follow,
                }
            ),
            authenticator(settings, resolver, registry) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=registry,
                checks={"postgres": db.ready},
                on_drain=close,
            ) as server,
        ):
            with MetricsPage(registry, settings.metrics_host, settings.metrics_port):
                yield server
