"""SQL that lists requests, newest first: what is frequent is found among the newest, what is rare by its own index.

Which of the two it is, the planner guesses from how often a name comes, and of a rare one it guesses wrong: then it
walks all that was ever asked. So the newest are looked through first, and how many are found there says how to go on.
"""

from datetime import datetime
from typing import Any

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.hitl.lifecycle.store.requests import fitting, get_many, shown_to
from services.hitl.models import RESPOND, HumanRequest, RequestFilter

# So many of the newest are looked through.
NEAR = 4_000
# Where that finds fewer than one in so many, there are few enough to be gathered and sorted.
RARE = 400

NEWEST_FIRST = "ORDER BY r.created_at DESC, r.id DESC"
# The ways to find a page: along an index in the order of time, or by bitmaps of what fits and a sort.
WALKED = "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_bitmapscan = off"
GATHERED = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = on"
EITHER = "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_bitmapscan = on"

Before = tuple[datetime, str] | None


async def list_before(
    connection: Connection, wanted: RequestFilter, viewer: Viewer, before: Before, limit: int, offset: int
) -> tuple[list[HumanRequest], bool]:
    """Newest first, those before a time and id; needs a transaction of `Database.reading`.

    Returns:
        The requests, and whether they are all that was asked for: False where there was no room for more.
    """
    page = f"{NEWEST_FIRST} LIMIT {limit:d} OFFSET {offset:d}"
    conditions, values = _conditions(wanted, viewer, before)
    if _has_an_index(wanted, viewer):
        ids = await _ids(connection, f"human_requests r WHERE {conditions} {page}", values)
    else:
        near, near_values = _near(before)
        shifted, all_values = _conditions(wanted, viewer, before, near_values)
        await connection.execute(WALKED)
        ids = await _ids(connection, f"({near}) r WHERE {shifted} {page}", all_values)
        if len(ids) < limit and (offset + len(ids)) * RARE >= NEAR:
            ids = await _ids(connection, f"human_requests r WHERE {conditions} {page}", values)
        elif len(ids) < limit:
            by_index = _by_index(viewer, values)
            await connection.execute(GATHERED)
            ids = await _ids(connection, f"human_requests r WHERE {by_index} AND {conditions} {page}", values)
        await connection.execute(EITHER)
    read = await fitting(connection, ids) if ids else ids
    found = await get_many(connection, read) if ids else {}
    return [found[each] for each in read], len(read) == len(ids)


async def _ids(connection: Connection, source: str, values: list[Any]) -> list[str]:
    return [row["id"] for row in await connection.fetch(f"SELECT r.id FROM {source}", *values)]


def _has_an_index(wanted: RequestFilter, viewer: Viewer) -> bool:
    """Whether it lies together in one index, or is not much: what is pending, what shares a correlation id."""
    if wanted.status == "pending" or wanted.correlation_id:
        return True
    filters = (wanted.status, wanted.request_type, wanted.requester)
    names = (wanted.assignee, wanted.group, wanted.tag)
    return viewer.sees_all and not any(names) and sum(map(bool, filters)) <= 1


def _near(before: Before) -> tuple[str, list[Any]]:
    """The newest of all: a filter in here, and the planner would choose again how to walk."""
    values: list[Any] = []
    conditions = ["true"]
    _add_before(conditions, values, before)
    return f"SELECT * FROM human_requests r WHERE {' AND '.join(conditions)} {NEWEST_FIRST} LIMIT {NEAR:d}", values


def _conditions(
    wanted: RequestFilter, viewer: Viewer, before: Before, values: list[Any] | None = None
) -> tuple[str, list[Any]]:
    """What a row must fulfil, with the values of its placeholders behind those that there are."""
    values = [] if values is None else values
    conditions = [shown_to(viewer, values)]
    for condition, value in (
        ("r.status = {}", wanted.status),
        ("r.request_type = {}", wanted.request_type),
        ("r.correlation_id = {}", wanted.correlation_id),
        ("r.requester = {}", wanted.requester),
        ("r.assignees @> ARRAY[{}]", wanted.assignee),
        ("r.groups @> ARRAY[{}]", wanted.group),
        ("r.tags @> ARRAY[{}]", wanted.tag),
    ):
        if value:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    _add_before(conditions, values, before)
    return " AND ".join(conditions), values


def _add_before(conditions: list[str], values: list[Any], before: Before) -> None:
    if before is not None:
        values += before
        conditions.append(f"(r.created_at, r.id) < (${len(values) - 1}, ${len(values)})")


def _by_index(viewer: Viewer, values: list[Any]) -> str:
    """What a viewer sees and a little more, each part in the form that an index is for."""
    if viewer.sees_all:
        return "true"
    values += [viewer.name, sorted(viewer.principal.roles)]
    name, roles = f"${len(values) - 1}::text", f"${len(values)}::text[]"
    parts = [
        f"r.requester = {name}",
        f"r.assignees @> ARRAY[{name}]",
        f"r.eligible IS NOT NULL AND eligible_names(r.eligible, 'assignees') @> ARRAY[{name}]",
        f"""
        r.id = ANY(ARRAY(
            SELECT v.human_request_id FROM human_responses v WHERE v.responded_by = {name} AND v.via = 'api'
        ))
        """,
        f"r.groups && {roles}",
        f"r.eligible IS NOT NULL AND eligible_names(r.eligible, 'groups') && {roles}",
    ]
    if viewer.principal.may(RESPOND):
        parts.append("(r.assignees = '{}' AND r.groups = '{}' OR r.eligible IS NOT NULL)")
    return f"({' OR '.join(parts)})"
