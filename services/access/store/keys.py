"""SQL of the keys."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from servicekit.identity.limits import CallLimits
from servicekit.identity.scopes import Scope
from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.access.models import Key, NewKey
from services.access.store.scopes import dumped, loaded

# Whose a key is, as `Key.audience`.
AUDIENCE = AudienceColumns(owners=("owner",))
# The status by the clock of the database, not that of a process.
COLUMNS = """
    id, owner, service_name, description, roles, rate_per_minute, digest, old_digest, old_valid_until, expires_at,
    created_at, last_used_at, revoked_at, disabled_at, preshared, max_quick, max_long, max_waits, max_streams,
    tool_scopes,
    CASE
        WHEN revoked_at IS NOT NULL THEN 'revoked'
        WHEN expires_at <= now() THEN 'expired'
        WHEN disabled_at IS NOT NULL THEN 'disabled'
        WHEN old_valid_until > now() THEN 'rotated'
        ELSE 'active'
    END AS status
"""


async def insert(connection: Connection, key_id: str, wanted: NewKey, digest: bytes) -> Key:
    row = await connection.fetchrow(
        f"""
        INSERT INTO keys (
            id, owner, service_name, description, roles, rate_per_minute, expires_at, digest,
            max_quick, max_long, max_waits, max_streams, tool_scopes
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        RETURNING {COLUMNS}
        """,
        key_id,
        wanted.owner,
        wanted.service_name,
        wanted.description,
        list(wanted.roles),
        wanted.rate_per_minute,
        wanted.expires_at,
        digest,
        *astuple(wanted.limits),
        dumped(wanted.tool_scopes),
    )
    assert row is not None
    return _key(row)


async def insert_preshared(
    connection: Connection, key_id: str, owner: str, roles: Sequence[str], digest: bytes
) -> bool:
    """Inserts or brings in line a key that the environment gives; whether that changed anything."""
    changed = await connection.fetchval(
        """
        INSERT INTO keys (id, owner, service_name, description, roles, rate_per_minute, digest, preshared)
        VALUES ($1, $2, '', 'given by the environment', $3, 0, $4, true)
        ON CONFLICT (id) DO UPDATE
        SET owner = excluded.owner,
            roles = excluded.roles,
            digest = excluded.digest,
            preshared = true
        WHERE (keys.owner, keys.roles, keys.digest, keys.preshared)
            IS DISTINCT FROM (excluded.owner, excluded.roles, excluded.digest, true)
        RETURNING true
        """,
        key_id,
        owner,
        list(roles),
        digest,
    )
    return bool(changed)


async def revoke_preshared_except(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Revokes the keys that the environment gave and gives no more; their ids."""
    rows = await connection.fetch(
        """
        UPDATE keys
        SET revoked_at = now()
        WHERE preshared
          AND revoked_at IS NULL
          AND id <> ALL($1)
        RETURNING id
        """,
        ids,
    )
    return [row["id"] for row in rows]


async def get(connection: Connection, key_id: str) -> Key | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM keys WHERE id = $1", key_id)
    return _key(row) if row else None


async def get_for_update(connection: Connection, key_id: str) -> Key | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM keys WHERE id = $1 FOR UPDATE", key_id)
    return _key(row) if row else None


async def list_before(
    connection: Connection,
    owner: str,
    include_invalid: bool,
    viewer: Viewer,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Key]:
    """Newest first, those before a time and id."""
    values: list[Any] = [owner, include_invalid, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM keys
        WHERE ($1 = '' OR owner = $1)
          AND ($2 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())))
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [_key(row) for row in rows]


async def lock_owner(connection: Connection, owner: str) -> None:
    """Keeps other transactions from making keys for an owner until this one ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('owner ' || $1, 0))", owner)


async def held_by_owner(connection: Connection, owner: str) -> list[tuple[Sequence[str], Sequence[Scope]]]:
    """The roles that an owner's keys have, or had before they ended, each time with the scopes of the key."""
    rows = await connection.fetch(
        "SELECT DISTINCT roles, tool_scopes::text AS tool_scopes FROM keys WHERE owner = $1", owner
    )
    return [(row["roles"], loaded(row["tool_scopes"])) for row in rows]


async def valid_of(connection: Connection, ids: Sequence[str]) -> dict[str, Key]:
    """Those of these keys that are valid now, by their ids."""
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM keys WHERE id = ANY($1)", ids)
    return {key.id: key for key in map(_key, rows) if key.valid}


async def rotate(connection: Connection, key_id: str, digest: bytes, grace_seconds: int) -> Key:
    row = await connection.fetchrow(
        f"""
        UPDATE keys
        SET old_digest = digest,
            old_valid_until = now() + make_interval(secs => $3),
            digest = $2
        WHERE id = $1
        RETURNING {COLUMNS}
        """,
        key_id,
        digest,
        grace_seconds,
    )
    assert row is not None, "the caller holds the row's lock"
    return _key(row)


async def revoke(connection: Connection, key_id: str) -> Key:
    """Revokes; a key that is revoked already keeps its time."""
    row = await connection.fetchrow(
        f"UPDATE keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING {COLUMNS}", key_id
    )
    assert row is not None, "the caller holds the row's lock"
    return _key(row)


async def disable(connection: Connection, key_id: str) -> Key:
    """Disables; a key that is disabled already keeps its time."""
    row = await connection.fetchrow(
        f"UPDATE keys SET disabled_at = coalesce(disabled_at, now()) WHERE id = $1 RETURNING {COLUMNS}", key_id
    )
    assert row is not None, "the caller holds the row's lock"
    return _key(row)


async def enable(connection: Connection, key_id: str) -> Key:
    row = await connection.fetchrow(f"UPDATE keys SET disabled_at = NULL WHERE id = $1 RETURNING {COLUMNS}", key_id)
    assert row is not None, "the caller holds the row's lock"
    return _key(row)


async def used(connection: Connection, ids: Sequence[str]) -> None:
    """Notes the use of keys, at most once a minute each."""
    await connection.execute(
        """
        UPDATE keys
        SET last_used_at = now()
        WHERE id = ANY($1)
          AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
        """,
        ids,
    )


async def lock(connection: Connection) -> None:
    """Keeps other transactions from making keys until this one ends."""
    await connection.execute("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE")


async def has_admin(connection: Connection) -> bool:
    """Whether somebody holds a valid key with the role admin."""
    found = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT
            FROM keys
            WHERE roles @> ARRAY['admin']
              AND revoked_at IS NULL
              AND disabled_at IS NULL
              AND (expires_at IS NULL OR expires_at > now())
        )
        """
    )
    return bool(found)


async def announce(connection: Connection, key_id: str) -> None:
    """Tells all replicas, after the commit, that a key changed; an empty id says that anything may have."""
    await connection.execute("SELECT pg_notify('access_changed', $1)", key_id)


def _key(row: Record) -> Key:
    limits = CallLimits(row["max_quick"], row["max_long"], row["max_waits"], row["max_streams"])
    given = {name: row[name] for name in Key.__slots__ if name not in ("limits", "tool_scopes")}
    return Key(**given, limits=limits, tool_scopes=loaded(row["tool_scopes"]))
