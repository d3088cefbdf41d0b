"""What ended long ago leaves with everything that lies beside it; what is pending stays, however old."""

from datetime import UTC, datetime, timedelta

import pytest

from services.hitl.retention import DELIVERIES, EVENTS
from tests.hitl.service import Start, pb, query
from tests.partitioned import split
from tests.wire import until

ROWS = """
    INSERT INTO human_requests (
        id, request_type, prompt, options, context, timeout_seconds, status, created_at, expires_at, correlation_id,
        priority, assignees, groups, tags, callback_url, on_expiry, four_eyes, requester, body_digest, ended_at
    )
    SELECT id, 'approval', 'Deploy?', '{}', '{}', 3600, CASE WHEN ended IS NULL THEN 'pending' ELSE 'responded' END,
           now() - made * interval '1 day', now() + interval '1 hour', '', 'normal', '{}', '{}', '{}', '',
           '{"action": "expire", "default_response": null, "escalate_to": [], "escalate_timeout_seconds": 0}',
           false, 'agent', '', now() - ended * interval '1 day'
    FROM (VALUES ('old', 50, 49), ('late', 45, 10), ('new', 5, 4), ('open', 44, NULL)) AS asked (id, made, ended)
    WHERE id <> ALL($1::text[]);
"""
BESIDE = (
    (
        "INSERT INTO human_request_events (human_request_id, kind, principal, detail, at) "
        "SELECT id, 'created', 'agent', '{}', created_at FROM human_requests"
    ),
    (
        "INSERT INTO deliveries (human_request_id, event_sequence, event_kind, url, status, created_at) "
        "SELECT id, 1, 'created', 'http://hook', 'delivered', created_at FROM human_requests"
    ),
    (
        "INSERT INTO human_responses (id, human_request_id, response, responded_by, created_at, response_metadata, comment, "
        "decides, via, idempotency_key, body_digest) "
        "SELECT gen_random_uuid(), id, '1', 'human', ended_at, '{}', '', true, 'api', '', '' "
        "FROM human_requests WHERE ended_at IS NOT NULL"
    ),
    (
        "INSERT INTO action_links (token_digest, human_request_id, person, created_by, expires_at) "
        "SELECT sha256(id::bytea), id, 'human', 'agent', now() FROM human_requests"
    ),
)
BOUND = datetime.now(UTC) - timedelta(days=40)


async def ids(url: str, table: str) -> set[str]:
    column = "id" if table == "human_requests" else "human_request_id"
    return {row[column] for row in await query(url, f"SELECT {column} FROM {table}")}


@pytest.mark.parametrize(
    ("absent", "left", "of_history"),
    [
        # What ended lately and what is pending keep their month, and with it the history of what is gone from it.
        ([], {"late", "new", "open"}, {"old", "late", "new", "open"}),
        (["late", "open"], {"new"}, {"new"}),
    ],
)
async def test_what_ended_long_ago_leaves_and_what_is_pending_stays(
    database: str, start: Start, absent: list[str], left: set[str], of_history: set[str]
) -> None:
    await split(database, (EVENTS, DELIVERIES), BOUND)
    await query(database, ROWS, absent)
    for statement in BESIDE:
        await query(database, statement)
    service = await start(hitl_history_days=30)

    async def gone() -> bool:
        return await ids(database, "human_requests") == left and await ids(database, "deliveries") == of_history

    await until(gone)
    assert {one.id for one in await service.listed()} == left
    assert await ids(database, "human_request_events") == of_history
    assert await ids(database, "action_links") == left
    assert await ids(database, "human_responses") == left - {"open"}
    # It goes on: a new request has its event, and whoever watches from the beginning sees it.
    await service.ask("after")
    assert await service.history("after") == ["created"]
    assert (await service.stub.ListDeliveries(pb.ListDeliveriesRequest())).deliveries


async def test_without_the_setting_everything_is_kept(database: str, start: Start) -> None:
    await query(database, ROWS, [])
    service = await start()
    await service.ask("first")
    assert await ids(database, "human_requests") == {"old", "late", "new", "open", "first"}
