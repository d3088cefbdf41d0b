"""Composes the tools service: database, store → domain → servicer; what must be ready; what runs beside."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

import uuid_utils.compat as uuid
from qmcp.tools.v1 import tools_service_pb2

from servicekit.group_commit import CommitMetrics
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import Waiters, listening
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from servicekit.ssrf import AddressPolicy
from services.tools.approval.approvals import Approvals
from services.tools.audit.checkpoints import SigningKey, old_keys
from services.tools.audit.history import History
from services.tools.audit.recording import Recorder
from services.tools.catalogue import plugins
from services.tools.catalogue.catalogue import Registry
from services.tools.catalogue.grpc_tools import GrpcTools
from services.tools.catalogue.http_tools import HttpTools
from services.tools.catalogue.named_secrets import Secrets
from services.tools.execution.execution import Execution
from services.tools.metrics import Measures
from services.tools.peers import access, hitl
from services.tools.servicer import ToolsServicer
from services.tools.settings import Settings
from services.tools.worker import Worker

__all__ = ["Settings", "compose"]

DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    key = SigningKey.load(settings.tools_receipt_key_file)
    previous_keys = old_keys(settings.tools_receipt_old_keys_file)
    metrics = new_registry()
    measures = Measures(metrics)
    waiters = Waiters()
    replica: UUID = uuid.uuid7()
    addresses = AddressPolicy(settings.tools_allowed_networks)
    secrets = Secrets(settings.tools_secrets_dir)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.tools_threads, "tool"))

    async with (
        database(settings.database_url, settings.database_pool_size, "qmcp-tools") as db,
        aclosing(HttpTools(addresses, secrets, settings.tools_max_response_bytes)) as http_tools,
        aclosing(GrpcTools(addresses, settings.tools_max_response_bytes)) as grpc_tools,
        hitl(settings, settings.hitl_address) as humans,
    ):
        registry = Registry(db, plugins.load(), http_tools, grpc_tools, addresses, secrets)
        await registry.register_plugins()
        # The recorder tells the execution of orphans, the execution writes through the recorder.
        recorder = Recorder(db, replica, CommitMetrics(metrics), lambda intent: execution.orphaned(intent))  # noqa: PLW0108 - it does not exist yet
        execution = Execution(registry, recorder, db, waiters, measures, settings.tools_queue_per_slot)
        approvals = Approvals(db, replica, humans, registry, execution, recorder, measures)
        history = History(db, waiters, approvals, [key.public, *previous_keys])
        worker = Worker(settings, db, replica, execution, recorder, registry, approvals, key, measures)
        channels = {
            "tools_changed": registry.forget,
            "invocations": waiters.wake,
            "cancellations": lambda payload: worker.cancel(UUID(payload)) if payload else None,
        }
        await worker.show_life()
        servicer = ToolsServicer(db, registry, execution, history, key)
        async with (
            recorder.recording(),
            execution.executing(settings.shutdown_grace_seconds),
            listening(settings.database_url, channels),
            background(worker.loops()),
            access(settings) as resolver,
            authenticator(settings, resolver, metrics) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer)],
                authenticator=who,
                registry=metrics,
                checks={"postgres": db.ready},
            ) as server,
        ):
            with MetricsPage(metrics, settings.metrics_host, settings.metrics_port):
                yield server
                execution.stopping = True
        await worker.leave()
