"""SQL of imports."""

from collections.abc import Sequence

from servicekit.postgres import Connection
from services.tools.catalogue.store import COLUMNS, tool_of
from services.tools.models import Tool


async def lock(connection: Connection, name: str) -> None:
    """Lets one import of this name go on at a time, until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('import ' || $1, 0))", name)


async def standing(connection: Connection, name: str, names: Sequence[str]) -> dict[str, Tool]:
    """The tools of an import, and those that have one of the names; locked until the transaction ends."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM tools
        WHERE import_name = $1
           OR name = ANY($2::text[])
        ORDER BY name
        FOR UPDATE
        """,
        name,
        list(names),
    )
    return {row["name"]: tool_of(row) for row in rows}


async def mark(connection: Connection, name: str, names: Sequence[str]) -> None:
    """These tools are of the import from now on."""
    await connection.execute("UPDATE tools SET import_name = $1 WHERE name = ANY($2::text[])", name, list(names))
