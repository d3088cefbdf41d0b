"""SQL of the tokens that all replicas share."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tools.upstreams.models import Renewable, Standing

STANDING = "version, sealed, coalesce(extract(epoch FROM expires_at - now()), 0)::float8 AS seconds_left"


async def get(connection: Connection, of: Renewable) -> Standing:
    row = await connection.fetchrow(
        f"SELECT {STANDING} FROM refreshed_tokens WHERE credential = $1 AND declaration = $2", of.name, of.declaration
    )
    return _standing(row) if row else Standing()


async def claim(connection: Connection, of: Renewable, version: int, replica: UUID, seconds: float) -> Standing | None:
    """Gives one replica the right to renew it, for a time; None where another has it, or has renewed it since."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO refreshed_tokens AS t (credential, declaration, version, renewing_by, renewing_until)
        SELECT $1, $2, 0, $4, now() + make_interval(secs => $5)
        WHERE $3 = 0 OR EXISTS (SELECT FROM refreshed_tokens WHERE credential = $1 AND declaration = $2)
        ON CONFLICT (credential, declaration) DO UPDATE
        SET renewing_by = excluded.renewing_by,
            renewing_until = excluded.renewing_until
        WHERE t.version = $3
          AND (t.renewing_until IS NULL OR t.renewing_until < now())
        RETURNING {STANDING}
        """,
        of.name,
        of.declaration,
        version,
        replica,
        seconds,
    )
    return _standing(row) if row else None


async def keep(connection: Connection, of: Renewable, version: int, sealed: bytes, seconds: float) -> bool:
    """Writes what the renewal of a version gave; False where another one did before."""
    kept = await connection.fetchval(
        """
        UPDATE refreshed_tokens
        SET version = version + 1,
            sealed = $4,
            expires_at = now() + make_interval(secs => $5),
            updated_at = now(),
            renewing_by = NULL,
            renewing_until = NULL
        WHERE credential = $1
          AND declaration = $2
          AND version = $3
        RETURNING true
        """,
        of.name,
        of.declaration,
        version,
        sealed,
        # What a timestamp can hold, and longer than any token lives.
        min(seconds, 1e9),
    )
    return bool(kept)


async def give_up(connection: Connection, of: Renewable, replica: UUID) -> None:
    """Lets others renew it."""
    await connection.execute(
        """
        UPDATE refreshed_tokens
        SET renewing_by = NULL,
            renewing_until = NULL
        WHERE credential = $1
          AND declaration = $2
          AND renewing_by = $3
        """,
        of.name,
        of.declaration,
        replica,
    )


async def sealed_tokens(connection: Connection) -> Sequence[tuple[str, str, bytes]]:
    """All that are kept: credential, declaration, what is sealed."""
    rows = await connection.fetch(
        "SELECT credential, declaration, sealed FROM refreshed_tokens WHERE sealed IS NOT NULL"
    )
    return [(row["credential"], row["declaration"], row["sealed"]) for row in rows]


async def reseal(connection: Connection, credential: str, declaration: str, old: bytes, new: bytes) -> None:
    """Replaces one form of the same by another, unless it was renewed meanwhile."""
    await connection.execute(
        "UPDATE refreshed_tokens SET sealed = $4 WHERE credential = $1 AND declaration = $2 AND sealed = $3",
        credential,
        declaration,
        old,
        new,
    )


async def forget_unused(connection: Connection, days: int) -> None:
    """Those of declarations that were replaced: nobody has renewed them for so long."""
    await connection.execute("DELETE FROM refreshed_tokens WHERE updated_at < now() - make_interval(days => $1)", days)


def _standing(row: Record) -> Standing:
    return Standing(row["version"], row["sealed"], row["seconds_left"])
