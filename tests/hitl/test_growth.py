"""Lists of requests and deliveries cost what they show, however much was asked before: counted in rows that Postgres reads."""

from collections.abc import AsyncIterator
from dataclasses import fields
from itertools import combinations

import asyncpg
import pytest
import pytest_asyncio

from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.postgres import Connection
from services.hitl.delivery.models import DeliveryFilter
from services.hitl.delivery.store import deliveries
from services.hitl.lifecycle.store import lists
from services.hitl.models import RequestFilter
from services.hitl.server import TUNING
from tests.explained import ExplainedConnection
from tests.stack import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

HISTORY = 20_000
PENDING = 40
PAGE = 5
# What is pending, found by each of two indexes, and a page of requests with their answers.
MAX_READ = 400
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
    UPDATE human_requests SET assignees = assignees || '{{rare}}' WHERE id IN ('asked-10', 'asked-7000');
    UPDATE human_requests SET groups = groups || '{{rare}}', tags = tags || '{{rare}}' WHERE id = 'asked-5000';
    UPDATE human_requests
    SET assignees = '{{}}', groups = '{{}}', eligible = '{{"assignees": ["rare"], "groups": ["of-few"]}}'
    WHERE id = 'asked-12';
    UPDATE human_requests SET requester = 'rare' WHERE id = 'asked-14';
    INSERT INTO human_responses (
        id, human_request_id, response, responded_by, created_at, response_metadata, comment, decides, via,
        idempotency_key, body_digest
    )
    SELECT gen_random_uuid(), 'asked-' || g, '1', CASE g WHEN 16 THEN 'rare' ELSE 'human-1' END, now(), '{{}}', '', true,
           'api', '', ''
    FROM generate_series(1, {HISTORY}) AS g
    WHERE g % 500 = 16;
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
    "assignee": ("human-1", "rare", "absent"),
    "group": ("group-1", "rare", "absent"),
    "tag": ("tag-1", "rare", "absent"),
}
LISTS = {"assignee", "group", "tag"}
# What is looked through at first, so that it is not the whole past here; and of what a page is nearly found in it.
NEAR, RARE = 160, 80
ALONE = [{name: value} for name, values in VALUES.items() for value in values]
PAIRS = [
    {one: first, other: second}
    for one, other in combinations(VALUES, 2)
    for first in VALUES[one]
    for second in VALUES[other]
]
OF_THE_PRESENT = [{"status": "pending", **wanted} for wanted in [{}, *ALONE, *PAIRS] if "status" not in wanted]
# Whoever was rarely asked: by name, by those who may be asked, as who asked, and as who answered.
SEEN_BY_RARE = ["asked-7000", "asked-16", "asked-14", "asked-12", "asked-10"]
VIEWERS = {
    "rare": Viewer.of(Principal("rare", frozenset({"hitl.read"})), "hitl"),
    "nobody": Viewer.of(Principal("nobody", frozenset({"hitl.respond"}), frozenset({"of-few", "of-none"})), "hitl"),
}
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


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "NEAR", NEAR)
    monkeypatch.setattr(lists, "RARE", RARE)


async def read_for(connection: Connection, viewer: Viewer, wanted: dict[str, str]) -> tuple[list[str], float]:
    """The ids of a page, and how many rows were read for it."""
    explained = ExplainedConnection(connection)
    async with connection.transaction():
        page, _ = await lists.list_before(explained, RequestFilter(**wanted), viewer, None, PAGE, 0)  # type: ignore[arg-type]
    return [request.spec.id for request in page], explained.read


async def test_what_is_asked_of_requests_reads_about_what_it_shows(grown: Connection) -> None:
    assert set(VALUES) == {field.name for field in fields(RequestFilter)}, "a filter that this test does not know"
    too_much: dict[str, float] = {}
    found = 0
    for wanted in [*ALONE, *PAIRS, *OF_THE_PRESENT]:
        page, read = await read_for(grown, ITSELF, wanted)
        found += bool(page)
        # Of two filters the bitmaps of both are made where one by itself is thought to find more.
        if read > (2 if LISTS & wanted.keys() else 1) * MAX_READ:
            too_much[str(wanted)] = read
    assert not too_much, too_much
    assert found > 20


async def test_what_somebody_is_rarely_asked_is_listed_without_a_walk_through_all_that_others_are(
    grown: Connection,
) -> None:
    page, read = await read_for(grown, VIEWERS["rare"], {})
    assert (page, read < MAX_READ) == (SEEN_BY_RARE, True), read
    for wanted in [*ALONE, *PAIRS]:
        page, read = await read_for(grown, VIEWERS["rare"], wanted)
        assert set(page) <= set(SEEN_BY_RARE)
        # Of each that is looked through at first, who has answered it is looked up.
        assert read < 2 * MAX_READ, (wanted, read)
    page, read = await read_for(grown, VIEWERS["nobody"], {})
    assert (page, read < MAX_READ) == (["asked-12"], True), read


async def test_what_is_asked_of_deliveries_reads_about_what_it_shows(grown: Connection) -> None:
    too_much: dict[str, float] = {}
    for wanted in DELIVERIES:
        explained = ExplainedConnection(grown)
        await deliveries.list_before(explained, DeliveryFilter(**wanted), ITSELF, None, PAGE)  # type: ignore[arg-type]
        if explained.read > MAX_READ:
            too_much[str(wanted)] = explained.read
    assert not too_much, too_much
