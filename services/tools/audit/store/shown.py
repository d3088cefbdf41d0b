"""SQL of the tools whose invocations a caller is shown."""

from dataclasses import dataclass
from typing import Any

from servicekit.identity.scopes import ScopeColumns
from servicekit.postgres import Connection
from services.tools.models import SomeTools

COLUMNS = ScopeColumns("name", "tags", "labels")


@dataclass(frozen=True, slots=True)
class ToolNames:
    """Names of tools, which are all that records have; of tools that are gone, by what scopes say of names."""

    tools: SomeTools
    standing: frozenset[str]

    def has(self, name: str) -> bool:
        return name in self.standing or any(each.covers(name, (), {}) for each in self.tools.reaches)

    def condition(self, column: str, values: list[Any]) -> str:
        """As that of SomeTools, for a column of names."""
        values.append(sorted(self.standing))
        standing = f"{column} = ANY(${len(values)}::text[])"
        by_name = self.tools.condition(ScopeColumns(column, "'{}'::text[]", "'{}'::json"), values)
        return f"({standing} OR {by_name})"


async def tool_names(connection: Connection, seen: SomeTools | None) -> ToolNames | None:
    """Their names; None: all."""
    if seen is None:
        return None
    values: list[Any] = []
    rows = await connection.fetch(f"SELECT name FROM tools WHERE {seen.condition(COLUMNS, values)}", *values)
    return ToolNames(seen, frozenset(row["name"] for row in rows))
