"""SQL that finds what was asked before in like words."""

from servicekit.postgres import Connection

# Long words tell prompts apart, short ones stand in all of them; ever more of them make the search slower, not better.
MAX_WORDS = 32
# Of a common word's many matches the newest are ranked.
MAX_RANKED = 2_000


async def ended(connection: Connection, human_request_id: str, limit: int) -> list[str] | None:
    """The ids of requests that ended and share words with this one's prompt, best first; None where it is unknown."""
    exists = await connection.fetchval("SELECT true FROM human_requests WHERE id = $1", human_request_id)
    if not exists:
        return None
    rows = await connection.fetch(
        r"""
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
            SELECT id, words, created_at
            FROM human_requests, query
            WHERE words @@ any_word
              AND status <> 'pending'
              AND id <> $1
            ORDER BY created_at DESC
            LIMIT $4
        )
        SELECT id
        FROM matching, query
        ORDER BY ts_rank(words, any_word, 1) DESC, created_at DESC, id
        LIMIT $2
        """,
        human_request_id,
        limit,
        MAX_WORDS,
        MAX_RANKED,
    )
    return [row["id"] for row in rows]
