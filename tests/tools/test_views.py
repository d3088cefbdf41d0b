"""What is long stands in a list only where it is asked for, and no page is larger than a client takes."""

from collections.abc import Callable
from typing import Any

import asyncpg
import orjson
import pytest

from services.tools.audit.store import invocations, lists
from services.tools.audit.store import receipts as receipts_store
from tests.tools.service import Start, pb


async def test_what_is_long_stands_in_a_list_only_where_it_is_asked_for(start: Start) -> None:
    replica = await start()
    short = await replica.invoke("echo", {"message": "short"})
    long = await replica.invoke("echo", {"message": "x" * 5_000})
    # Stored, it is smaller than what is long.
    packed = await replica.invoke("planner", {"goal": "x", "context": "y" * 5_000})
    for view in ("", "basic"):
        found = await replica.stub.ListInvocations(pb.ListInvocationsRequest(view=view))
        listed = {one.id: one for one in found.invocations}
        assert listed[short.id] == short
        assert listed[long.id].omitted_fields == ["input_params", "result"]
        assert not listed[long.id].HasField("input_params")
        assert listed[long.id].result.WhichOneof("kind") == "null_value"
        assert "input_params" in listed[packed.id].omitted_fields
    whole = await replica.stub.ListInvocations(pb.ListInvocationsRequest(view="full"))
    assert list(whole.invocations) == [packed, long, short]
    assert await replica.get(long.id) == long


async def test_a_page_ends_early_where_its_documents_are_large_and_nothing_is_skipped(start: Start) -> None:
    replica = await start()
    made = [(await replica.invoke("echo", {"message": "x" * 300_000})).id for _ in range(7)]
    found: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await replica.stub.ListInvocations(pb.ListInvocationsRequest(view="full", page_token=token))
        assert page.count == len(page.invocations) < len(made)
        assert page.ByteSize() < 4 * 1024 * 1024
        found += [one.id for one in page.invocations]
        token, pages = page.next_page_token, pages + 1
    assert found == made[::-1]


async def test_exports_and_verifications_read_no_more_at_once_than_may_be_held(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = await start()
    sizes = [10, 400, 10, 10, 900, 900, 10, 10, 10, 10]
    made = [(await replica.invoke("echo", {"message": "x" * size})).id for size in sizes]
    monkeypatch.setattr(lists, "MAX_PAGE_BYTES", 1_000)
    monkeypatch.setattr(receipts_store, "BYTES_AT_ONCE", 1_000)
    read: list[int] = []

    def counted(decode: Callable[..., Any]) -> Callable[..., Any]:
        async def counting(*given: Any) -> Any:
            found = await decode(*given)
            read.append(len(found))
            return found

        return counting

    monkeypatch.setattr(invocations, "get_many", counted(invocations.get_many))
    exported = [
        orjson.loads(line)
        async for message in replica.stub.ExportInvocations(pb.ExportInvocationsRequest())
        for line in message.data.splitlines()
    ]
    assert [one["id"] for one in exported[:-1]] == made
    assert exported[-1] == {"done": True, "count": len(made)}
    assert len(read) > 3
    assert max(read) < len(made) - 2
    bits = []
    connection = await asyncpg.connect(replica.settings.database_url)
    pieces = [(row["id"], 1, len(made)) for row in await connection.fetch("SELECT id FROM chains")]
    async for found, _ in receipts_store._bits(connection, pieces):
        bits.append([len(row["input_params"]) for row in found])
    await connection.close()
    assert [size for bit in bits for size in bit] == [size + len('{"message":""}') for size in sizes]
    assert len(bits) >= 3
    assert all(2 * sum(bit[1:]) <= 1_000 for bit in bits)
    verified = await replica.stub.VerifyReceipts(pb.VerifyReceiptsRequest())
    assert (verified.receipts_verified, list(verified.faults)) == (len(made), [])
