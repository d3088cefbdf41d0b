"""SQL of the action links. A link counts while it is unused, in its time, and its request waits for an answer."""

from servicekit.postgres import Connection, Record
from services.hitl.models import ActionLink, NewLink

COLUMNS = """
    link.human_request_id, link.person, link.created_by, link.caller, link.expires_at, link.contact_id, link.channel,
    link.groups
"""


async def insert(connection: Connection, token_digest: bytes, wanted: NewLink) -> ActionLink | None:
    """Inserts a link that ends with its request, or earlier; None where the request waits for no answer.

    Args:
        connection: any.
        token_digest: SHA-256 of the token.
        wanted: what it is for.
    """
    row = await connection.fetchrow(
        f"""
        INSERT INTO action_links AS link (
            token_digest, human_request_id, person, created_by, caller, expires_at, contact_id, channel, groups
        )
        SELECT $1, id, $3, $4, $5,
               CASE WHEN $6 = 0 THEN expires_at
                    ELSE least(expires_at, clock_timestamp() + make_interval(secs => $6))
               END,
               $7, $8, $9
        FROM human_requests
        WHERE id = $2
          AND status = 'pending'
          AND expires_at > clock_timestamp()
        RETURNING {COLUMNS}
        """,
        token_digest,
        wanted.human_request_id,
        wanted.person,
        wanted.created_by,
        wanted.caller,
        wanted.timeout_seconds,
        wanted.contact_id,
        wanted.channel,
        list(wanted.groups),
    )
    return _link(row) if row else None


async def valid(connection: Connection, token_digest: bytes) -> ActionLink | None:
    """The link, where it counts; used, late and unknown ones are all the same."""
    row = await connection.fetchrow(
        f"""
        SELECT {COLUMNS}
        FROM action_links AS link
        JOIN human_requests AS request ON request.id = link.human_request_id
        WHERE link.token_digest = $1
          AND link.used_at IS NULL
          AND link.expires_at > clock_timestamp()
          AND request.status = 'pending'
          AND request.expires_at > clock_timestamp()
        """,
        token_digest,
    )
    return _link(row) if row else None


async def use(connection: Connection, token_digest: bytes) -> bool:
    """Uses a link up, in the transaction of the answer; False where it was used or its time is up.

    Of two who use it at once, the second waits until the first one's transaction has ended.
    """
    used = await connection.fetchval(
        """
        UPDATE action_links
        SET used_at = clock_timestamp()
        WHERE token_digest = $1
          AND used_at IS NULL
          AND expires_at > clock_timestamp()
        RETURNING true
        """,
        token_digest,
    )
    return bool(used)


def _link(row: Record) -> ActionLink:
    return ActionLink(**{name: row[name] for name in ActionLink.__slots__})
