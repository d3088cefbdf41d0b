"""Reading the audit: filters, pages, summaries, exports."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from tests.tools.service import Replica, pb, python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def past(shared: Replica) -> AsyncIterator[list[str]]:
    """Thirty-one invocations of three kinds, oldest first."""
    made = []
    for n in range(10):
        made.append((await shared.invoke("echo", {"message": f"{n}"}, correlation_id=f"c{n % 2}")).id)
        made.append((await shared.invoke("raises", {"what": "error"}, correlation_id="c0")).id)
        made.append((await shared.invoke("returns", {"what": "float"})).id)
    refused = await refusal(shared.invoke("echo", {"message": 7}, correlation_id="c1"))
    made.append(refused.metadata["invocation_id"])
    yield made


async def pages(replica: Replica, **fields: object) -> list[str]:
    found, token = [], ""
    while True:
        page = await replica.stub.ListInvocations(pb.ListInvocationsRequest(page_token=token, **fields))
        assert page.count == len(page.invocations)
        found += [one.id for one in page.invocations]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.promise("Q28")
async def test_a_new_invocation_stands_first_in_the_list(shared: Replica, past: list[str]) -> None:
    made = await shared.invoke("echo", {"message": "newest"})
    newest = (await shared.stub.ListInvocations(pb.ListInvocationsRequest(page_size=1))).invocations[0]
    assert newest == made == await shared.get(made.id)


@pytest.mark.parametrize("page_size", [1, 7, 31, 500])
async def test_pages_hold_everything_once_newest_first(shared: Replica, past: list[str], page_size: int) -> None:
    found = await pages(shared, page_size=page_size)
    assert [one for one in found if one in past] == past[::-1]
    assert len(set(found)) == len(found)


async def test_rows_that_arrive_while_paging_are_neither_skipped_nor_repeated(shared: Replica, past: list[str]) -> None:
    found, token = [], ""
    while True:
        page = await shared.stub.ListInvocations(pb.ListInvocationsRequest(page_size=4, page_token=token))
        found += [one.id for one in page.invocations]
        await asyncio.gather(*(shared.invoke("echo", {"message": "noise"}) for _ in range(3)))
        token = page.next_page_token
        if not token:
            break
    assert [one for one in found if one in past] == past[::-1]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"tool_name": "echo", "correlation_id": "c1"}, 6),
        ({"tool_name": "echo", "correlation_id": "c1", "status": "success"}, 5),
        ({"tool_name": "raises", "status": "failed"}, 10),
        ({"tool_name": "raises", "status": "success"}, 0),
        ({"correlation_id": "c0"}, 15),
        ({"correlation_id": "c0", "principal": "local"}, 15),
        ({"correlation_id": "c0", "principal": "somebody"}, 0),
        ({"tool_name": "returns", "status": "success"}, 10),
        ({"tool_name": "ret%"}, 0),
        ({"status": "running"}, 0),
        ({"status": "cancelled"}, 0),
    ],
)
async def test_filters_hold_together(shared: Replica, past: list[str], filters: dict, count: int) -> None:
    assert len(await pages(shared, page_size=4, **filters)) == count


async def test_times_bound_from_the_first_to_before_the_last(shared: Replica, past: list[str]) -> None:
    first, last = (await shared.get(past[3])).created_at, (await shared.get(past[9])).created_at
    found = await pages(shared, created_after=first, created_before=last)
    assert found == past[3:9][::-1]


async def test_the_originals_limit_and_offset_work_too(shared: Replica, past: list[str]) -> None:
    page = await shared.stub.ListInvocations(pb.ListInvocationsRequest(tool_name="returns", limit=3, offset=2))
    mine = [one for one in past if one in {entry.id for entry in await shared.listed(tool_name="returns")}]
    assert [one.id for one in page.invocations] == mine[::-1][2:5]


@pytest.mark.parametrize(
    "fields",
    [
        {"page_size": 501},
        {"page_size": -1},
        {"limit": 501},
        {"offset": -1},
        {"status": "done"},
        {"tool_name": "x" * 65},
    ],
)
async def test_what_is_out_of_bounds_is_refused(shared: Replica, fields: dict) -> None:
    refused = await refusal(shared.stub.ListInvocations(pb.ListInvocationsRequest(**fields)))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", list(fields))


@pytest.mark.parametrize("seconds", [-(10**12), 10**13])
async def test_a_time_that_is_none_is_refused(shared: Replica, seconds: int) -> None:
    refused = await refusal(
        shared.stub.ListInvocations(pb.ListInvocationsRequest(created_after=Timestamp(seconds=seconds)))
    )
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ["created_after"])


async def test_a_token_of_another_filter_is_refused(shared: Replica, past: list[str]) -> None:
    token = (await shared.stub.ListInvocations(pb.ListInvocationsRequest(page_size=1))).next_page_token
    for changed in ({"tool_name": "echo"}, {"status": "failed"}, {"created_after": Timestamp(seconds=1)}):
        refused = await refusal(shared.stub.ListInvocations(pb.ListInvocationsRequest(page_token=token, **changed)))
        assert refused.reason == "PAGE_TOKEN_INVALID"


async def test_a_summary_counts_and_times_by_tool(shared: Replica, past: list[str]) -> None:
    answer = await shared.stub.SummarizeInvocations(pb.SummarizeInvocationsRequest())
    by_tool = {one.tool_name: one for one in answer.tools}
    assert list(by_tool) == sorted(by_tool)
    returns, raises = by_tool["returns"], by_tool["raises"]
    assert (returns.count, returns.success_count, returns.failed_count) == (10, 10, 0)
    assert (raises.count, raises.success_count, raises.failed_count, raises.cancelled_count) == (10, 0, 10, 0)
    assert 0 < returns.duration_ms_p50 <= returns.duration_ms_p95 <= returns.duration_ms_p99
    only = await shared.stub.SummarizeInvocations(pb.SummarizeInvocationsRequest(tool_name="raises"))
    assert list(only.tools) == [raises]
    later = Timestamp(seconds=raises_later(await shared.get(past[-1])))
    none = await shared.stub.SummarizeInvocations(
        pb.SummarizeInvocationsRequest(tool_name="raises", created_after=later)
    )
    assert not none.tools


def raises_later(invocation: object) -> int:
    return invocation.completed_at.seconds + 3600  # type: ignore[attr-defined]


async def lines(stream: object) -> list[dict]:
    chunks = [chunk async for chunk in stream]  # type: ignore[attr-defined]
    assert {chunk.content_type for chunk in chunks} == {"application/x-ndjson"}
    return [orjson.loads(line) for line in b"".join(chunk.data for chunk in chunks).splitlines()]


async def test_an_export_holds_everything_oldest_first_and_says_that_it_is_done(
    shared: Replica, past: list[str]
) -> None:
    *rows, done = await lines(shared.stub.ExportInvocations(pb.ExportInvocationsRequest()))
    assert done == {"done": True, "count": len(rows)}
    assert [row["id"] for row in rows if row["id"] in past] == past
    row = next(row for row in rows if row["id"] == past[0])
    answered = python(await shared.get(past[0]))
    assert {key: row[key] for key in ("input_params", "result", "status", "duration_ms", "correlation_id")} == {
        key: answered.get(key) for key in ("input_params", "result", "status", "duration_ms", "correlation_id")
    }
    *rows, done = await lines(shared.stub.ExportInvocations(pb.ExportInvocationsRequest(tool_name="raises")))
    assert (len(rows), done["count"], {row["error_reason"] for row in rows}) == (10, 10, {"TOOL_RAISED"})


async def test_an_export_is_longer_than_a_page_without_gap_or_double(shared: Replica, past: list[str]) -> None:
    for _ in range(6):
        await asyncio.gather(*(shared.invoke("planner", {"goal": "x"}) for _ in range(200)))
    *rows, done = await lines(shared.stub.ExportInvocations(pb.ExportInvocationsRequest(tool_name="planner")))
    assert (done["count"], len({row["id"] for row in rows}), len(rows)) == (1200, 1200, 1200)
    *rows, done = await lines(shared.stub.ExportReceipts(pb.ExportReceiptsRequest()))
    assert done["count"] == sum("receipt" in row for row in rows) >= 1200
