"""What must be true of every audit at rest, read from the tables themselves."""

import asyncpg

from tests.tools.service import Replica, query


async def require_whole(replica: Replica, url: str) -> int:
    """Every intent has one ending, every idempotency_key one run, the chain verifies; returns how many invocations there are."""
    assert not await query(
        url,
        "SELECT i.id FROM invocations i LEFT JOIN outcomes o ON o.invocation_id = i.id WHERE o.invocation_id IS NULL",
    ), "an intent without an ending"
    assert not await query(
        url, "SELECT FROM outcomes o LEFT JOIN invocations i ON i.id = o.invocation_id WHERE i.id IS NULL"
    ), "an ending without an intent"
    assert not await query(url, "SELECT FROM open_invocations"), "what has ended is listed as open"
    assert not await query(url, "SELECT FROM outcomes WHERE tool_name IS NULL"), "an ending without its tool"
    assert not await query(
        url,
        """
        SELECT chain_id, count(*), max(sequence) FROM outcomes GROUP BY chain_id
        HAVING count(*) <> max(sequence) OR min(sequence) <> 1
        """,
    ), "a chain with a gap"
    found = await replica.verify()
    rows: list[asyncpg.Record] = await query(url, "SELECT count(*) AS n FROM invocations")
    count: int = rows[0]["n"]
    assert (found.valid, found.receipts_verified) == (True, count), found
    return count


async def rows_of_every_table(url: str) -> str:
    """All that a database holds, as text; bytes in hexadecimal."""
    tables = await query(url, "SELECT relname FROM pg_stat_user_tables ORDER BY 1")
    rows = [await query(url, f'SELECT t::text AS row FROM "{table["relname"]}" t') for table in tables]
    return "\n".join(row["row"] for found in rows for row in found)
