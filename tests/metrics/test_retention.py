"""What is old leaves, by whole partitions and to the row; answers say what is left; administrators decide."""

from datetime import UTC, datetime, timedelta

import pytest
from qmcp.metrics.v1 import query_pb2, retention_pb2

from services.metrics.retention.models import TABLES
from tests.metrics.measured import microseconds, rolled_up
from tests.metrics.service import Replica, Start, event
from tests.partitioned import split
from tests.wire import query

NOW = datetime.now(UTC)
OLD = """
    INSERT INTO metric_events (at, series_id, value, request, position)
    SELECT now() - make_interval(days => days), (SELECT min(id) FROM series), 1, 1, days
    FROM unnest($1::integer[]) AS days
"""


async def active(replica: Replica, *names: str, days: int = 90, is_active: bool = True) -> None:
    for name in names:
        request = retention_pb2.SetRetentionPolicyRequest(table_name=name, retention_days=days, is_active=is_active)
        answer = await replica.stub.SetRetentionPolicy(request)
        assert (answer.status, answer.retention_days, answer.is_active) == ("success", days, is_active)


async def counted(replica: Replica, table: str) -> int:
    rows = await query(replica.settings.database_url, f"SELECT count(*) AS number FROM {table}")
    return int(rows[0]["number"])


async def test_what_is_old_is_told_then_deleted_and_answers_say_what_is_left(start: Start, database: str) -> None:
    replica = await start()
    # The loop deletes nothing meanwhile.
    await active(replica, *TABLES, is_active=False)
    await split(database, list(TABLES.values()), NOW - timedelta(days=100))
    await replica.ingest(event(value=5, at=(NOW - timedelta(days=1)).isoformat()))
    await query(database, OLD, [95, 99, 110, 120, 400, 1_200])
    await rolled_up(replica)
    stub = replica.stub
    for dry_run in (True, False):
        skipped = await stub.CleanUpRetention(retention_pb2.CleanUpRetentionRequest(dry_run=dry_run))
        assert (skipped.metrics.status, skipped.metrics.reason) == ("skipped", "policy_inactive")
        assert skipped.metrics.records_deleted == 0
    await active(replica, "metrics", "metrics_minutely")
    await active(replica, "metrics_hourly", days=365)
    await active(replica, "metrics_daily", days=1_095)
    preview = await stub.PreviewRetention(retention_pb2.PreviewRetentionRequest())
    assert (preview.metrics.records_to_delete, preview.metrics.total_records) == (6, 7)
    assert preview.metrics.percentage_to_delete == pytest.approx(600 / 7)
    assert preview.metrics.oldest_record_to_delete[:4] == str((NOW - timedelta(days=1_200)).year)
    # Of roll-ups, what lies in the partition that ends 100 days ago: each event is in its series and in the totals.
    assert (preview.metrics_minutely.records_to_delete, preview.metrics_minutely.total_records) == (8, 14)
    assert preview.metrics_hourly.records_to_delete == preview.metrics_daily.records_to_delete == 0
    told = await stub.CleanUpRetention(retention_pb2.CleanUpRetentionRequest())
    assert (told.metrics.status, told.metrics.records_deleted) == ("dry_run", 6)
    assert await counted(replica, "metric_events") == 7
    done = await stub.CleanUpRetention(retention_pb2.CleanUpRetentionRequest(table_name="metrics", dry_run=False))
    assert (done.metrics.status, done.metrics.records_deleted) == ("completed", 6)
    assert list(done.metrics.partitions) == ["metric_events_first"]
    assert not done.HasField("metrics_minutely")
    done = await stub.CleanUpRetention(retention_pb2.CleanUpRetentionRequest(dry_run=False))
    assert (done.metrics.records_deleted, done.metrics_minutely.records_deleted) == (0, 8)
    assert done.metrics_hourly.records_deleted == 0
    assert [await counted(replica, table.table) for table in TABLES.values()] == [1, 6, 14, 14]
    stats = await stub.GetDatabaseStats(retention_pb2.GetDatabaseStatsRequest())
    assert (stats.metrics.record_count, stats.metrics_daily.record_count) == (1, 14)
    assert (stats.metrics_daily.retention_days, stats.metrics_daily.policy_active) == (1_095, True)
    # Where minutes have left, the hour that holds the time answers; the hours of a year ago are there yet.
    start_at = NOW - timedelta(days=110, minutes=17)
    answer = await stub.QueryMetrics(query_pb2.QueryMetricsRequest(start_at=start_at, end_at=NOW - timedelta(days=101)))
    assert list(answer.sources) == ["day", "hour"]
    assert microseconds(answer.start_at) == int(start_at.timestamp()) // 3_600 * 3_600 * 1_000_000
    assert answer.series[0].points[0].count == 1
    # What comes late where no partition is any more leaves with the next cleanup.
    await query(database, OLD, [130])
    await rolled_up(replica)
    assert await counted(replica, "metrics_minutely_default") == 2
    done = await stub.CleanUpRetention(retention_pb2.CleanUpRetentionRequest(dry_run=False))
    assert (done.metrics.records_deleted, done.metrics_minutely.records_deleted) == (1, 2)
    size = await stub.GetDatabaseSize(retention_pb2.GetDatabaseSizeRequest())
    assert set(size.table_bytes) == set(TABLES)
    assert 0 < sum(size.table_bytes.values()) < size.total_bytes
    assert size.page_count == size.free_pages + size.used_pages


@pytest.mark.promise("M15")
async def test_settings_say_how_long_tables_are_kept_where_nobody_else_has(start: Start) -> None:
    replica = await start(metrics_retention_days=7, metrics_hourly_retention_days=30, metrics_daily_retention_days=60)
    await active(replica, "metrics_daily", days=5)
    policies = await replica.stub.GetRetentionPolicies(retention_pb2.GetRetentionPoliciesRequest())
    found = {name: getattr(policies, name).retention_days for name in TABLES}
    assert found == {"metrics": 7, "metrics_minutely": 7, "metrics_hourly": 30, "metrics_daily": 5}
