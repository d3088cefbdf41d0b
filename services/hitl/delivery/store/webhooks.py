"""SQL of the webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.hitl.delivery.models import Webhook, WebhookDefinition

COLUMNS = "id, url, kinds, request_types, description, paused, etag, created_at, updated_at"

# Webhooks hear of everybody's requests; they are the administrators', and nobody else's.
AUDIENCE = AudienceColumns()


async def insert(
    connection: Connection, webhook_id: UUID, wanted: WebhookDefinition, secret: bytes, etag: str, most: int
) -> Webhook | None:
    """Inserts; None where there are `most` already, whoever else inserts at the same time."""
    await connection.execute("LOCK TABLE webhooks IN SHARE ROW EXCLUSIVE MODE")
    row = await connection.fetchrow(
        f"""
        INSERT INTO webhooks (id, url, kinds, request_types, description, paused, secret, etag)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8
        WHERE (SELECT count(*) FROM webhooks) < $9
        RETURNING {COLUMNS}
        """,
        webhook_id,
        wanted.url,
        list(wanted.kinds),
        list(wanted.request_types),
        wanted.description,
        wanted.paused,
        secret,
        etag,
        most,
    )
    return _webhook(row) if row else None


async def get(connection: Connection, webhook_id: UUID, viewer: Viewer) -> Webhook | None:
    values: list[Any] = [webhook_id]
    shown = AUDIENCE.condition(viewer, values)
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND {shown}", *values)
    return _webhook(row) if row else None


async def list_before(
    connection: Connection, viewer: Viewer, before: tuple[datetime, UUID] | None, limit: int
) -> list[Webhook]:
    """Newest first, those before a time and id."""
    values: list[Any] = [*(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM webhooks
        WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $3
        """,
        *values,
    )
    return [_webhook(row) for row in rows]


async def replace(
    connection: Connection,
    webhook_id: UUID,
    wanted: WebhookDefinition,
    secret: bytes | None,
    grace_seconds: int,
    old_etag: str,
    etag: str,
) -> Webhook | None:
    """Replaces the definition; None where there is none with this id and etag ("" is any).

    Args:
        connection: any.
        webhook_id: which.
        wanted: the new definition.
        secret: the new one, sealed; None: the old one stays.
        grace_seconds: how long the old one goes on signing where there is a new one.
        old_etag: what it must be now.
        etag: what it is from now on.
    """
    row = await connection.fetchrow(
        f"""
        UPDATE webhooks
        SET url = $2,
            kinds = $3,
            request_types = $4,
            description = $5,
            paused = $6,
            secret = coalesce($7, secret),
            replaced_secret = CASE WHEN $7 IS NULL THEN replaced_secret ELSE secret END,
            replaced_secret_until =
                CASE WHEN $7 IS NULL THEN replaced_secret_until ELSE now() + make_interval(secs => $10) END,
            etag = $9,
            updated_at = now()
        WHERE id = $1
          AND ($8 = '' OR etag = $8)
        RETURNING {COLUMNS}
        """,
        webhook_id,
        wanted.url,
        list(wanted.kinds),
        list(wanted.request_types),
        wanted.description,
        wanted.paused,
        secret,
        old_etag,
        etag,
        grace_seconds,
    )
    return _webhook(row) if row else None


async def pause(connection: Connection, webhook_id: UUID, etag: str) -> None:
    await connection.execute(
        "UPDATE webhooks SET paused = true, etag = $2, updated_at = now() WHERE id = $1 AND NOT paused",
        webhook_id,
        etag,
    )


async def delete(connection: Connection, webhook_id: UUID) -> bool:
    """Deletes it, and with it the deliveries to it; whether there was one."""
    return bool(await connection.fetchval("DELETE FROM webhooks WHERE id = $1 RETURNING true", webhook_id))


async def sealed_secrets(connection: Connection) -> list[tuple[UUID, bytes]]:
    """The secrets of each webhook as they are kept."""
    rows = await connection.fetch(
        """
        SELECT id, kept.secret
        FROM webhooks, unnest(ARRAY[secret, replaced_secret]) AS kept (secret)
        WHERE kept.secret IS NOT NULL
        ORDER BY id
        """
    )
    return [(row["id"], row["secret"]) for row in rows]


async def reseal(connection: Connection, webhook_id: UUID, old: bytes, new: bytes) -> None:
    """Replaces one form of a secret by another, unless it has been replaced meanwhile."""
    await connection.execute(
        """
        UPDATE webhooks
        SET secret = CASE WHEN secret = $2 THEN $3 ELSE secret END,
            replaced_secret = CASE WHEN replaced_secret = $2 THEN $3 ELSE replaced_secret END
        WHERE id = $1
          AND (secret = $2 OR replaced_secret = $2)
        """,
        webhook_id,
        old,
        new,
    )


def _webhook(row: Record) -> Webhook:
    definition = WebhookDefinition(
        row["url"], tuple(row["kinds"]), tuple(row["request_types"]), row["description"], row["paused"]
    )
    return Webhook(row["id"], definition, row["etag"], row["created_at"], row["updated_at"])
