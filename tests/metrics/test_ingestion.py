"""Events are judged one by one, kept exactly as they came, and counted once."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import orjson
import pytest

from services.metrics.models import Events
from services.metrics.settings import Settings
from tests.metrics.service import Replica, Start, event, ingestion, pb, replica, settings_for
from tests.wire import query, refusal

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@in_one_loop
async def test_what_was_accepted_is_kept_as_it_came(shared: Replica) -> None:
    at = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
    at = at if at > datetime.now(UTC) - timedelta(days=80) and at < datetime.now(UTC) else datetime.now(UTC)
    events = [
        event(type="tool_execution", value=2.5, duration_ms=0.125, dimensions={"tool_name": "é", "a.b": "1"}),
        event(type="auth_request", value=-1e12, metadata={"error_code": "E1", "deep": {"a": [1, None, "ü"]}}),
        event(value=0, at=at.isoformat().replace("+00:00", "Z"), duration_ms=0, metadata={"x": True}),
    ]
    fields = {"service": "exactly", "version": "1.2.3", "instance_id": "i-1"}
    answer = await shared.ingest(*events, **fields)
    assert (answer.status, answer.accepted, answer.rejected, list(answer.errors)) == ("success", 3, 0, [])
    rows = await shared.rows("exactly")
    assert {f"req_{row['request'] & (2**64 - 1):016x}" for row in rows} == {answer.request_id}
    assert [row["position"] for row in rows] == [0, 1, 2]
    assert [row["type"] for row in rows] == ["tool_execution", "auth_request", "custom"]
    assert [row["value"] for row in rows] == [2.5, -1e12, 0]
    assert [row["duration_ms"] for row in rows] == [0.125, None, 0]
    assert [orjson.loads(row["dimensions"]) for row in rows] == [{"tool_name": "é", "a.b": "1"}, {}, {}]
    metadata = [orjson.loads(row["metadata"] or "null") for row in rows]
    assert metadata == [None, {"error_code": "E1", "deep": {"a": [1, None, "ü"]}}, {"x": True}]
    assert rows[2]["at"] == at
    assert {(row["principal"], row["version"], row["instance_id"]) for row in rows} == {("local", "1.2.3", "i-1")}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": "nonsense"}, "type"),
    ({"type": ""}, "type"),
    ({"value": None}, "value"),
    ({"value": "NaN"}, "value"),
    ({"value": "-Infinity"}, "value"),
    ({"value": 1.0000001e12}, "value"),
    ({"duration_ms": -0.001}, "duration_ms"),
    ({"duration_ms": 86_400_000.1}, "duration_ms"),
    ({"duration_ms": "NaN"}, "duration_ms"),
    ({"at": "2999-01-01T00:00:00Z"}, "at"),
    ({"at": "2001-01-01T00:00:00Z"}, "at"),
    ({"timestamp": "yesterday"}, "timestamp"),
    ({"timestamp": "2026-01-01T00:00:00Z", "at": "2026-01-01T00:00:00Z"}, "timestamp"),
    ({"dimensions": {f"d{number}": "" for number in range(21)}}, "dimensions"),
    ({"dimensions": {"1st": ""}}, "dimensions"),
    ({"dimensions": {"é": ""}}, "dimensions"),
    ({"dimensions": {"x" * 51: ""}}, "dimensions"),
    ({"dimensions": {"long": "x" * 201}}, "dimensions.long"),
    ({"dimensions": {"nul": "\x00"}}, "dimensions.nul"),
    ({"metadata": {f"m{number}": 1 for number in range(31)}}, "metadata"),
    ({"metadata": {"x" * 51: 1}}, "metadata"),
    ({"metadata": {"long": "x" * 1_000}}, "metadata.long"),
    ({"metadata": {"nul": "\x00"}}, "metadata"),
]


@in_one_loop
async def test_each_bad_event_is_rejected_by_itself_with_its_index_and_reason(shared: Replica) -> None:
    good = {"dimensions": {"x" * 50: "y" * 200}, "metadata": {"m" * 50: "z" * 998}}
    sent = [good]
    for bad, _ in BAD:
        sent += [bad, good]
    answer = await shared.ingest(*sent, service="mixed")
    assert (answer.status, answer.accepted, answer.rejected) == ("partial", len(BAD) + 1, len(BAD))
    told = [(each.index, each.field) for each in answer.rejections]
    assert told == [(2 * number + 1, field) for number, (_, field) in enumerate(BAD)]
    assert all(f"metrics[{each.index}].{each.field} {each.reason}." in answer.errors for each in answer.rejections)
    assert [row["position"] for row in await shared.rows("mixed")] == [2 * number for number in range(len(BAD) + 1)]


@in_one_loop
async def test_where_all_are_rejected_the_status_says_so_and_nothing_is_kept(shared: Replica) -> None:
    answer = await shared.ingest({"type": "nonsense"}, {"value": None}, service="none")
    assert (answer.status, answer.accepted, answer.rejected) == ("rejected", 0, 2)
    assert await shared.rows("none") == []


@in_one_loop
@pytest.mark.parametrize(
    "fields",
    [
        {"service": ""},
        {"service": "a b"},
        {"service": "x" * 51},
        {"version": "x" * 21},
        {"instance_id": "a/b"},
        {"ack": "maybe"},
    ],
)
async def test_what_is_wrong_with_the_request_refuses_all_of_it(shared: Replica, fields: dict[str, str]) -> None:
    refused = await refusal(shared.ingest(**fields))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", list(fields))


@in_one_loop
async def test_a_request_has_1_to_10_000_events(shared: Replica) -> None:
    empty = pb.IngestMetricsRequest(service="tests")
    assert (await refusal(shared.stub.IngestMetrics(empty))).fields == ["metrics"]
    most = [event()] * 10_000
    assert (await shared.ingest(*most, service="most")).accepted == 10_000
    assert (await refusal(shared.ingest(*most, event(), service="most"))).fields == ["metrics"]
    assert len(await shared.rows("most")) == 10_000


@in_one_loop
async def test_a_time_without_a_zone_is_utc(shared: Replica) -> None:
    now = datetime.now(UTC).replace(microsecond=250_000)
    texts = [now.replace(tzinfo=None).isoformat(), now.isoformat(), now.astimezone(tz=None).isoformat()]
    await shared.ingest(*({"timestamp": text} for text in texts), service="times")
    assert [row["at"] for row in await shared.rows("times")] == [now] * 3


@in_one_loop
async def test_requests_at_the_same_time_are_all_kept_and_counted_once(shared: Replica) -> None:
    requests = [ingestion({"value": number}, {"value": -number}, service="many") for number in range(200)]
    repeated = [ingestion(service="once", idempotency_key=f"key-{number % 10}") for number in range(100)]
    answers = await asyncio.gather(*map(shared.stub.IngestMetrics, [*requests, *repeated]))
    assert len({answer.request_id for answer in answers}) == 210
    values = sorted(row["value"] for row in await shared.rows("many"))
    assert values == sorted([*range(200), *(-number for number in range(200))])
    assert len(await shared.rows("once")) == 10


@pytest.mark.promise("M16")
async def test_buffered_events_are_written_when_there_are_enough_or_when_somebody_asks(start: Start) -> None:
    one = await start(metrics_batch_size=3, metrics_flush_interval_seconds=3600)
    other = await start(metrics_batch_size=3, metrics_flush_interval_seconds=3600)
    for number in range(2):
        assert (await one.ingest({"value": number}, ack="buffered")).status == "success"
    assert await one.rows() == []
    await one.ingest({"value": 2}, ack="buffered")
    await until(one, 3)
    await one.ingest({"value": 3}, ack="buffered")
    answer = await one.stub.FlushMetrics(pb.FlushMetricsRequest())
    assert (answer.status, answer.message) == ("success", "1 buffered events written.")
    assert len(await one.rows()) == 4
    # What other replicas keep is written too.
    await one.ingest({"value": 4}, ack="buffered")
    await other.stub.FlushMetrics(pb.FlushMetricsRequest())
    await until(one, 5)


@pytest.mark.promise("M17")
async def test_buffered_events_are_written_after_a_while(start: Start) -> None:
    one = await start(metrics_batch_size=1_000, metrics_flush_interval_seconds=0.2)
    await one.ingest(ack="buffered")
    await until(one, 1)


async def test_a_service_that_stops_writes_what_it_keeps(database: str) -> None:
    settings = settings_for(database, metrics_flush_interval_seconds=3600)
    async with replica(settings) as stopped:
        for number in range(50):
            await stopped.ingest({"value": number}, ack="buffered")
    assert await query(database, "SELECT count(*) FROM metric_events") == [(50,)]


async def test_what_waits_is_bounded_and_more_is_told_when_to_come_back(start: Start) -> None:
    one = await start(metrics_flush_interval_seconds=3600, metrics_batch_size=1_000_000, metrics_max_queued_bytes=2**20)
    large = [{"metadata": {f"m{number}": "x" * 900 for number in range(30)}}] * 10
    ended = [await asyncio.gather(one.ingest(*large, ack="buffered"), return_exceptions=True) for _ in range(10)]
    accepted = sum(not isinstance(answer, BaseException) for (answer,) in ended)
    refused = await refusal(one.ingest(*large, ack="buffered"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert refused.retry_after
    assert accepted * 270_000 < 2**20
    again = [one.ingest(*large, ack="buffered") for _ in range(20)]
    assert all(isinstance(each, Exception) for each in await asyncio.gather(*again, return_exceptions=True))
    gc.collect()
    # Of all that was refused no more is in memory than the last, which an error may still name.
    kept = [each for each in gc.get_objects() if isinstance(each, Events) and len(each.metadata) == len(large)]
    assert accepted <= len(kept) <= accepted + 1
    await one.stub.FlushMetrics(pb.FlushMetricsRequest())
    await one.ingest(*large, ack="buffered")


@pytest.mark.promise("M18")
async def test_a_request_larger_than_the_setting_is_refused(start: Start) -> None:
    one = await start(max_message_bytes="4KB")
    assert one.settings.max_message_bytes == 4096
    await one.ingest()
    refused = await failure(one.ingest(*[{"metadata": {"m": "x" * 900}}] * 5))
    assert refused is grpc.StatusCode.RESOURCE_EXHAUSTED


async def failure(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def until(one: Replica, rows: int) -> None:
    """Waits until so many are kept."""
    async with asyncio.timeout(60):
        while len(await one.rows()) < rows:
            await asyncio.sleep(0.02)
    assert len(await one.rows()) == rows


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("METRICS_RATE_LIMIT", "10", "metrics_rate_limit", 10),
        ("METRICS_RETENTION_DAYS", "7", "metrics_retention_days", 7),
        ("BATCH_SIZE", "500", "metrics_batch_size", 500),
        ("FLUSH_INTERVAL_SECONDS", "0.5", "metrics_flush_interval_seconds", 0.5),
        ("MAX_REQUEST_SIZE", "10MB", "max_message_bytes", 10 * 1024 * 1024),
    ],
)
def test_settings_are_read_by_the_names_that_the_original_had_and_ours_go_first(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, read: float
) -> None:
    monkeypatch.setenv("QMCP_DATABASE_URL", "postgresql://nowhere")
    monkeypatch.setenv(name, value)
    assert getattr(Settings(), field) == read  # type: ignore[call-arg]
    monkeypatch.setenv("QMCP_MAX_MESSAGE_BYTES" if field == "max_message_bytes" else f"QMCP_{field.upper()}", "2048")
    assert getattr(Settings(), field) == 2048  # type: ignore[call-arg]


@in_one_loop
async def test_events_over_grpc_may_hold_as_many_values_as_their_contract_says_singly_and_in_a_stream(
    shared: Replica,
) -> None:
    """More than other requests, which may hold 50,000; and no more than that."""
    many = [event(metadata={str(number): True for number in range(12)})] * 5_000
    too_many = [event(metadata={str(number): True for number in range(21)})] * 10_000
    answer = await shared.ingest(*many, service="many-values")
    assert (answer.accepted, answer.rejected) == (5_000, 0)
    streamed = await shared.stub.StreamMetrics(iter([pb.StreamMetricsRequest(service="many-values", metrics=many)]))
    assert (streamed.accepted, streamed.rejected) == (5_000, 0)
    for call in (
        shared.ingest(*too_many),
        shared.stub.StreamMetrics(iter([pb.StreamMetricsRequest(service="tests", metrics=too_many)])),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert "holds more than 200,000 values" in refused.message
