"""Lists cost what they show, however long the audit has grown: counted in rows that Postgres reads."""

from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.postgres import Connection
from services.tools.audit.models import InvocationFilter
from services.tools.audit.store import lists
from tests.explained import ExplainedConnection
from tests.stack import Server

HISTORY = 20_000
PAGE = 5
# Of a page: its ids, then intent, outcome, events, approval, decision, redactions. And what is open, if that is read.
MAX_READ = 200
OPEN = 60

# Five tools and principals that go round, so that each has thousands; three of a hundred are open.
ROWS = f"""
    WITH made AS (
        SELECT g, uuidv7(interval '1 minute' * (g - {HISTORY})) AS id, 'tool-' || g % 5 AS tool_name,
               'agent-' || g / 5 % 5 AS principal
        FROM generate_series(1, {HISTORY}) AS g
    ), begun AS (
        INSERT INTO invocations
        SELECT id, tool_name, '', '{{}}', '', '', principal, 'of-' || g / 20, '',
               CASE WHEN g % 3 = 0 THEN 'pending' ELSE 'running' END, false, gen_random_uuid(),
               uuid_extract_timestamp(id), '', 0, CASE WHEN g % 1000 = 1 THEN 'of-a-grant' ELSE '' END
        FROM made
    )
    INSERT INTO outcomes
    SELECT id, CASE WHEN g % 7 = 0 THEN 'failed' ELSE 'success' END, 'null', NULL, '', '', '', now(),
           '0193f0a0-0000-7000-8000-000000000001', g, '', ''
    FROM made
    WHERE g % ({HISTORY} / {OPEN}) <> 0
"""
VALUES: dict[str, tuple[Any, ...]] = {
    "tool_name": ("tool-1", "absent"),
    "principal": ("agent-1", "absent"),
    "correlation_id": ("of-7", "absent"),
    "grant_id": ("of-a-grant", "absent"),
    "status": ("awaiting_approval", "pending", "running", "success", "failed", "cancelled", "rejected", "expired"),
    "created_after": (datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) + timedelta(days=2)),
    "created_before": (datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(days=2_000)),
}
FILTERS = [
    *({name: value} for name, values in VALUES.items() for value in values),
    *(
        {one: first, other: second}
        for one, other in combinations(VALUES, 2)
        for first in VALUES[one]
        for second in VALUES[other]
    ),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grown(postgres: Server) -> AsyncIterator[Connection]:
    """An audit with a past."""
    async with postgres.database("tools") as url:
        connection = await asyncpg.connect(url)
        await connection.execute(ROWS)
        await connection.execute("ANALYZE")
        yield connection
        await connection.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("viewer", [ITSELF, Viewer.of(Principal("agent-1", frozenset()), "tools")], ids=["all", "own"])
async def test_every_filter_and_pair_of_filters_reads_about_what_it_shows(grown: Connection, viewer: Viewer) -> None:
    assert set(VALUES) == {field.name for field in fields(InvocationFilter)}, "a filter that this test does not know"
    found = 0
    too_much: dict[str, float] = {}
    for wanted in FILTERS:
        explained = ExplainedConnection(grown)
        async with grown.transaction():
            page, _ = await lists.list_before(
                explained,
                InvocationFilter(**wanted),  # type: ignore[arg-type]
                lists.Whose(viewer, None),
                None,
                PAGE,
                0,
                full=False,
            )
        found += bool(page)
        if explained.read > MAX_READ:
            too_much[str(wanted)] = explained.read
    assert not too_much, too_much
    assert found > 20


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_open_is_what_has_no_outcome(grown: Connection) -> None:
    async with grown.transaction():
        listed = {}
        for status in lists.OPEN:
            wanted = InvocationFilter(status=status)
            page, whole = await lists.list_before(grown, wanted, lists.Whose(ITSELF, None), None, 500, 0, full=True)
            assert whole
            listed[status] = {one.intent.id for one in page}
    rows = await grown.fetch(
        "SELECT id, begun_as FROM invocations WHERE id NOT IN (SELECT invocation_id FROM outcomes)"
    )
    assert len(rows) == OPEN
    for status in lists.OPEN:
        assert listed[status] == {row["id"] for row in rows if row["begun_as"] == status}
