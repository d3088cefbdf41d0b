"""The access service asks itself who its own callers are, without a detour over the wire."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from servicekit.errors import unavailable
from servicekit.identity.credentials import ApiKey
from servicekit.identity.principal import Principal
from servicekit.identity.resolver import Denial, ResolvedKey, ResolvedRoles
from servicekit.postgres import Database
from servicekit.sqlstates import service_error
from services.access import models
from services.access.changes import Changes
from services.access.denials import record
from services.access.keys import Keys
from services.access.roles import Roles
from services.access.store import keys as keys_store

HEARTBEAT_SECONDS = 10.0


class LocalKeyResolver:
    """Implements `servicekit.identity.resolver.KeyResolver`."""

    def __init__(self, database: Database, keys: Keys, roles: Roles, changes: Changes) -> None:
        self._database = database
        self._keys = keys
        self._roles = roles
        self._changes = changes

    async def resolve_key(self, key: ApiKey) -> ResolvedKey | None:
        """See KeyResolver."""
        async with _answering():
            identity = await self._keys.resolve(key)
        if identity is None:
            return None
        until = identity.valid_until.timestamp() if identity.valid_until else None
        return ResolvedKey(
            identity.principal,
            frozenset(identity.permissions),
            identity.rate_per_minute,
            until,
            frozenset(identity.roles),
            identity.limits,
            identity.narrowed,
        )

    async def resolve_roles(self, roles: Sequence[str]) -> ResolvedRoles:
        """See KeyResolver."""
        async with _answering():
            return await self._roles.resolve(roles)

    async def resolve_callers(self, references: Sequence[str]) -> Mapping[str, Principal]:
        """See KeyResolver."""
        async with _answering():
            found = await self._keys.resolve_callers(references)
        return {name: Principal("", each.permissions, narrowed=each.narrowed) for name, each in found.items()}

    async def changes(self) -> AsyncIterator[str]:
        """See KeyResolver."""
        async for changed in self._changes.watch(HEARTBEAT_SECONDS):
            if changed is not None:
                yield changed

    async def report(self, denials: Sequence[Denial], used: Sequence[str]) -> None:
        """See KeyResolver."""
        rows = [
            models.Denial(
                at=d.at,
                service="access",
                method=d.method,
                reason=d.reason,
                permission=d.permission,
                principal=d.principal,
                correlation_id=d.correlation_id,
                request_id=d.request_id,
                count=d.count,
                address=d.address,
            )
            for d in denials
        ]
        async with _answering(), self._database.transaction() as connection:
            await record(connection, rows)
            await keys_store.used(connection, used)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """While the database is away, what is remembered of our own callers goes on counting, as in every service."""
    try:
        yield
    except Exception as error:
        if service_error(error) is None:
            raise
        raise unavailable("Who you are cannot be checked now: the database does not answer. Try again.") from error
