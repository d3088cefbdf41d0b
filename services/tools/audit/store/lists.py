"""SQL that lists invocations: what is open from the table of what is open, the rest along one index.

A page is found first, by ids alone, and then read: joined at once, the planner would now and then join everything.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from servicekit.identity.visibility import Audience, AudienceColumns, Viewer
from servicekit.pagination import fitting_into
from servicekit.postgres import Connection
from services.tools.audit.models import InvocationFilter
from services.tools.audit.store import invocations
from services.tools.audit.store.shown import ToolNames
from services.tools.models import Invocation

# Whose an invocation is: who asked for it. Who decided on one finds it by its id.
AUDIENCE = AudienceColumns(owners=("i.principal",))
# The same as no index has it: what shares a correlation id is not much and found by that, whoever looks.
AUDIENCE_OF_FEW = AudienceColumns(owners=("i.principal || ''",))
OPEN = frozenset({"awaiting_approval", "pending", "running"})
# An id is made a moment before the time that stands beside it, and clocks are set back now and then.
CLOCK_MARGIN_MS = 60_000
# A document that is longer stands in a list only where it is asked for, and a page ends early where its documents have
# more than the second together.
LONG_BYTES = 4 * 1024
MAX_PAGE_BYTES = 2 * 1024 * 1024
# Of those that have long documents, which are read for a page as long as there is room in it.
FULL_AT_ONCE = 8
DOCUMENTS = {
    "input_params": "i.input_params",
    "result": "o.result",
    "approval.edited_arguments": "d.edited_arguments",
}
# How long the documents are, so that no more of them come here than may.
SIZES = """
    SELECT i.id,
           coalesce(octet_length(i.input_params::text), 0) + coalesce(octet_length(o.result::text), 0) AS size
    FROM invocations i
    LEFT JOIN outcomes o ON o.invocation_id = i.id
    WHERE i.id = ANY($1)
"""
MAX_ID_MS = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose invocations, and of which tools: None: of all."""

    viewer: Viewer
    names: ToolNames | None

    def includes(self, tool_name: str, audience: Audience) -> bool:
        """Whether one is among them."""
        return self.viewer.sees(audience) and (self.names is None or self.names.has(tool_name))


async def list_before(
    connection: Connection,
    wanted: InvocationFilter,
    whose: Whose,
    before: UUID | None,
    limit: int,
    offset: int,
    *,
    full: bool,
) -> tuple[list[Invocation], bool]:
    """Newest first, those before an id; needs a transaction. Long documents are left out unless `full`.

    Returns:
        The invocations, and whether they are all that was asked for: False where there was no room for more.
    """
    ids = await _page(connection, wanted, whose, ("<", before), "DESC", limit, offset)
    rows = await connection.fetch(f"{BASIC} WHERE i.id = ANY($1) ORDER BY i.id DESC", ids) if ids else []
    found: list[Invocation] = []
    left = MAX_PAGE_BYTES
    for first in range(0, len(rows), FULL_AT_ONCE):
        some = rows[first : first + FULL_AT_ONCE]
        long = [row["id"] for row in some if full and row["omitted_fields"]]
        whole = {one.intent.id: one for one in await invocations.get_many(connection, long)} if long else {}
        for row in some:
            if left <= 0:
                return found, False
            basic = replace(invocations.invocation(row), omitted_fields=tuple(row["omitted_fields"]))
            found.append(whole.get(row["id"], basic))
            left -= found[-1].size
    return found, True


async def list_after(
    connection: Connection, wanted: InvocationFilter, whose: Whose, after: UUID | None, limit: int
) -> tuple[list[Invocation], bool]:
    """Oldest first, those after an id; needs a transaction.

    Returns:
        The invocations, as many as may be read together, and whether there may be more.
    """
    ids = await _page(connection, wanted, whose, (">", after), "ASC", limit, 0)
    if not ids:
        return [], False
    sizes = {row["id"]: row["size"] for row in await connection.fetch(SIZES, ids)}
    fitting = fitting_into(MAX_PAGE_BYTES, [sizes[each] for each in ids])
    found = {one.intent.id: one for one in await invocations.get_many(connection, ids[:fitting])}
    return [found[each] for each in ids[:fitting]], fitting < len(ids) or len(ids) == limit


async def get_basic(connection: Connection, invocation_id: UUID) -> Invocation | None:
    """One without its long documents."""
    row = await connection.fetchrow(f"{BASIC} WHERE i.id = $1", invocation_id)
    return None if row is None else invocations.invocation(row)


def _basic() -> str:
    """SELECT without long documents, and what there is instead."""
    statement = invocations.SELECT
    for column in DOCUMENTS.values():
        statement = statement.replace(
            f"{column},", f"CASE WHEN NOT ({_is_long(column)}) THEN {column} END AS {column[2:]},", 1
        )
    omitted = ", ".join(f"CASE WHEN {_is_long(column)} THEN '{name}' END" for name, column in DOCUMENTS.items())
    return statement.replace(
        "AS redacted_fields", f"AS redacted_fields, array_remove(ARRAY[{omitted}], NULL) AS omitted_fields", 1
    )


def _is_long(column: str) -> str:
    """What is long as it is stored, compressed, need not be read to be known as such."""
    return f"pg_column_size({column}) > {LONG_BYTES} OR octet_length({column}::text) > {LONG_BYTES}"


BASIC = _basic()


async def _page(
    connection: Connection,
    wanted: InvocationFilter,
    whose: Whose,
    beyond: tuple[str, UUID | None],
    order: Literal["ASC", "DESC"],
    limit: int,
    offset: int,
) -> list[UUID]:
    """The ids."""
    conditions, values = _conditions(wanted, whose)
    operator, identity = beyond
    # This one is planned for its values: a plan for any walks the ids of a time although nothing there has the status
    # that is asked for. What comes behind it costs more to plan than to run.
    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    if identity is not None:
        values.append(identity)
        conditions.append(f"i.id {operator} ${len(values)}")
    rows = await connection.fetch(
        f"""
        SELECT i.id
        FROM {_source(wanted)} AS i
        WHERE {" AND ".join(conditions)}
        ORDER BY i.id {order}
        LIMIT {limit:d} OFFSET {offset:d}
        """,
        *values,
    )
    await connection.execute("SET LOCAL plan_cache_mode = auto")
    return [row["id"] for row in rows]


def _source(wanted: InvocationFilter) -> str:
    """Where the ids of a list are found; each has id, tool_name, principal and created_at."""
    if wanted.status in OPEN:
        return "open_invocations"
    if wanted.status and not wanted.correlation_id and not wanted.grant_id:
        return "(SELECT invocation_id AS id, status, tool_name, principal, created_at FROM outcomes)"
    return "invocations"


def _conditions(wanted: InvocationFilter, whose: Whose) -> tuple[list[str], list[Any]]:
    values: list[Any] = []
    audience = AUDIENCE_OF_FEW if wanted.correlation_id else AUDIENCE
    conditions = [audience.condition(whose.viewer, values)]
    if whose.names is not None:
        conditions.append(whose.names.condition("i.tool_name", values))
    status = "i.status ="
    if wanted.status not in OPEN and (wanted.correlation_id or wanted.grant_id):
        # What shares a correlation id or a grant is not much, so each is looked at. As a join it would be read from the
        # other end.
        status = "(SELECT o.status FROM outcomes o WHERE o.invocation_id = i.id) ="
    of_open = "(SELECT g.grant_id FROM invocations g WHERE g.id = i.id) ="
    for column, value in (
        (of_open if wanted.status in OPEN else "i.grant_id =", wanted.grant_id),
        (status, wanted.status),
        ("i.tool_name =", wanted.tool_name),
        ("i.correlation_id =", wanted.correlation_id),
        ("i.principal =", wanted.principal),
        ("i.created_at >=", wanted.created_after),
        # Ids are times as well, and it is along them that an index is walked.
        ("i.id >=", wanted.created_after and id_at(wanted.created_after, -CLOCK_MARGIN_MS)),
        ("i.created_at <", wanted.created_before),
        ("i.id <", wanted.created_before and id_at(wanted.created_before, CLOCK_MARGIN_MS)),
    ):
        if value:
            values.append(value)
            conditions.append(f"{column} ${len(values)}")
    return conditions, values


def id_at(at: datetime, later_ms: int) -> UUID:
    """The lowest UUIDv7 of a time and a little later, or earlier."""
    return UUID(int=min(max(0, int(at.timestamp() * 1000) + later_ms), MAX_ID_MS) << 80)
