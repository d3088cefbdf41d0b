"""Lists of requests and deliveries cost what they show, however much was asked before: counted in rows that Postgres reads."""

from collections.abc import AsyncIterator
from dataclasses import fields
from itertools import combinations

import asyncpg
import pytest
import pytest_asyncio

from servicekit.identity.visibility import ITSELF
from servicekit.postgres import Connection
from services.hitl.delivery.store import deliveries
from services.hitl.lifecycle.store import requests
from services.hitl.models import DeliveryFilter, RequestFilter
from services.hitl.server import TUNING
from tests.explained import ExplainedConnection
from tests.stack import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

HISTORY = 20_000
PENDING = 40
PAGE = 5
# What is pending, found by each of two indexes, and a page of requests with their answers.
MAX_READ = 200
WEBHOOK = "0193f0a0-0000-7000-8000-000000000001"

ROWS = f"""
    INSERT INTO human_requests (
        id, request_type, prompt, options, context, timeout_seconds, status, created_at, expires_at, correlation_id,
        priority, assignees, groups, tags, callback_url, on_expiry, four_eyes, requester, body_digest
    )
    SELECT 'asked-' || g, 'type-' || g % 5, 'Deploy?', '{{}}', '{{}}', 3600,
           CASE WHEN g % ({HISTORY} / {PENDING}) = 0 THEN 'pending' WHEN g % 7 = 0 THEN 'expired' ELSE 'responded' END,
           now() - interval '1 minute' * ({HISTORY} - g), now() + interval '1 hour', 'of-' || g / 20, 'normal',
           ARRAY['human-' || g / 5 % 5], ARRAY['group-' || g % 3], ARRAY['tag-' || g % 4], '',
           '{{"action": "expire", "default_response": null, "escalate_to": [], "escalate_timeout_seconds": 0}}',
           false, 'agent-' || g / 5 % 5, ''
    FROM generate_series(1, {HISTORY}) AS g;
    INSERT INTO webhooks (id, url, kinds, request_types, description, paused, secret, etag)
    VALUES ('{WEBHOOK}', 'http://hook', '{{}}', '{{}}', '', false, '', '');
    INSERT INTO deliveries (webhook_id, human_request_id, event_sequence, event_kind, url, status, created_at)
    SELECT '{WEBHOOK}', 'asked-' || g, g, 'created', 'http://hook',
           CASE WHEN g % ({HISTORY} / {PENDING}) = 0 THEN 'pending' ELSE 'delivered' END,
           now() - interval '1 minute' * ({HISTORY} - g)
    FROM generate_series(1, {HISTORY}) AS g;
    ANALYZE
"""
VALUES = {
    "status": ("pending", "responded", "expired", "cancelled"),
    "request_type": ("type-1", "absent"),
    "correlation_id": ("of-7", "absent"),
    "requester": ("agent-1", "absent"),
    "assignee": ("human-1", "absent"),
    "group": ("group-1", "absent"),
    "tag": ("tag-1", "absent"),
}
LISTS = ("assignee", "group", "tag")
ALONE = [{name: value} for name, values in VALUES.items() for value in values if name not in LISTS]
# Of the past, names in lists are found by an index where they are rare, and among the newest where they are not.
FREQUENT = [{name: VALUES[name][0]} for name in LISTS]
PAIRS = [
    {one: first, other: second}
    for one, other in combinations(VALUES, 2)
    for first in VALUES[one]
    for second in VALUES[other]
]
OF_THE_PAST = [pair for pair in PAIRS if not any(name in LISTS for name in pair)]
OF_THE_PRESENT = [{"status": "pending", **wanted} for wanted in [{}, *FREQUENT, *PAIRS] if "status" not in wanted]
DELIVERIES = [
    {"status": "pending"},
    {"status": "failed"},
    {"webhook_id": WEBHOOK},
    {"webhook_id": WEBHOOK[:-1] + "2"},
    {"human_request_id": "asked-7"},
    {"human_request_id": "absent"},
    {"webhook_id": WEBHOOK, "status": "pending"},
    {"webhook_id": WEBHOOK, "status": "failed"},
    {"human_request_id": "asked-7", "status": "failed"},
    {"human_request_id": "asked-7", "webhook_id": WEBHOOK},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grown(postgres: Server) -> AsyncIterator[Connection]:
    """A past, as the service's own connections see it."""
    async with postgres.database("hitl") as url:
        connection = await asyncpg.connect(url, server_settings=TUNING)
        await connection.execute(ROWS)
        yield connection
        await connection.close()


async def test_what_is_asked_of_requests_reads_about_what_it_shows(grown: Connection) -> None:
    assert set(VALUES) == {field.name for field in fields(RequestFilter)}, "a filter that this test does not know"
    too_much: dict[str, float] = {}
    found = 0
    for wanted in [*ALONE, *FREQUENT, *OF_THE_PAST, *OF_THE_PRESENT]:
        explained = ExplainedConnection(grown)
        async with grown.transaction():
            page = await requests.list_before(explained, RequestFilter(**wanted), ITSELF, None, PAGE, 0)  # type: ignore[arg-type]
        found += bool(page)
        if explained.read > MAX_READ:
            too_much[str(wanted)] = explained.read
    assert not too_much, too_much
    assert found > 10


async def test_what_is_asked_of_deliveries_reads_about_what_it_shows(grown: Connection) -> None:
    too_much: dict[str, float] = {}
    for wanted in DELIVERIES:
        explained = ExplainedConnection(grown)
        await deliveries.list_before(explained, DeliveryFilter(**wanted), ITSELF, None, PAGE)  # type: ignore[arg-type]
        if explained.read > MAX_READ:
            too_much[str(wanted)] = explained.read
    assert not too_much, too_much
