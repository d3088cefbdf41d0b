"""Roles: which there are, what they grant, and who may hand them out."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, replace

import orjson

from servicekit import pagination
from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.limits import NO_LIMITS, UNBOUNDED, largest
from servicekit.identity.principal import Principal
from servicekit.identity.resolver import ResolvedRoles
from servicekit.identity.scopes import Scope
from servicekit.postgres import Connection, Database
from services.access import errors
from services.access.authority import Holding, exceeding
from services.access.granting import granted, require_narrowable
from services.access.models import Role
from services.access.store import keys as keys_store
from services.access.store import roles as store

# The rule in role.proto says of what a permission is made, not how long it is.
MAX_PERMISSION_LENGTH = 64

BUILT_IN = (
    Role("admin", ("*",), "Everything."),
    Role(
        "agent",
        (
            *("tools.read", "tools.invoke", "hitl.read", "hitl.ask", "questioning.read", "questioning.ask"),
            *("metrics.write", "metrics.read", "tasks.read", "tasks.write", "documents.read", "documents.run"),
            "documents.write",
        ),
        "Runs tools, asks people, interviews them, works on tasks, fills templates, and reads what came of it; "
        "sends metrics.",
    ),
    Role("human", ("tools.read", "hitl.read", "hitl.respond"), "Answers what agents ask."),
    Role(
        "reader",
        (
            *("tools.read", "tools.audit", "hitl.read", "hitl.audit", "access.read", "access.audit"),
            *("questioning.read", "questioning.audit", "metrics.read", "metrics.audit", "tasks.read", "tasks.audit"),
            *("documents.read", "documents.audit"),
        ),
        "Reads everything, whosever it is, and changes nothing.",
    ),
    Role("ingest", ("metrics.write",), "Sends metrics."),
    Role(
        "service",
        ("access.resolve", "metrics.write", "tasks.fence"),
        "A service of QMCP, which asks who its callers are and whose leases they name, and tells what it counts.",
        # It calls for all who call it.
        limits=UNBOUNDED,
    ),
    Role(
        "delegate",
        ("hitl.read", "hitl.audit", "hitl.ask", "hitl.delegate"),
        "A service that asks people in its callers' names, and sees what came of it.",
    ),
    Role(
        "interviewer",
        ("questioning.read", "questioning.audit", "questioning.ask", "questioning.delegate"),
        "A service that begins interviews in its callers' names, and sees what came of them.",
    ),
    Role("monitor", ("tools.pause",), "A service that pauses tools when a monitor fires."),
)


class Roles:
    """Reads and changes roles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write_built_in(self) -> None:
        """Brings the built-in roles in line with this version."""
        async with self._database.transaction() as connection:
            changed = False
            for role in BUILT_IN:
                wanted = replace(role, built_in=True, etag=_etag(role))
                standing = await store.get_for_update(connection, role.name)
                if standing is None:
                    await store.insert(connection, wanted)
                elif standing != wanted:
                    await store.replace(connection, wanted)
                    changed = True
            if changed:
                await keys_store.announce(connection, "")

    async def page(self, page_size: int, page_token: str) -> tuple[list[Role], str]:
        """A page in order of the names, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (), str)
        async with self._database.connection() as connection:
            found = await store.list_after(connection, asked.after or "", asked.limit)
        return asked.page(found, lambda role: (role.name,))

    async def create(self, role: Role, by: Principal, once: Once[Role, Answer]) -> Answer:
        """Makes a role."""

        async def create(connection: Connection) -> Role:
            _require_short(role.permissions)
            require_narrowable("role.tool_scopes", role.tool_scopes, role.permissions)
            require_below(by, Holding.of((), [role]))
            made = replace(role, built_in=False, etag=_etag(role))
            if not await store.insert(connection, made):
                raise errors.role_exists(role.name)
            # Callers whose token names it are remembered as having nothing by it.
            await keys_store.announce(connection, "")
            return made

        return await once.run(self._database, create)

    async def update(self, role: Role, by: Principal) -> Role:
        """Replaces permissions, description, limits and scopes; holders feel it at once."""
        _require_short(role.permissions)
        require_narrowable("role.tool_scopes", role.tool_scopes, role.permissions)
        require_below(by, Holding.of((), [role]))
        async with self._database.transaction() as connection:
            await _changeable(connection, role.name, role.etag, by)
            made = replace(role, built_in=False, etag=_etag(role))
            await store.replace(connection, made)
            await keys_store.announce(connection, "")
        return made

    async def delete(self, name: str, by: Principal) -> None:
        """Removes a role that nobody has."""
        async with self._database.transaction() as connection:
            await _changeable(connection, name, "", by)
            if await store.in_use(connection, name):
                raise errors.role_in_use(name)
            await store.delete(connection, name)
            await keys_store.announce(connection, "")

    async def resolve(self, names: Sequence[str]) -> ResolvedRoles:
        """What roles grant together; unknown ones grant nothing."""
        async with self._database.connection() as connection:
            found = await store.named(connection, names)
        together = granted(found)
        return ResolvedRoles(together.permissions, largest(role.limits for role in found), together.narrowed)


async def require_roles(
    connection: Connection, names: Sequence[str], key_scopes: Sequence[Scope], by: Principal
) -> list[Role]:
    """The roles, checked: they exist, and they and what they grant to a key are the caller's to hand out."""
    found = await store.named(connection, names, keep=True)
    missing = set(names) - {role.name for role in found}
    if missing:
        raise errors.role_unknown(missing)
    require_below(by, Holding.of(names, found, key_scopes))
    return found


def require_below(by: Principal, holding: Holding) -> None:
    """Checks that what is given, changed or taken away does not exceed what the caller has."""
    lacking = exceeding(by, holding)
    if lacking:
        raise errors.role_exceeds_caller(lacking)


def _require_short(permissions: Sequence[str]) -> None:
    for number, permission in enumerate(permissions):
        if len(permission) > MAX_PERMISSION_LENGTH:
            raise invalid_field(f"role.permissions[{number}]", f"must be at most {MAX_PERMISSION_LENGTH} characters")


async def _changeable(connection: Connection, name: str, etag: str, by: Principal) -> None:
    standing = await store.get_for_update(connection, name)
    if standing is None:
        raise errors.role_not_found(name)
    if standing.built_in:
        raise errors.role_built_in(name)
    require_below(by, Holding.of([name], [standing]))
    if etag and etag != standing.etag:
        raise errors.etag_mismatch(name)


def _etag(role: Role) -> str:
    # Without limits it is what the release before limits made of it: during a deployment both write built-in roles.
    limits = [] if role.limits == NO_LIMITS else [astuple(role.limits)]
    scopes = [sorted(map(astuple, role.tool_scopes))] if role.tool_scopes else []
    covered = orjson.dumps([role.name, sorted(role.permissions), role.description, *limits, *scopes])
    return hashlib.sha256(covered).hexdigest()[:16]
