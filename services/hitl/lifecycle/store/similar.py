"""SQL that finds what was asked before in like words."""

from typing import Any

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.hitl.lifecycle.store.requests import AUDIENCE

# Long words tell prompts apart, short ones stand in all of them; ever more of them make the search slower, not better.
MAX_WORDS = 32
# Of a common word's many matches the newest are ranked.
MAX_RANKED = 2_000


async def ended(connection: Connection, human_request_id: str, viewer: Viewer, limit: int) -> list[str]:
    """The ids of requests that ended, share words with this one's prompt and are shown to the viewer, best first."""
    values: list[Any] = [human_request_id, limit, MAX_WORDS, MAX_RANKED]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        rf"""
        WITH distinctive AS (
            SELECT lexeme
            FROM human_requests, unnest(words)
            WHERE id = $1
            ORDER BY length(lexeme) DESC, lexeme
            LIMIT $3
        ),
        query AS (
            SELECT string_agg(
                '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''', ' | '
            )::tsquery AS any_word
            FROM distinctive
        ),
        matching AS (
            SELECT r.id, r.words, r.created_at
            FROM human_requests r, query
            WHERE r.words @@ any_word
              AND r.status <> 'pending'
              AND r.id <> $1
              AND {shown}
            ORDER BY r.created_at DESC
            LIMIT $4
        )
        SELECT id
        FROM matching, query
        ORDER BY ts_rank(words, any_word, 1) DESC, created_at DESC, id
        LIMIT $2
        """,
        *values,
    )
    return [row["id"] for row in rows]
