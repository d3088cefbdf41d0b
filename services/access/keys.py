"""Keys: made, rotated, disabled, revoked, and told apart from what only looks like one."""

import asyncio
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from servicekit import key_files, pagination
from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity import credentials
from servicekit.identity.limits import largest
from servicekit.identity.principal import OF_TOKENS, Principal
from servicekit.identity.scopes import Scope
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.access import errors
from services.access.authority import Holding, belongs_to_the_system, exceeding
from services.access.granting import Granted, granted, require_narrowable
from services.access.models import Identity, IssuedKey, Key, NewKey
from services.access.roles import require_below, require_roles
from services.access.store import keys as store
from services.access.store import roles as roles_store

logger = structlog.get_logger(__name__)

DEFAULT_GRACE_SECONDS = 86_400
# As in key.proto, which nobody checks for what a file gives.
OWNER = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
BOOTSTRAP = NewKey("admin", "", "made at the first start", ("admin",), 0, None)


class Keys:
    """Reads and changes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, wanted: NewKey, by: Principal, once: Once[IssuedKey, Answer]) -> Answer:
        """Makes a key."""

        async def create(connection: Connection) -> IssuedKey:
            if wanted.expires_at is not None and wanted.expires_at <= datetime.now(UTC):
                raise invalid_field("expires_at", "must be in the future")
            if belongs_to_tokens(wanted.owner):
                raise invalid_field(
                    "owner", f"must not begin with {OF_TOKENS}, as the names of who comes with a token do"
                )
            roles = await require_roles(connection, wanted.roles, wanted.tool_scopes, by)
            permissions = {permission for role in roles for permission in role.permissions}
            require_narrowable("tool_scopes", wanted.tool_scopes, permissions)
            await _require_owner_below(connection, wanted.owner, by)
            return await _make(connection, wanted)

        return await once.run(self._database, create)

    async def get(self, key_id: str, viewer: Viewer) -> Key:
        async with self._database.connection() as connection:
            key = await store.get(connection, key_id)
        if key is None or not viewer.sees(key.audience):
            raise errors.key_not_found(key_id)
        return key

    async def page(
        self, owner: str, include_invalid: bool, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Key], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size, page_token, (owner, include_invalid), lambda at, key_id: (pagination.time(at), key_id), width=2
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, owner, include_invalid, viewer, asked.after, asked.limit)
        return asked.page(found, lambda key: (key.created_at.isoformat(), key.id))

    async def rotate(
        self, key_id: str, grace_seconds: int | None, by: Principal, once: Once[IssuedKey, Answer]
    ) -> Answer:
        """Gives a key a new secret; the old one stays valid for the grace time."""

        async def rotate(connection: Connection) -> IssuedKey:
            key = await _changeable(connection, key_id, by)
            if not key.valid:
                raise errors.key_not_valid(key_id, key.status, "rotated")
            # Whoever learns the new secret may do what the key may.
            await require_roles(connection, key.roles, key.tool_scopes, by)
            await _require_owner_below(connection, key.owner, by)
            text, new = credentials.with_new_secret(key_id)
            grace = DEFAULT_GRACE_SECONDS if grace_seconds is None else grace_seconds
            rotated = await store.rotate(connection, key_id, new.digest, grace)
            await store.announce(connection, key_id)
            return IssuedKey(rotated, text)

        return await once.run(self._database, rotate)

    async def revoke(self, key_id: str, by: Principal) -> Key:
        """Ends a key for good, everywhere."""
        async with self._database.transaction() as connection:
            await _changeable(connection, key_id, by)
            key = await store.revoke(connection, key_id)
            await store.announce(connection, key_id)
        return key

    async def disable(self, key_id: str, by: Principal) -> Key:
        """Makes a key invalid, everywhere, until it is enabled again."""
        async with self._database.transaction() as connection:
            await _not_revoked(connection, key_id, by, "disabled")
            key = await store.disable(connection, key_id)
            await store.announce(connection, key_id)
        return key

    async def enable(self, key_id: str, by: Principal) -> Key:
        """Makes a disabled key what it was."""
        async with self._database.transaction() as connection:
            key = await _not_revoked(connection, key_id, by, "enabled")
            # As with a new one: what it may do is handed out.
            await require_roles(connection, key.roles, key.tool_scopes, by)
            key = await store.enable(connection, key_id)
            await store.announce(connection, key_id)
        return key

    async def resolve(self, asked: credentials.ApiKey) -> Identity | None:
        """Who stands behind a key; None where it is not valid."""
        async with self._database.connection() as connection:
            key = await store.get(connection, asked.id)
            if key is None or not key.valid:
                return None
            valid_until = key.expires_at
            if not hmac.compare_digest(key.digest, asked.digest):
                old = key.old_digest if key.status == "rotated" else None
                if old is None or not hmac.compare_digest(old, asked.digest):
                    return None
                valid_until = min(filter(None, (valid_until, key.old_valid_until)))
            roles = await roles_store.named(connection, key.roles)
        limits = key.limits.over(largest(role.limits for role in roles))
        found = granted(roles, key.tool_scopes)
        return Identity(
            key.owner,
            tuple(key.roles),
            sorted(found.permissions),
            key.rate_per_minute,
            valid_until,
            limits,
            found.narrowed,
        )

    async def resolve_callers(self, references: Sequence[str]) -> dict[str, Granted]:
        """What callers of before may do now: by a key while it is valid, by a token what its roles grant."""
        named = {reference: reference.partition(":") for reference in references}
        async with self._database.connection() as connection:
            ids = [rest for kind, _, rest in named.values() if kind == "key"]
            keys = await store.valid_of(connection, ids)
            held = {
                reference: _held(keys.get(rest)) if kind == "key" else (rest.split(","), ())
                for reference, (kind, _, rest) in named.items()
            }
            wanted = {name for names, _ in held.values() for name in names}
            roles = {role.name: role for role in await roles_store.named(connection, list(wanted))}
        return {
            reference: granted([roles[name] for name in names if name in roles], scopes)
            for reference, (names, scopes) in held.items()
        }

    async def bootstrap(self, file: Path | None) -> None:
        """Makes an admin key where nobody has one, and writes it where only the owner may read it."""
        if file is None:
            return
        async with self._database.transaction() as connection:
            # Replicas may start at once; one of them makes it.
            await store.lock(connection)
            if await store.has_admin(connection):
                return
            issued = await _make(connection, BOOTSTRAP)
            try:
                await asyncio.to_thread(key_files.write, file, f"{issued.api_key}\n".encode())
            except OSError as error:
                raise SystemExit(f"QMCP_ACCESS_BOOTSTRAP_KEY_FILE={file} cannot be written: {error}") from None
        logger.info("admin_key_made", key_id=issued.key.id, file=str(file))

    async def write_preshared(self, file: Path | None) -> None:
        """Brings the keys that the environment gives in line with their file; those that it has no more are revoked.

        Raises:
            SystemExit: when a line is not `<key> <owner> <role>[,<role>]`; it is named by its number, not shown.
        """
        if file is None:
            return
        try:
            lines = (await asyncio.to_thread(file.read_text)).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            # What cannot be decoded may be part of a secret, so the error is named and not shown.
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SystemExit(f"QMCP_ACCESS_PRESHARED_KEYS_FILE={file} cannot be read: {why}") from None
        async with self._database.transaction() as connection:
            standing = await roles_store.names(connection)
            given: list[str] = []
            for number, line in enumerate(lines, start=1):
                if not line.strip() or line.startswith("#"):
                    continue
                key, owner, roles = _preshared(line)
                if key is None:
                    raise SystemExit(f"{file}, line {number}, is not: <key> <owner> <role>[,<role>]")
                missing = set(roles) - standing
                if missing:
                    raise SystemExit(f"{file}, line {number}: there is no role {', '.join(sorted(missing))}.")
                if await store.insert_preshared(connection, key.id, owner, roles, key.digest):
                    await store.announce(connection, key.id)
                given.append(key.id)
            for key_id in await store.revoke_preshared_except(connection, given):
                await store.announce(connection, key_id)
                logger.info("preshared_key_revoked", key_id=key_id)


async def _changeable(connection: Connection, key_id: str, by: Principal) -> Key:
    """The key, locked; refused where it is none of the caller's to change."""
    key = await store.get_for_update(connection, key_id)
    if key is None:
        raise errors.key_not_found(key_id)
    holding = Holding.of(key.roles, await roles_store.named(connection, key.roles, keep=True), key.tool_scopes)
    require_below(by, holding)
    if belongs_to_the_system(key.preshared, holding):
        raise errors.key_preshared(key_id)
    return key


async def _not_revoked(connection: Connection, key_id: str, by: Principal, what: str) -> Key:
    key = await _changeable(connection, key_id, by)
    if key.status == "revoked":
        raise errors.key_not_valid(key_id, key.status, what)
    return key


async def _require_owner_below(connection: Connection, owner: str, by: Principal) -> None:
    """Checks that a name never stood for more than the caller has: what was done in it is on record under it."""
    await store.lock_owner(connection, owner)
    held = await store.held_by_owner(connection, owner)
    standing = await roles_store.named(connection, sorted({name for names, _ in held for name in names}))
    by_name = {role.name: role for role in standing}
    holdings = (Holding.of(names, [by_name[each] for each in names if each in by_name], own) for names, own in held)
    lacking = exceeding(by, Holding.together(holdings))
    if lacking:
        raise errors.owner_exceeds_caller(owner, lacking)


def _held(key: Key | None) -> tuple[Sequence[str], Sequence[Scope]]:
    """The roles and the scopes of a key; none where it is not valid."""
    return ((), ()) if key is None else (key.roles, key.tool_scopes)


async def _make(connection: Connection, wanted: NewKey) -> IssuedKey:
    text, key = credentials.generate()
    return IssuedKey(await store.insert(connection, key.id, wanted, key.digest), text)


def belongs_to_tokens(owner: str) -> bool:
    """Whether a name is one that only a token gives, however it is spelled."""
    return owner.casefold().startswith(OF_TOKENS)


def _preshared(line: str) -> tuple[credentials.ApiKey | None, str, Sequence[str]]:
    """Key, owner and roles of a line; no key where it has another form."""
    parts = line.split()
    # Key, owner, roles.
    if len(parts) != 3 or not OWNER.fullmatch(parts[1]) or belongs_to_tokens(parts[1]):  # noqa: PLR2004
        return None, "", ()
    return credentials.parse(parts[0]), parts[1], sorted(set(parts[2].split(",")))
