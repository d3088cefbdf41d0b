"""SQL of the deliveries: the outbox and its log.

Locks are taken in one order everywhere, so that nobody waits in a circle: requests, that of the events, webhooks,
deliveries.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.hitl.delivery.models import Claimed, Delivery, DeliveryFilter

COLUMNS = """
    id, webhook_id, contact_id, human_request_id, event_sequence, event_kind, url, status, attempts, next_attempt_at,
    last_status, last_error, created_at, delivered_at
"""
# A delivery to the callback of a request is who asked's; those to webhooks and contacts are the administrators'.
AUDIENCE = AudienceColumns(
    owners=(
        """
        (
            SELECT request.requester
            FROM human_requests AS request
            WHERE request.id = deliveries.human_request_id
              AND deliveries.webhook_id IS NULL
              AND deliveries.contact_id IS NULL
        )
        """,
    )
)
# What a webhook without kinds, and the callback of a request, are told of. As webhook.proto says.
DEFAULT_KINDS = ["created", "decided", "escalated", "expired", "cancelled", "reminded"]
# What says to contacts that they are asked, and what says it again.
ASKING_KINDS = ["created", "assigned", "escalated", "reminded"]
AGAIN = "reminded"
# Who asks may remind as often as they like, and shall not wear out by it who is asked.
AGAIN_AFTER_SECONDS = 600.0
# What is urgent is due so long before it was asked, and so before all that waits at its contact.
AHEAD = timedelta(days=1)


async def queue(connection: Connection, sequences: Sequence[int]) -> None:
    """Puts events that were just written, in this transaction, on their way to all who shall be new_event.

    A webhook or contact that is being deleted is waited for and left out; without that lock its foreign key would fail
    the transaction of whoever answers a request in that moment.
    """
    await connection.execute(
        """
        WITH new_event AS (
            SELECT event.sequence, event.kind, event.at, request.id, request.request_type, request.callback_url,
                   request.assignees, request.groups, request.priority
            FROM human_request_events AS event
            JOIN human_requests AS request ON request.id = event.human_request_id
            WHERE event.sequence = ANY($1::bigint[])
        ),
        subscribed AS (
            SELECT webhooks.id AS webhook_id, new_event.id, new_event.sequence, new_event.kind, webhooks.url,
                   new_event.at
            FROM new_event
            JOIN webhooks
              ON NOT webhooks.paused
             AND new_event.kind = ANY(CASE WHEN webhooks.kinds = '{}' THEN $2::text[] ELSE webhooks.kinds END)
             AND (webhooks.request_types = '{}' OR new_event.request_type = ANY(webhooks.request_types))
            FOR KEY SHARE OF webhooks
        ),
        asked AS (
            SELECT contacts.id AS contact_id, new_event.id, new_event.sequence, new_event.kind, new_event.at,
                   CASE WHEN new_event.priority = 'urgent' THEN new_event.at - $6::interval
                        ELSE after_quiet_hours(now(), quiet_begin, quiet_end, time_zone)
                   END AS send_at
            FROM new_event
            JOIN contacts
              ON NOT contacts.paused
             AND (contacts.person = ANY(new_event.assignees) OR contacts.groups && new_event.groups)
            WHERE new_event.kind = ANY($3::text[])
              AND NOT EXISTS (
                  SELECT
                  FROM deliveries AS before
                  WHERE before.contact_id = contacts.id
                    AND before.human_request_id = new_event.id
                    AND (new_event.kind <> $4 OR before.status = 'pending'
                         OR before.created_at > new_event.at - make_interval(secs => $5))
              )
            FOR KEY SHARE OF contacts
        ),
        queued AS (
            INSERT INTO deliveries (
                webhook_id, contact_id, human_request_id, event_sequence, event_kind, url, created_at, next_attempt_at
            )
            SELECT webhook_id, NULL::uuid, id, sequence, kind, url, at, now()
            FROM subscribed
            UNION ALL
            SELECT NULL, NULL, id, sequence, kind, callback_url, at, now()
            FROM new_event
            WHERE callback_url <> ''
              AND kind = ANY($2::text[])
            UNION ALL
            SELECT NULL, contact_id, id, sequence, kind, '', at, send_at
            FROM asked
            RETURNING true
        )
        SELECT pg_notify('deliveries', '')
        WHERE EXISTS (SELECT FROM queued)
        """,
        list(sequences),
        DEFAULT_KINDS,
        ASKING_KINDS,
        AGAIN,
        AGAIN_AFTER_SECONDS,
        AHEAD,
    )


async def claim(connection: Connection, limit: int, lease_seconds: float, busy_urls: Sequence[str]) -> list[Claimed]:
    """Takes deliveries that are due, those due longest first, so that nobody else tries them for the time of the lease.

    Of one request's deliveries to one receiver, one waits for the first try of the one before it; when that failed, it
    waits no longer. Of those to one contact the first is taken, and none while one is being tried, nor where as many as
    make a digest were told within a minute: what has gathered until then may go with the next one (`claim_more`). One
    that is due since before it was asked is urgent: it goes before the others, and waits for no minute.

    Args:
        connection: not in a transaction: others skip these rows only until it ends.
        limit: how many at most.
        lease_seconds: after which they are due again, if nothing has come of this try.
        busy_urls: to leave out.
    """
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT delivery.id, coalesce(webhooks.url, contacts.address, delivery.url) AS address,
                   webhooks.url AS new_url, webhooks.secret,
                   CASE WHEN webhooks.replaced_secret_until > now() THEN webhooks.replaced_secret END AS replaced_secret
            FROM deliveries AS delivery
            LEFT JOIN webhooks ON webhooks.id = delivery.webhook_id
            LEFT JOIN contacts ON contacts.id = delivery.contact_id
            WHERE delivery.status = 'pending'
              AND delivery.next_attempt_at <= now()
              AND webhooks.paused IS NOT TRUE
              AND contacts.paused IS NOT TRUE
              AND coalesce(webhooks.url, contacts.address, delivery.url) <> ALL($3::text[])
              AND (delivery.contact_id IS NULL OR delivery.next_attempt_at < delivery.created_at - $4::interval OR (
                  SELECT count(*)
                  FROM deliveries AS lately
                  WHERE lately.contact_id = delivery.contact_id
                    AND lately.delivered_at > now() - interval '1 minute'
              ) < contacts.digest_from)
              AND NOT EXISTS (
                  SELECT
                  FROM deliveries AS other
                  WHERE other.contact_id = delivery.contact_id
                    AND other.status = 'pending'
                    AND CASE WHEN other.next_attempt_at > now() THEN other.claim IS NOT NULL
                             ELSE (other.next_attempt_at, other.id) < (delivery.next_attempt_at, delivery.id)
                        END
              )
              AND NOT EXISTS (
                  SELECT
                  FROM deliveries AS earlier
                  WHERE earlier.human_request_id = delivery.human_request_id
                    AND earlier.webhook_id IS NOT DISTINCT FROM delivery.webhook_id
                    AND earlier.contact_id IS NOT DISTINCT FROM delivery.contact_id
                    AND earlier.event_sequence < delivery.event_sequence
                    AND earlier.status = 'pending'
                    AND (earlier.attempts = 0 OR (earlier.attempts = 1 AND earlier.claim IS NOT NULL))
              )
            ORDER BY delivery.next_attempt_at, delivery.event_sequence
            LIMIT $1
            FOR UPDATE OF delivery SKIP LOCKED
        )
        UPDATE deliveries AS delivery
        SET attempts = delivery.attempts + 1,
            claim = gen_random_uuid(),
            next_attempt_at = clock_timestamp() + make_interval(secs => $2),
            url = coalesce(due.new_url, delivery.url)
        FROM due, human_request_events AS event
        WHERE delivery.id = due.id
          AND event.sequence = delivery.event_sequence
        RETURNING delivery.id, delivery.claim, delivery.webhook_id, delivery.contact_id, delivery.human_request_id,
                  delivery.event_sequence, delivery.event_kind, due.address AS url, delivery.attempts, due.secret,
                  due.replaced_secret, event.at, event.principal, event.detail
        """,
        limit,
        lease_seconds,
        list(busy_urls),
        AHEAD / 2,
    )
    return [_claimed(row) for row in rows]


async def claim_more(connection: Connection, first: Claimed, digest_from: int, most: int) -> list[Claimed]:
    """Takes what else is due at the contact of a delivery, for as long as that one is taken, so that they go as one.

    Args:
        connection: as of `claim`.
        first: the delivery that is being tried.
        digest_from: none is taken where it would be fewer, with the first.
        most: how many with the first.
    """
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT id
            FROM deliveries
            WHERE contact_id = $1
              AND status = 'pending'
              AND next_attempt_at <= now()
              AND id <> $2
            ORDER BY next_attempt_at, event_sequence
            LIMIT $5 - 1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE deliveries
        SET attempts = attempts + 1,
            claim = $3,
            next_attempt_at = (SELECT next_attempt_at FROM deliveries AS first WHERE first.id = $2)
        WHERE id IN (SELECT id FROM due)
          AND 1 + (SELECT count(*) FROM due) >= $4
        RETURNING id, human_request_id, event_sequence, event_kind, attempts
        """,
        first.contact_id,
        first.id,
        first.claim,
        digest_from,
        most,
    )
    return [replace(first, **row) for row in rows]


async def drop(connection: Connection, claimed: Claimed) -> None:
    """Takes a delivery out that nobody needs any more, unless that try has no say any more."""
    await connection.execute("DELETE FROM deliveries WHERE id = $1 AND claim = $2", claimed.id, claimed.claim)


async def seconds_to_next(connection: Connection) -> float | None:
    """In how many seconds the next one that is not due yet will be; None where there is none."""
    found: float | None = await connection.fetchval(
        """
        SELECT extract(epoch FROM next_attempt_at - now())::float8
        FROM deliveries
        WHERE status = 'pending'
          AND next_attempt_at > now()
        ORDER BY next_attempt_at
        LIMIT 1
        """
    )
    return found


async def delivered(connection: Connection, claimed: Claimed, http_status: int) -> bool:
    """The receiver has taken it; False where that try has no say any more."""
    ended = await connection.fetchval(
        """
        UPDATE deliveries
        SET status = 'delivered',
            claim = NULL,
            last_status = $3,
            last_error = '',
            delivered_at = clock_timestamp()
        WHERE id = $1
          AND claim = $2
          AND status = 'pending'
        RETURNING true
        """,
        claimed.id,
        claimed.claim,
        http_status,
    )
    return bool(ended)


async def failed(connection: Connection, claimed: Claimed, http_status: int, error: str) -> bool:
    """Every try has failed; False where that try has no say any more."""
    ended = await connection.fetchval(
        """
        UPDATE deliveries
        SET status = 'failed',
            claim = NULL,
            last_status = $3,
            last_error = $4
        WHERE id = $1
          AND claim = $2
          AND status = 'pending'
        RETURNING true
        """,
        claimed.id,
        claimed.claim,
        http_status,
        error,
    )
    return bool(ended)


async def postpone(
    connection: Connection, claimed: Claimed, http_status: int, error: str, pause_seconds: float
) -> bool:
    """A try has failed and another is due after the pause; False where that one has no say any more."""
    postponed = await connection.fetchval(
        """
        UPDATE deliveries
        SET claim = NULL,
            last_status = $3,
            last_error = $4,
            next_attempt_at = clock_timestamp() + make_interval(secs => $5)
        WHERE id = $1
          AND claim = $2
          AND status = 'pending'
        RETURNING true
        """,
        claimed.id,
        claimed.claim,
        http_status,
        error,
        pause_seconds,
    )
    return bool(postponed)


async def again(connection: Connection, delivery_id: UUID) -> Delivery | None:
    """Makes a delivery due as if it were new, and wakes the workers; one that is being tried is left to end first."""
    row = await connection.fetchrow(
        f"""
        UPDATE deliveries
        SET status = 'pending',
            attempts = 0,
            next_attempt_at = CASE WHEN claim IS NULL THEN now() ELSE next_attempt_at END,
            delivered_at = NULL
        WHERE id = $1
        RETURNING {COLUMNS}, pg_notify('deliveries', '')
        """,
        delivery_id,
    )
    return _delivery(row) if row else None


async def list_before(
    connection: Connection,
    wanted: DeliveryFilter,
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Delivery]:
    """Newest first, those before a time and id."""
    values: list[Any] = []
    conditions = [AUDIENCE.condition(viewer, values)]
    for condition, value in (
        ("webhook_id = {}", wanted.webhook_id and UUID(wanted.webhook_id)),
        ("contact_id = {}", wanted.contact_id and UUID(wanted.contact_id)),
        ("human_request_id = {}", wanted.human_request_id),
        ("status = {}", wanted.status),
    ):
        if value:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    if before is not None:
        values += before
        conditions.append(f"(created_at, id) < (${len(values) - 1}, ${len(values)})")
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM deliveries
        WHERE {" AND ".join(conditions)}
        ORDER BY created_at DESC, id DESC
        LIMIT {limit:d}
        """,
        *values,
    )
    return [_delivery(row) for row in rows]


async def count_pending(connection: Connection, most: int) -> int:
    """How many are on their way, or `most` where there are more: counting all of a long queue is not worth it."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM deliveries WHERE status = 'pending' LIMIT $1) AS pending", most
    )
    return found


def _delivery(row: Record) -> Delivery:
    return Delivery(**{name: row[name] for name in Delivery.__slots__})


def _claimed(row: Record) -> Claimed:
    fields = {name: row[name] for name in Claimed.__slots__}
    return Claimed(**{**fields, "detail": orjson.loads(fields["detail"])})
