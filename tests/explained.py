"""How many rows a statement reads, as Postgres says when it explains it; the statement itself runs as it is."""

import json
from collections.abc import Iterator
from typing import Any

from servicekit.postgres import Connection, Record

SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Bitmap Index Scan", "Tid Scan"}
# An entry of an index that becomes a bit costs so much less than a row that is fetched and looked at.
ENTRIES_A_ROW = 25


class ExplainedConnection:
    """A connection that counts the rows which its statements read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.read = 0

    async def execute(self, statement: str) -> str:
        return await self._connection.execute(statement)

    async def fetch(self, statement: str, *values: object) -> list[Record]:
        text = await self._connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", *values)
        self.read += sum(_read(node) for node in _nodes(json.loads(text)[0]["Plan"]))
        return await self._connection.fetch(statement, *values)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _read(node: dict[str, Any]) -> float:
    if node["Node Type"] not in SCANS:
        return 0
    kinds = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    read = float(sum(node.get(kind, 0) for kind in kinds) * node["Actual Loops"])
    return read / ENTRIES_A_ROW if node["Node Type"] == "Bitmap Index Scan" else read
