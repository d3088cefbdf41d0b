"""Grants: made and revoked by administrators, and used by invocations that a human would be asked about."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import structlog
from cachetools import LRUCache

from servicekit import pagination
from servicekit.errors import ServiceError, invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from servicekit.schemas import Schema
from services.tools import errors
from services.tools.approval.models import GrantFilter, ToolGrant
from services.tools.approval.store import grants as store
from services.tools.catalogue.loading import LoadedTool
from services.tools.execution.active import InvocationRequest
from services.tools.models import Json

logger = structlog.get_logger(__name__)

MAX_DAYS = 366
# Each is looked at for an invocation that a human would be asked about.
MAX_USABLE = 100
MAX_TOOLS = 100
MAX_SCHEMA_BYTES = 32 * 1024
# Of compiled schemas that are kept.
MAX_KEPT_BYTES = 32 * 1024 * 1024
# What one takes besides.
SCHEMA_BYTES = 1_024


class Grants:
    """Reads, makes, revokes and uses them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Of one grant it never changes.
        self._schemas: LRUCache[UUID, Schema] = LRUCache(
            MAX_KEPT_BYTES, lambda schema: SCHEMA_BYTES + schema.memory_bytes
        )

    async def create(self, grant: ToolGrant, once: Once[ToolGrant, Answer]) -> Answer:
        """Makes one.

        Raises:
            ServiceError: GRANT_FOR_ONESELF, TOO_MANY_GRANTS, TOOL_NOT_FOUND, SCHEMA_INVALID, INVALID_REQUEST.
        """
        if grant.principal == grant.created_by:
            raise errors.grant_for_oneself()
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier
        _check(grant)

        async def create(connection: Connection) -> ToolGrant:
            return await _insert(connection, grant)

        return await once.run(self._database, create)

    async def create_in(self, connection: Connection, grant: ToolGrant) -> bool:
        """Makes one with a decision, in its transaction; False where it cannot be made, and nothing is written."""
        try:
            if grant.principal == grant.created_by:
                raise errors.grant_for_oneself()
            _check(grant)
            await _insert(connection, grant)
        except ServiceError as refusal:
            logger.warning("grant_not_made", invocation_id=grant.invocation_id, error=refusal.message)
            return False
        return True

    async def get(self, grant_id: str, viewer: Viewer) -> ToolGrant:
        """One that the viewer sees.

        Raises:
            ServiceError: GRANT_NOT_FOUND.
        """
        async with self._database.connection() as connection:
            found = await store.get(connection, _id(grant_id))
        if found is None or not viewer.sees(found.audience):
            raise errors.grant_not_found(grant_id)
        return found

    async def page(
        self, wanted: GrantFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[ToolGrant], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, wanted.fields, UUID)
        async with self._database.reading() as connection:
            found = await store.list_before(connection, wanted, viewer, asked.after, asked.limit)
        return asked.page(found, lambda grant: [str(grant.id)])

    async def revoke(self, grant_id: str, by: str) -> ToolGrant:
        """Ends one; one that is revoked stays as it is.

        Raises:
            ServiceError: GRANT_NOT_FOUND.
        """
        async with self._database.transaction() as connection:
            revoked = await store.revoke(connection, _id(grant_id), by)
        if revoked is None:
            raise errors.grant_not_found(grant_id)
        return revoked

    async def permitting(self, loaded: LoadedTool, request: InvocationRequest) -> Sequence[UUID]:
        """Those by which a request may run without a human, as they stand now; the first is to be used first."""
        tool = loaded.tool
        async with self._database.connection() as connection:
            found = await store.list_usable(connection, request.principal, tool.name, tool.etag)
        # Compiled here: what is kept is not touched by two threads.
        schemas = [(one, self._schema(one)) for one in found if one.scope.covers(tool.name, (), {})]
        return await beside(request.size, _obeyed, schemas, loaded, request.arguments)

    def _schema(self, grant: ToolGrant) -> Schema:
        schema = self._schemas.get(grant.id)
        if schema is None:
            schema = Schema(grant.arguments, "grant.arguments")
            if SCHEMA_BYTES + schema.memory_bytes <= MAX_KEPT_BYTES:
                self._schemas[grant.id] = schema
        return schema

    async def spend(self, permitting: Sequence[UUID]) -> str:
        """Uses the first of these that can still be used; empty where none can: others were faster."""
        for grant_id in permitting:
            async with self._database.connection() as connection:
                if await store.spend(connection, grant_id):
                    return str(grant_id)
        return ""


def _obeyed(
    schemas: Sequence[tuple[ToolGrant, Schema]], loaded: LoadedTool, arguments: dict[str, Json]
) -> Sequence[UUID]:
    return [
        grant.id for grant, schema in schemas if loaded.obeys(schema, grant.arguments, arguments, share=len(schemas))
    ]


async def _insert(connection: Connection, grant: ToolGrant) -> ToolGrant:
    if await store.count_usable(connection, grant.principal) >= MAX_USABLE:
        raise errors.too_many_grants(grant.principal, MAX_USABLE)
    etags = {} if grant.any_version else await store.etags_of(connection, grant.scope, MAX_TOOLS + 1)
    if not etags and not grant.any_version:
        raise errors.tool_not_found(", ".join(grant.tools))
    if len(etags) > MAX_TOOLS:
        raise invalid_field(
            "grant.tools", f"are the names of more than {MAX_TOOLS} tools: name fewer, or say any_version"
        )
    return await store.insert(connection, replace(grant, tool_etags=etags))


def _check(grant: ToolGrant) -> None:
    left = grant.expires_at - datetime.now(UTC)
    if left <= timedelta(0):
        raise invalid_field("grant.expires_at", "must be in the future")
    if left > timedelta(days=MAX_DAYS):
        raise invalid_field("grant.expires_at", f"must be within {MAX_DAYS} days")
    if grant.arguments is not None and len(orjson.dumps(grant.arguments)) > MAX_SCHEMA_BYTES:
        raise invalid_field("grant.arguments", f"must be at most {MAX_SCHEMA_BYTES // 1024} KiB of JSON")
    Schema(grant.arguments, "grant.arguments")


def _id(grant_id: str) -> UUID:
    try:
        return UUID(grant_id)
    except ValueError:
        raise errors.grant_not_found(grant_id) from None
