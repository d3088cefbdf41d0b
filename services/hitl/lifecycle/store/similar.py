"""SQL that finds what was asked before in like words, and what the index is made of that finds it by its meaning."""

from collections.abc import Sequence
from typing import Any

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from servicekit.search.index import Entry
from services.hitl.lifecycle.store import requests
from services.hitl.lifecycle.store.requests import shown_to

# Long words tell prompts apart, short ones stand in all of them; ever more of them make the search slower, not better.
MAX_WORDS = 32
# Of a common word's many matches the newest are ranked.
MAX_RANKED = 2_000


class EndedRequests:
    """What the index of this service is made of: the prompts of requests that ended, and who sees them."""

    async def entries(self, connection: Connection, item_ids: Sequence[str]) -> Sequence[Entry]:
        """Those of the requests that ended."""
        found = await requests.get_many(connection, item_ids)
        return [
            Entry(each.id, each.spec.prompt, {"audience": each.audience.marks, "at": each.created_at})
            for each in found.values()
            if each.status != "pending"
        ]

    async def after(self, connection: Connection, item_id: str, limit: int) -> Sequence[str]:
        """The next requests that ended, by their ids."""
        rows = await connection.fetch(
            """
            SELECT id
            FROM human_requests
            WHERE status <> 'pending'
              AND id > $1
            ORDER BY id
            LIMIT $2
            """,
            item_id,
            limit,
        )
        return [row["id"] for row in rows]

    async def count(self, connection: Connection) -> int:
        """How many requests ended."""
        found: int = await connection.fetchval("SELECT count(*) FROM human_requests WHERE status <> 'pending'")
        return found


async def seen(connection: Connection, human_request_ids: Sequence[str], viewer: Viewer) -> set[str]:
    """Those of these requests that ended and are shown to the viewer."""
    values: list[Any] = [list(human_request_ids)]
    shown = shown_to(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT r.id
        FROM human_requests r
        WHERE r.id = ANY($1)
          AND r.status <> 'pending'
          AND {shown}
        """,
        *values,
    )
    return {row["id"] for row in rows}


async def ended(connection: Connection, human_request_id: str, viewer: Viewer, limit: int) -> list[str]:
    """The ids of requests that ended, share words with this one's prompt and are shown to the viewer, best first."""
    values: list[Any] = [human_request_id, limit, MAX_WORDS, MAX_RANKED]
    shown = shown_to(viewer, values)
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
