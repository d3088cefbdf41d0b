"""Limits: how often tools may be invoked, over all replicas, and what callers are told of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from qmcp.tools.v1 import tool_limit_pb2

from services.tools.limits import limits
from tests.hitl.fake_access import FakeAccess
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Replica, Start, invoke_request, pb, query, read_refusal, refusal, runs, until
from tests.tools.test_interruption import in_a_process
from tests.tools.test_visibility import ROLES, Caller

AGENT = "agent"


def a_limit(name: str, **fields: Any) -> tool_limit_pb2.ToolLimit:
    return ParseDict({"name": name, **fields}, tool_limit_pb2.ToolLimit())


def create(name: str, **fields: Any) -> Any:
    return pb.CreateToolLimitRequest(limit=a_limit(name, **fields))


def a_day(invocations: int) -> dict[str, Any]:
    return {"invocations": invocations, "window": "day"}


@pytest.fixture
async def both(plugins: None, start: Start, hitl: FakeHitl) -> list[Replica]:
    changes = {"principal_max_long_calls": 500, "hitl_address": hitl.address}
    return [await start(**changes) for _ in range(2)]


async def known_to(replica: Replica, tool: str, number: int) -> list[tool_limit_pb2.ToolAllowance]:
    """What is told of a tool by a replica, once it knows so many limits of it."""

    async def told() -> Any:
        request = pb.GetToolAllowancesRequest(name=tool)
        found = list((await replica.stub.GetToolAllowances(request)).allowances)
        return found if len(found) == number else None

    return await until(told) if number else []


async def outcomes(calls: list[Any]) -> Counter[str]:
    """How many ended how; by a limit, `TOOL_LIMIT_REACHED`."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(
        read_refusal(each).reason if isinstance(each, grpc.aio.AioRpcError) else each.status for each in ended
    )


async def test_two_hundred_at_once_on_two_replicas_run_as_often_as_a_quota_says_and_each_is_on_record(
    both: list[Replica], database: str
) -> None:
    one, other = both
    made = await one.stub.CreateToolLimit(create("few", tools=["count*"], quota=a_day(37), reason="Dear."))
    assert (made.created_by, made.updated_by, made.quota.window) == ("local", "local", "day")
    [told] = await known_to(other, "counted", 1)
    assert (told.limit, told.invocations, told.remaining, told.window, told.shared) == ("few", 37, 37, "day", True)
    calls = [
        both[number % 2].invoke("counted", {"key": "limited"}, idempotency_key=f"{number % 100}")
        for number in range(200)
    ]
    # A retry with its idempotency_key takes nothing, wherever and whenever it comes.
    ended = await outcomes(calls)
    assert runs("limited") == 37
    assert 37 <= ended["success"] <= 74
    [left] = await known_to(one, "counted", 1)
    assert left.remaining == 0
    assert 0 < left.next_seconds <= 86_400
    again = await outcomes(
        [one.invoke("counted", {"key": "limited"}, idempotency_key=f"{number}") for number in range(100)]
    )
    assert again == {"success": 37, "TOOL_LIMIT_REACHED": 63}
    assert runs("limited") == 37
    rows = await query(
        database,
        "SELECT i.refused, o.error_reason, count(*) AS n FROM invocations i JOIN outcomes o ON o.invocation_id = i.id "
        "GROUP BY 1, 2 ORDER BY 1",
    )
    assert [(row["refused"], row["error_reason"]) for row in rows] == [(False, ""), (True, "TOOL_LIMIT_REACHED")]
    assert [row["n"] for row in rows] == [37, 200 - ended["success"] + 63]
    assert (await one.invoke("echo", {"message": "of another tool"})).status == "success"
    # What is over in the database is over for all; what was used before is not.
    await query(database, "UPDATE call_buckets SET resets_at = resets_at - interval '1 day'")
    await one.stub.UpdateToolLimit(pb.UpdateToolLimitRequest(limit=a_limit("few", tools=["count*"], quota=a_day(3))))
    ended = await outcomes([one.invoke("counted", {"key": "tomorrow"}) for _ in range(5)])
    assert ended == {"success": 3, "TOOL_LIMIT_REACHED": 2}


async def test_callers_are_told_what_is_left_and_when_to_come_back(both: list[Replica]) -> None:
    one, _ = both
    await one.stub.CreateToolLimit(create("many", rate={"per_minute": 60, "burst": 100}))
    await one.stub.CreateToolLimit(create("slow", tools=["echo"], rate={"per_minute": 1, "burst": 2}))
    call = one.stub.InvokeTool(invoke_request("echo", {"message": "x"}))
    headers = dict(await call.initial_metadata())
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("2", "1")
    assert 0 < int(headers["x-ratelimit-reset"]) <= 60
    started = one.stub.StartInvocation(invoke_request("echo", {"message": "x"}))
    assert dict(await started.initial_metadata())["x-ratelimit-remaining"] == "0"
    await started
    for _ in range(2):
        refused = await refusal(one.invoke("echo", {"message": "x"}))
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOOL_LIMIT_REACHED")
        assert refused.metadata["limit"] == "slow"
        assert refused.trailers["x-ratelimit-remaining"] == "0"
        assert refused.retry_after is not None
        assert 0 < refused.retry_after <= 60
        assert (await one.get(refused.metadata["invocation_id"])).error_reason == "TOOL_LIMIT_REACHED"
    started = await refusal(one.start("echo", {"message": "x"}))
    assert started.reason == "TOOL_LIMIT_REACHED"
    many, slow = await known_to(one, "echo", 2)
    # What one limit refuses takes nothing of the others: two of a hundred, and what came back.
    assert (many.limit, many.remaining >= 98, slow.limit, slow.remaining) == ("many", True, "slow", 0)
    assert slow.reset_at.seconds > 0
    metrics = await one.metrics()
    assert metrics['qmcp_tool_refusals_total{reason="TOOL_LIMIT_REACHED",tool="echo"}'] == 3


async def test_what_awaits_a_human_counts_once_and_what_is_refused_for_something_else_counts_nothing(
    both: list[Replica], hitl: FakeHitl
) -> None:
    one, other = both
    await one.stub.CreateToolLimit(create("two", quota=a_day(2)))
    await known_to(other, "guarded", 1)
    asked = await one.invoke("guarded", {"key": "limited approval"})
    assert asked.status == "awaiting_approval"
    [left] = await known_to(one, "guarded", 1)
    assert left.remaining == 1
    for call, reason in (
        (one.invoke("guarded", {"key": 7}), "ARGUMENTS_INVALID"),
        (one.invoke("nothing", {}), "TOOL_NOT_FOUND"),
    ):
        assert (await refusal(call)).reason == reason
    await hitl.answer(asked.id, "approve")

    async def ended() -> bool:
        return (await other.get(asked.id)).status == "success"

    await until(ended)
    assert (await known_to(one, "guarded", 1))[0].remaining == 1
    assert (await other.invoke("guarded", {"key": "limited approval"})).status == "awaiting_approval"
    assert (await refusal(one.invoke("guarded", {"key": "limited approval"}))).reason == "TOOL_LIMIT_REACHED"
    assert runs("limited approval") == 1


async def test_limits_are_resources_that_are_listed_replaced_and_deleted(
    both: list[Replica], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = both
    stub = one.stub
    made = await stub.CreateToolLimit(create("b", labels={"team": "x"}, rate={"per_minute": 5}, per_tool=True))
    assert (await refusal(stub.CreateToolLimit(create("b", quota=a_day(1))))).reason == "TOOL_LIMIT_EXISTS"
    put = pb.UpdateToolLimitRequest(limit=a_limit("a", quota=a_day(1)))
    await stub.UpdateToolLimit(put)
    listed = (await stub.ListToolLimits(pb.ListToolLimitsRequest())).limits
    assert [each.name for each in listed] == ["a", "b"]
    assert await stub.GetToolLimit(pb.GetToolLimitRequest(name="b")) == made
    stale = pb.UpdateToolLimitRequest(limit=a_limit("b", quota=a_day(1), etag="stale"))
    assert (await refusal(stub.UpdateToolLimit(stale))).reason == "ETAG_MISMATCH"
    await one.invoke("echo", {"message": "x"})
    assert (await refusal(one.invoke("echo", {"message": "x"}))).metadata["limit"] == "a"
    assert len(await query(database, "SELECT FROM call_buckets")) == 1
    await stub.DeleteToolLimit(pb.DeleteToolLimitRequest(name="a"))
    assert await query(database, "SELECT FROM call_buckets") == []
    assert (await one.invoke("echo", {"message": "x"})).status == "success"
    assert (await refusal(stub.GetToolLimit(pb.GetToolLimitRequest(name="a")))).reason == "TOOL_LIMIT_NOT_FOUND"
    for fields in ({}, {"rate": {"per_minute": 0}}, {"quota": {"invocations": 1, "window": "second"}}):
        assert (await refusal(stub.CreateToolLimit(create("c", **fields)))).reason == "INVALID_REQUEST"
    monkeypatch.setattr(limits, "MAX_LIMITS", 1)
    assert (await refusal(stub.CreateToolLimit(create("c", quota=a_day(1))))).reason == "TOO_MANY_TOOL_LIMITS"


@pytest.fixture
async def callers(plugins: None, start: Start, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        changes = {"auth": "on", "access_address": access.address, "access_key_file": tmp_path / "key"}
        replica = await start(**changes)

        def with_roles(name: str, *roles: str) -> Caller:
            permissions = sorted({permission for role in roles for permission in ROLES[role]})
            return Caller(replica, access.key(name, *roles, permissions=permissions))

        yield with_roles


async def test_a_limit_is_for_its_principals_and_roles_and_each_has_its_own_where_it_says_so(
    callers: Callable[..., Caller],
) -> None:
    ada, bob, root = callers("ada", AGENT), callers("bob", AGENT), callers("root", "admin")
    refused = await refusal(ada.call("CreateToolLimit", create("mine", quota=a_day(1_000))))
    assert refused.metadata["permission"] == "tools.admin"
    limits = [
        create("each", roles=[AGENT], quota=a_day(3), per_principal=True, per_tool=True),
        create("ada", principals=["ada"], tools=["echo"], quota=a_day(2)),
    ]
    for limit in limits:
        await root.call("CreateToolLimit", limit)

    async def left(caller: Caller, tool: str) -> dict[str, int]:
        told = await caller.call("GetToolAllowances", pb.GetToolAllowancesRequest(name=tool))
        return {each.limit: each.remaining for each in told.allowances}

    assert [await left(each, "echo") for each in (ada, bob, root)] == [{"ada": 2, "each": 3}, {"each": 3}, {}]
    for _ in range(2):
        await ada.invoke("echo", {"message": "x"})
    assert (await refusal(ada.invoke("echo", {"message": "x"}))).metadata["limit"] == "ada"
    assert await left(ada, "echo") == {"ada": 0, "each": 1}
    assert await left(ada, "planner") == {"each": 3}
    for _ in range(3):
        await bob.invoke("echo", {"message": "x"})
    assert (await refusal(bob.invoke("echo", {"message": "x"}))).metadata["limit"] == "each"
    assert (await root.invoke("echo", {"message": "x"})).status == "success"


async def test_replicas_and_connections_that_die_in_the_middle_lose_and_double_nothing_of_a_quota(
    plugins: None, start: Start, database: str, tmp_path: Path
) -> None:
    survivor = await start(tools_lease_seconds=1, principal_max_long_calls=500)
    await survivor.stub.CreateToolLimit(create("many", tools=["echo"], quota=a_day(100)))

    def calls(replica: Replica, numbers: range) -> list[Any]:
        return [replica.invoke("echo", {"message": "x"}, idempotency_key=f"{number}") for number in numbers]

    async def require_the_same() -> int:
        # In one statement: what a killed process had sent may be committed after its death.
        [row] = await query(
            database,
            "SELECT (SELECT capacity - tokens FROM call_buckets) AS used, "
            "(SELECT count(*) FROM invocations WHERE NOT refused) AS on_record",
        )
        assert row["on_record"] == row["used"]
        return int(row["used"])

    async with in_a_process(database, tmp_path) as (process, doomed):
        dying = [asyncio.ensure_future(call) for call in calls(doomed, range(60))]
        await asyncio.wait(dying, return_when=asyncio.FIRST_COMPLETED)
        process.kill()
        process.wait()
        await asyncio.gather(*dying, return_exceptions=True)
    assert await require_the_same() >= 1
    living = [asyncio.ensure_future(call) for call in calls(survivor, range(30, 90))]
    for _ in range(5):
        await query(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE '%call_buckets%' AND pid <> pg_backend_pid() AND datname = current_database()",
        )
    # Some may hear that the database was away; what was taken for them is on record all the same.
    await outcomes(living)
    assert await require_the_same() <= 90
    await outcomes(calls(survivor, range(150)))
    assert await require_the_same() == 100
