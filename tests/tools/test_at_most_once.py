"""At most once: one idempotency_key, one run, whatever callers, replicas and clocks do."""

import asyncio

import grpc
import pytest
from google.protobuf import json_format

from tests.tools.service import Replica, Start, invoke_request, pb, python, query, refusal, runs, until

RUNS = "SELECT count(*) AS n FROM invocations WHERE idempotency_key = $1 AND NOT refused"


async def test_of_many_concurrent_calls_with_one_idempotency_key_one_runs(service: Replica, database: str) -> None:
    arguments = {"key": "many", "seconds": 0.3}
    answers = await asyncio.gather(*(service.invoke("counted", arguments, idempotency_key="r") for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert (runs("many"), answers[0].status) == (1, "success")
    assert (await query(database, RUNS, "r"))[0]["n"] == 1


async def test_a_retry_after_the_end_returns_the_first_outcome(service: Replica) -> None:
    for tool, arguments in (("counted", {"key": "again"}), ("raises", {"what": "error"}), ("slow", {})):
        first = await service.invoke(tool, arguments, idempotency_key=tool)
        assert await service.invoke(tool, arguments, idempotency_key=tool) == first
        assert (await service.start(tool, arguments, idempotency_key=tool)).id == first.id
    assert runs("again") == 1


@pytest.mark.parametrize(
    "change", [{"name": "echo"}, {"arguments": {"key": "other"}}, {"arguments": {"key": "one", "status": "ok"}}]
)
async def test_another_body_under_the_same_idempotency_key_is_refused(service: Replica, change: dict) -> None:
    await service.invoke("counted", {"key": "one"}, idempotency_key="r")
    wanted = {"name": "counted", "arguments": {"key": "one"}, **change}
    if wanted["name"] == "echo":
        wanted["arguments"] = {"message": "x"}
    for call in (service.invoke(**wanted, idempotency_key="r"), service.start(**wanted, idempotency_key="r")):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert runs("other") == 0


async def test_the_order_of_keys_and_the_form_of_numbers_make_no_other_body(service: Replica) -> None:
    first = await service.invoke("acme/add", {"a": 1, "b": 2}, idempotency_key="r")
    other = json_format.ParseDict({"b": 2.0, "a": 1.0}, invoke_request("acme/add").input)
    request = invoke_request("acme/add", idempotency_key="r")
    request.input.CopyFrom(other)
    assert (await service.stub.InvokeTool(request)).id == first.id


async def test_the_header_and_the_body_name_the_same_request(service: Replica) -> None:
    header = (("idempotency-key", "k"),)
    first = await service.stub.InvokeTool(invoke_request("counted", {"key": "header"}), metadata=header)
    assert first.idempotency_key == "k"
    assert (await service.invoke("counted", {"key": "header"}, idempotency_key="k")).id == first.id
    both = await service.stub.InvokeTool(
        invoke_request("counted", {"key": "header"}, idempotency_key="body"), metadata=header
    )
    assert both.idempotency_key == "body"


async def test_two_replicas_run_it_once_between_them(plugins: None, start: Start) -> None:
    replicas = [await start(), await start()]
    calls = [one.invoke("counted", {"key": "two", "seconds": 0.4}, idempotency_key="r") for one in replicas * 8]
    answers = await asyncio.gather(*calls)
    assert all(answer == answers[0] for answer in answers)
    assert runs("two") == 1


async def test_a_retry_on_another_replica_waits_for_the_run_that_goes_on(plugins: None, start: Start) -> None:
    here, there = await start(), await start()
    begun = await here.start("counted", {"key": "goes on", "seconds": 0.6}, idempotency_key="r")
    assert begun.status == "running"
    assert (await there.start("counted", {"key": "goes on", "seconds": 0.6}, idempotency_key="r")).status == "running"
    ended = await there.invoke("counted", {"key": "goes on", "seconds": 0.6}, idempotency_key="r")
    assert (ended.id, ended.status, runs("goes on")) == (begun.id, "success", 1)


async def test_a_retry_gets_the_cancelled_outcome_of_a_caller_that_left(service: Replica) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as left:
        await service.stub.InvokeTool(
            invoke_request("counted", {"key": "left", "seconds": 9}, idempotency_key="r"), timeout=0.3
        )
    assert left.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    again = await service.invoke("counted", {"key": "left", "seconds": 9}, idempotency_key="r")
    assert (again.status, again.error_reason, runs("left")) == ("cancelled", "CALLER_GONE", 1)


async def test_a_refused_order_does_not_use_up_its_idempotency_key(service: Replica, database: str) -> None:
    for _ in range(3):
        assert (await refusal(service.invoke("counted", {"kee": 1}, idempotency_key="r"))).reason == "ARGUMENTS_INVALID"
        assert (await refusal(service.invoke("later", {}, idempotency_key="r"))).reason == "TOOL_NOT_FOUND"
    made = await service.invoke("counted", {"key": "mended"}, idempotency_key="r")
    assert made.status == "success"
    assert len(await query(database, "SELECT FROM invocations WHERE idempotency_key = 'r' AND refused")) == 6


async def test_a_retry_of_an_accepted_order_outlives_the_tool(service: Replica) -> None:
    fields = {"http": {"url": "http://127.0.0.1:9/"}}
    await service.create(name="short/lived", **fields)
    first = await service.invoke("short/lived", {"a": 1}, idempotency_key="r")
    await service.stub.DeleteTool(pb.DeleteToolRequest(name="short/lived"))
    assert await service.invoke("short/lived", {"a": 1}, idempotency_key="r") == first
    assert (
        await refusal(service.invoke("short/lived", {"a": 2}, idempotency_key="r"))
    ).reason == "IDEMPOTENCY_KEY_REUSED"
    assert (await refusal(service.invoke("short/lived", {"a": 1}))).reason == "TOOL_NOT_FOUND"


async def test_the_ids_of_two_tools_without_an_idempotency_key_never_meet(service: Replica) -> None:
    made = await asyncio.gather(*(service.invoke("counted", {"key": "free"}) for _ in range(50)))
    assert (len({one.id for one in made}), runs("free")) == (50, 50)


async def test_a_mix_of_repeated_and_fresh_orders_in_one_batch_is_told_apart(service: Replica) -> None:
    """All of them meet in the group commit, where one statement writes the fresh and leaves out the repeated."""
    calls = [
        service.invoke("counted", {"key": f"mix {n % 7}"}, idempotency_key=f"mix {n % 7}" if n % 3 else "")
        for n in range(120)
    ]
    made = await asyncio.gather(*calls)
    for key in range(7):
        repeated = {one.id for one in made if one.idempotency_key == f"mix {key}"}
        assert len(repeated) == 1
    assert all(python(one.input_params)["key"].startswith("mix") for one in made)
    fresh = [one.id for one in made if not one.idempotency_key]
    assert len(set(fresh)) == len(fresh) == 40
    assert sum(runs(f"mix {key}") for key in range(7)) == 47

    async def signed() -> bool:
        return (await service.verify()).valid

    assert await until(signed)
