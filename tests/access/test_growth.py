"""Lists of denials cost what they show, however many there are: counted in rows that Postgres reads."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.partitions import Partitioned, lowest_uuid7
from servicekit.postgres import Connection
from services.access.store import denials
from tests.explained import ExplainedConnection
from tests.partitioned import split
from tests.stack import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

HISTORY = 20_000
PAGE = 5
# A page from each month that an index is walked in.
MAX_READ = 60

ROWS = f"""
    INSERT INTO denials (
        id, at, service, method, reason, permission, principal, correlation_id, request_id, count, address
    )
    SELECT uuidv7(interval '1 minute' * (g - {HISTORY})), now() - interval '1 minute' * ({HISTORY} - g), 'tools', 'M',
           CASE WHEN g % 2 = 0 THEN 'UNAUTHENTICATED' ELSE 'PERMISSION_DENIED' END, 'tools.read',
           CASE WHEN g IN (7, 8, 9) THEN 'rare' ELSE 'agent-' || g % 5 END, '', '', 1, ''
    FROM generate_series(1, {HISTORY}) AS g;
    ANALYZE
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grown(postgres: Server) -> AsyncIterator[Connection]:
    """Denials of two weeks, in two partitions."""
    async with postgres.database("access") as url:
        connection = await asyncpg.connect(url)
        await split(
            url, [Partitioned("denials", "uuid7")], await connection.fetchval("SELECT now() - interval '7 days'")
        )
        await connection.execute(ROWS)
        yield connection
        await connection.close()


@pytest.mark.parametrize(
    ("principal", "viewer", "found"),
    [
        ("", ITSELF, PAGE),
        ("agent-1", ITSELF, PAGE),
        ("rare", ITSELF, 3),
        ("absent", ITSELF, 0),
        # Of those who are not known the row has what they claimed: it is not theirs.
        ("", Viewer.of(Principal("rare", frozenset()), "access"), 2),
        ("rare", Viewer.of(Principal("rare", frozenset()), "access"), 2),
        ("agent-1", Viewer.of(Principal("rare", frozenset()), "access"), 0),
        ("", Viewer.of(Principal("absent", frozenset()), "access"), 0),
    ],
)
async def test_a_list_of_denials_reads_about_what_it_shows(
    grown: Connection, principal: str, viewer: Viewer, found: int
) -> None:
    for before in (None, lowest_uuid7(await grown.fetchval("SELECT now() - interval '1 hour'"))):
        # Often enough that a plan for any values would be taken.
        for _ in range(7):
            explained = ExplainedConnection(grown)
            page = await denials.list_before(explained, principal, viewer, before, PAGE)  # type: ignore[arg-type]
            assert (len(page), explained.read <= MAX_READ) == (found, True), explained.read
