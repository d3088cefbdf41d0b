"""SQL of banks that are kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.questioning.engines.models import BankVersion, Counted

# Who sees a version; as `BankVersion.audience`.
AUDIENCE = AudienceColumns(owners=("owner",))
COLUMNS = "id, owner, name, version, document, learned_from, interviews, created_at, accepted_by, accepted_at"
# A list has what is short.
BRIEF = COLUMNS.replace("document", "NULL AS document")
# How many interviews are counted, the newest.
MAX_COUNTED = 10_000
# The interviews with a version that are over and of which it is known what held.
OVER = f"""
    SELECT id, coalesce(nullif(outcome, ''), progress -> 'result' ->> 'hypothesis') AS hypothesis
    FROM conversations
    WHERE bank_id = $1
      AND status <> 'open'
      AND (outcome <> '' OR progress ->> 'stopped' = 'certain')
    ORDER BY created_at DESC, id DESC
    LIMIT {MAX_COUNTED}
"""


async def insert(
    connection: Connection,
    owner: str,
    document: Mapping[str, Any],
    learned_from: int | None,
    interviews: int,
) -> BankVersion:
    """Adds the next version of the document's name; what was learned is proposed, what somebody wrote accepted."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('bank ' || $1 || ' ' || $2, 0))", owner, document["name"]
    )
    row = await connection.fetchrow(
        f"""
        INSERT INTO banks (owner, name, version, document, learned_from, interviews, accepted_at)
        SELECT $1,
               $2,
               coalesce(max(version), 0) + 1,
               $3,
               $4,
               $5,
               CASE WHEN $4::integer IS NULL THEN clock_timestamp() END
        FROM banks
        WHERE owner = $1
          AND name = $2
        RETURNING {COLUMNS}
        """,
        owner,
        document["name"],
        orjson.dumps(document).decode(),
        learned_from,
        interviews,
    )
    assert row is not None
    return _version(row)


async def get(connection: Connection, bank_id: UUID, *, lock: bool = False) -> BankVersion | None:
    """One version that is not deleted; locked, nobody deletes or accepts it before the transaction ends."""
    for_update = "FOR UPDATE" if lock else ""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM banks WHERE id = $1 AND document IS NOT NULL {for_update}", bank_id
    )
    return _version(row) if row else None


async def named(connection: Connection, owner: str, name: str, version: int) -> BankVersion | None:
    """The version of a name; with 0 the newest that is accepted."""
    row = await connection.fetchrow(
        f"""
        SELECT {COLUMNS}
        FROM banks
        WHERE owner = $1
          AND name = $2
          AND document IS NOT NULL
          AND CASE WHEN $3 = 0 THEN accepted_at IS NOT NULL ELSE version = $3 END
        ORDER BY version DESC
        LIMIT 1
        """,
        owner,
        name,
        version,
    )
    return _version(row) if row else None


async def list_before(
    connection: Connection,
    name: str,
    status: str,
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[BankVersion]:
    """Newest first, those before a time and id."""
    values: list[Any] = [name, status, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {BRIEF}
        FROM banks
        WHERE ($1 = '' OR name = $1)
          AND ($2 = '' OR (accepted_at IS NOT NULL) = ($2 = 'accepted'))
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
          AND document IS NOT NULL
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [_version(row) for row in rows]


async def accept(connection: Connection, bank_id: UUID, by: str) -> BankVersion:
    """Accepts; what is accepted already keeps its time and whoever did so."""
    row = await connection.fetchrow(
        f"""
        UPDATE banks
        SET accepted_by = CASE WHEN accepted_at IS NULL THEN $2 ELSE accepted_by END,
            accepted_at = coalesce(accepted_at, clock_timestamp())
        WHERE id = $1
        RETURNING {COLUMNS}
        """,
        bank_id,
        by,
    )
    assert row is not None, "the caller holds the row's lock"
    return _version(row)


async def delete(connection: Connection, bank_id: UUID) -> None:
    """Deletes what it says; its number stays taken."""
    await connection.execute("UPDATE banks SET document = NULL WHERE id = $1", bank_id)


async def held(connection: Connection, bank_id: UUID) -> dict[str, int]:
    """In how many interviews with it each hypothesis held."""
    rows = await connection.fetch(
        f"SELECT hypothesis, count(*) AS number FROM ({OVER}) AS finished GROUP BY hypothesis", bank_id
    )
    return {row["hypothesis"]: row["number"] for row in rows}


async def counted(connection: Connection, bank_id: UUID) -> list[Counted]:
    """The answers that stand in these interviews."""
    rows = await connection.fetch(
        f"""
        SELECT messages.question_id,
               finished.hypothesis,
               CASE WHEN messages.state = 'unknown' THEN '' ELSE messages.value #>> '{{}}' END AS option,
               count(*) AS number
        FROM ({OVER}) AS finished
        JOIN messages ON messages.conversation_id = finished.id
        WHERE messages.message_type = 'answer'
          AND messages.state IN ('given', 'confirmed', 'unknown')
        GROUP BY 1, 2, 3
        """,
        bank_id,
    )
    return [Counted(row["question_id"], row["hypothesis"], row["option"], row["number"]) for row in rows]


def _version(row: Record) -> BankVersion:
    return BankVersion(
        str(row["id"]),
        row["owner"],
        row["name"],
        row["version"],
        None if row["document"] is None else orjson.loads(row["document"]),
        row["learned_from"] or 0,
        row["interviews"],
        row["created_at"],
        row["accepted_by"],
        row["accepted_at"],
    )
