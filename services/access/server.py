"""Composes the access service: database, store → domain → servicer; what must be ready; what runs beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qmcp.access.v1 import access_service_pb2

from servicekit.forgetting import forgetting
from servicekit.identity.authentication import authenticator
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import listening
from servicekit.partitions import keeping
from servicekit.postgres import database
from servicekit.server import Server, Service, background, serving
from services.access.changes import Changes
from services.access.denials import DENIALS, Denials
from services.access.keys import Keys
from services.access.local_resolver import LocalKeyResolver
from services.access.roles import Roles
from services.access.servicer import AccessServicer
from services.access.settings import Settings

__all__ = ["Settings", "compose"]

DESCRIPTOR = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    metrics = new_registry()
    changes = Changes()
    async with database(
        settings.database_url,
        settings.database_pool_size,
        "qmcp-access",
        long_reads=settings.database_long_reads,
        registry=metrics,
    ) as db:
        keys, roles, denials = Keys(db), Roles(db), Denials(db, settings.access_denials_days)
        await roles.write_built_in()
        if settings.auth == "on":
            await keys.write_preshared(settings.access_preshared_keys_file)
            await keys.bootstrap(settings.access_bootstrap_key_file)
        servicer = AccessServicer(keys, roles, denials, changes)
        async with (
            listening(settings.database_url, {"access_changed": changes.tell}),
            background({"forgetting": forgetting(db), "partitions": keeping(db, [DENIALS], denials.drop)}),
            authenticator(settings, LocalKeyResolver(db, keys, roles, changes), metrics) as who,
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
