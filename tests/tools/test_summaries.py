"""Summaries are added up from hours that were counted once, and say what a count of all rows would say."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

import pytest
import uuid_utils.compat as uuid
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import CollectorRegistry

from servicekit.group_commit import CommitMetrics
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.partitions import lowest_uuid7
from servicekit.postgres import Connection
from servicekit.postgres import database as connected
from services.tools.audit import counting
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.counting import OutcomeCounter
from services.tools.audit.models import InvocationFilter
from services.tools.audit.outcome import cancelled, outcome_of
from services.tools.audit.recording import Recorder
from services.tools.audit.store import summaries
from services.tools.models import Outcome
from tests.explained import ExplainedConnection
from tests.tools.service import Start, pb, query, until

NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
HOURS = 5
ENDED = 400
# Durations are known to a step of the histogram: its middle is off by half of it.
PRECISION = 0.021
# What may be counted twice or not at all if it lies on the edge of an hour or of what is asked for.
EDGES = [timedelta(0), timedelta(microseconds=1), timedelta(minutes=17), timedelta(minutes=59, seconds=59.999999)]
TIMES = [NOON + hour * timedelta(hours=1) + edge for hour in (-1, 0, 2, 4) for edge in EDGES]


async def record(recorder: Recorder, chance: random.Random, count: int) -> list[Outcome]:
    """Outcomes of some tools and callers, asked for within some hours, some of them on the stroke of one."""
    made = []
    for _ in range(count):
        at = NOON + timedelta(hours=chance.randrange(HOURS)) + chance.choice([*EDGES, timedelta(minutes=40)])
        fresh = recorder.new_intent(
            tool_name=chance.choice(["a", "b", "b", "c/d"]),
            tool_etag="",
            arguments={},
            principal=chance.choice(["ada", "bob"]),
            correlation_id="",
            idempotency_key="",
        )
        low = lowest_uuid7(at).int | (fresh.id.int & ((1 << 74) - 1))
        intent = replace(fresh, id=UUID(int=low), created_at=at)
        outcome = outcome_of(intent, chance.choice(["success", "success", "failed"]), result="1")
        if chance.random() < 0.1:
            outcome = cancelled(intent, "CANCELLED_BY_REQUEST")
        made.append(replace(outcome, completed_at=at + timedelta(microseconds=round(10 ** chance.uniform(2, 8)))))
    for outcome in made:
        await recorder.record_intent(outcome.intent)
        await recorder.record_outcome(outcome)
    return made


def counted_through(ended: Sequence[Outcome], after: datetime, before: datetime | None) -> dict[str, list[Outcome]]:
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in ended:
        if after <= outcome.intent.created_at and (before is None or outcome.intent.created_at < before):
            found[outcome.intent.tool_name].append(outcome)
    return found


async def require_right(
    connection: Connection, ended: Sequence[Outcome], after: datetime, before: datetime | None, viewer: Viewer
) -> None:
    async with connection.transaction():
        answer = await summaries.summary(connection, InvocationFilter(created_before=before), after, viewer, 100)
    shown = [outcome for outcome in ended if viewer.sees_all or outcome.intent.principal == viewer.name]
    expected = counted_through(shown, after, before)
    assert [one.tool_name for one in answer] == sorted(expected), (after, before)
    for one in answer:
        rows = expected[one.tool_name]
        statuses = [row.status for row in rows]
        assert (one.count, one.success_count, one.failed_count, one.cancelled_count) == (
            len(rows),
            *(statuses.count(status) for status in ("success", "failed", "cancelled")),
        ), (after, before, one)
        lasted = sorted((row.completed_at - row.intent.created_at) / timedelta(milliseconds=1) for row in rows)
        for share, told in ((0.5, one.duration_ms_p50), (0.95, one.duration_ms_p95), (0.99, one.duration_ms_p99)):
            assert told == pytest.approx(lasted[ceil(share * len(lasted)) - 1], rel=PRECISION), (after, before, one)


async def test_a_summary_says_of_any_time_what_a_count_of_its_rows_would_say_however_much_is_counted_yet(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(19)
    ada = Viewer.of(Principal("ada", frozenset()), "tools")
    windows = [(after, before) for after in TIMES for before in (*TIMES, None)]
    async with connected(database, 2, "test") as db:
        counter = OutcomeCounter(db)
        recorder = Recorder(db, uuid.uuid7(), CommitMetrics(CollectorRegistry()), AwaitingApproval())
        async with recorder.recording(), db.connection() as connection:
            ended = await record(recorder, chance, ENDED // 2)
            for after, before in chance.sample(windows, 20):
                await require_right(connection, ended, after, before, ITSELF)
            monkeypatch.setattr(counting, "AT_A_TIME", ENDED // 4)
            assert await counter.count()
            ended += await record(recorder, chance, ENDED // 2)
            for after, before in chance.sample(windows, 20):
                await require_right(connection, ended, after, before, ITSELF)
            while await counter.count():
                pass
            for after, before in windows:
                await require_right(connection, ended, after, before, ITSELF)
                await require_right(connection, ended, after, before, ada)
            ended += await record(recorder, chance, 5)
            explained = ExplainedConnection(connection)
            async with connection.transaction():
                await summaries.summary(explained, InvocationFilter(), NOON, ITSELF, 100)
            assert explained.read < ENDED / 4, "a summary reads the outcomes that it has counts of"


async def test_two_replicas_count_each_outcome_once(
    start: Start, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "PAUSE_SECONDS", 0.05)
    one, two = await start(), await start()
    before = (await one.stub.SummarizeInvocations(pb.SummarizeInvocationsRequest())).tools
    for n in range(6):
        await (one, two)[n % 2].invoke("echo", {"message": "x"})

    async def counted() -> bool:
        return not await query(
            database,
            """
            SELECT FROM chains c
            JOIN outcomes o ON o.chain_id = c.id
            WHERE o.sequence > c.counted_sequence
            """,
        )

    await until(counted)
    hours = await query(database, "SELECT principal, counts FROM hourly_outcomes WHERE tool_name = 'echo'")
    assert {row["principal"]: sum(row["counts"]) for row in hours} == {"": 6, "local": 6}
    midnight = Timestamp(seconds=int(NOON.timestamp()))
    for replica in (one, two):
        [echo] = (await replica.stub.SummarizeInvocations(pb.SummarizeInvocationsRequest(created_after=midnight))).tools
        assert (list(before), echo.count, echo.success_count) == ([], 6, 6)
        assert 0 < echo.duration_ms_p50 <= echo.duration_ms_p99
