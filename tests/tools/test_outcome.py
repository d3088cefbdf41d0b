"""How invocations end: every form of result and of failure, on record as it was answered."""

import asyncio

import pytest

from tests.tools.service import Replica, pb, python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.promise("Q12", "Q27")
async def test_echo_answers_as_the_original_did_and_all_of_it_is_on_record(shared: Replica) -> None:
    request = pb.InvokeToolRequest(name="echo", correlation_id="mine")
    request.input["message"] = "hi"
    answer = await shared.stub.CallTool(request)
    assert python(answer) == {"result": "hi", "error": None, "invocation_id": answer.invocation_id}
    recorded = await shared.get(answer.invocation_id)
    assert (recorded.status, python(recorded.result)) == ("success", "hi")
    assert (python(recorded.input_params), recorded.correlation_id) == ({"message": "hi"}, "mine")
    assert recorded.created_at.ToNanoseconds() <= recorded.completed_at.ToNanoseconds()
    assert recorded.HasField("duration_ms")
    assert (recorded.principal, recorded.tool_etag != "") == ("local", True)


async def test_a_failure_in_the_originals_form_is_an_answer(shared: Replica) -> None:
    request = pb.InvokeToolRequest(name="raises")
    request.input["what"] = "error"
    answer = await shared.stub.CallTool(request)
    assert python(answer)["result"] is None
    assert python(answer)["error"] == "Tool execution failed: ValueError: the cause"


@pytest.mark.promise("Q12")
async def test_an_unknown_tool_is_refused_and_recorded(shared: Replica) -> None:
    refused = await refusal(shared.invoke("no such tool", {"a": 1}, correlation_id="unknown-1"))
    assert (refused.code.name, refused.reason) == ("NOT_FOUND", "TOOL_NOT_FOUND")
    recorded = await shared.get(refused.metadata["invocation_id"])
    assert (recorded.tool_name, recorded.status, recorded.error_reason) == ("no such tool", "failed", "TOOL_NOT_FOUND")
    assert (python(recorded.input_params), recorded.tool_etag) == ({"a": 1}, "")
    assert [one.id for one in await shared.listed(correlation_id="unknown-1")] == [recorded.id]


@pytest.mark.promise("Q15", "Q16", "Q30")
@pytest.mark.parametrize(
    ("header", "body", "stored"), [("h-1", "", "h-1"), ("h-1", "b-1", "b-1"), (None, "b-1", "b-1"), (None, "", None)]
)
async def test_the_correlation_id_is_stored(shared: Replica, header: str, body: str, stored: str) -> None:
    request = pb.InvokeToolRequest(name="echo", correlation_id=body)
    request.input["message"] = "hi"
    call = shared.stub.InvokeTool(request, metadata=(("x-correlation-id", header),) if header else ())
    made = await call
    trailers = dict(await call.trailing_metadata())
    assert trailers["x-correlation-id"] == (header or trailers["x-correlation-id"])
    assert made.correlation_id == (stored or trailers["x-correlation-id"])
    assert (await shared.get(made.id)).correlation_id == made.correlation_id


@pytest.mark.parametrize(
    ("what", "result"),
    [
        ("model", {"name": "here", "seen": "2026-11-21T00:00:00Z"}),
        ("dataclass", {"x": 1, "y": 2.5}),
        ("tuple", [1, "a"]),
        ("set of one", [1]),
        ("nothing", None),
        ("float", 0.1),
        ("zero", "a\0b"),
        ("a big integer", str(2**60)),
    ],
)
async def test_what_json_can_hold_is_a_result(shared: Replica, what: str, result: object) -> None:
    made = await shared.invoke("returns", {"what": what})
    assert (made.status, python(made.result), made.error) == ("success", result, "")
    assert await shared.get(made.id) == made


@pytest.mark.parametrize(
    "what",
    ["an object", "not a number", "infinity", "a lone surrogate", "a cycle"],
)
async def test_what_json_cannot_hold_is_told_and_no_failure_for_the_tool_ran(shared: Replica, what: str) -> None:
    made = await shared.invoke("returns", {"what": what})
    assert (made.status, made.error_reason, python(made.result)) == ("success", "OUTPUT_INVALID", None)
    assert (await shared.get(made.id)).error == made.error != ""


@pytest.mark.parametrize("tool", ["raises", "raises_on_the_loop"])
@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("error", "ValueError: the cause"),
        ("exit", "SystemExit: 3"),
        ("stop", "StopIteration"),
        ("timeout", "TimeoutError: its own"),
        ("os", "FileNotFoundError: no such file"),
        ("cancelled", "CancelledError"),
        ("zero", "ValueError: a\ufffdb"),
        ("surrogate", ".txt"),
        ("long", "ValueError: xxx"),
        ("recursion", "RecursionError: too deep"),
        ("interrupt", "KeyboardInterrupt: pressed"),
        ("base", "BaseException: all at once"),
    ],
)
async def test_whatever_a_tool_raises_is_a_failed_invocation(shared: Replica, tool: str, what: str, error: str) -> None:
    made = await shared.invoke(tool, {"what": what})
    assert (made.status, made.error_reason) == ("failed", "TOOL_RAISED")
    assert error in made.error
    assert len(made.error) <= 4000
    assert await shared.get(made.id) == made


@pytest.mark.parametrize("tool", ["slow", "slow_in_thread"])
async def test_a_tool_that_takes_too_long_is_left(shared: Replica, tool: str) -> None:
    made = await shared.invoke(tool)
    assert (made.status, made.error_reason) == ("failed", "TOOL_TIMEOUT")
    assert made.duration_ms >= 1000


async def test_plain_functions_run_in_threads_beside_each_other(shared: Replica) -> None:
    names = {python((await shared.invoke("in_thread")).result)}
    assert all(name.startswith("tool") for name in names)
    made = await asyncio.gather(*(shared.invoke("meeting") for _ in range(4)))
    assert {one.status for one in made} == {"success"}


async def test_a_derived_schema_checks_and_defaults_hold(shared: Replica) -> None:
    assert python((await shared.invoke("acme/add", {"a": 2})).result) == 3
    assert python((await shared.invoke("acme/add", {"a": 2, "b": 40})).result) == 42
    for arguments in ({}, {"a": "2"}, {"a": 2, "c": 1}, {"a": 2.5}):
        assert (await refusal(shared.invoke("acme/add", arguments))).reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize(
    ("tool", "arguments", "check"),
    [
        ("planner", {"goal": "g"}, lambda r: (r["estimated_steps"], r["goal"]) == (4, "g")),
        ("planner", {"goal": "g", "context": "c"}, lambda r: [s["step"] for s in r["steps"]] == [1, 1.5, 2, 3, 4]),
        ("executor", {"plan": {"steps": [{"action": "a"}]}}, lambda r: r["results"][0]["status"] == "simulated"),
        ("executor", {"plan": {}, "dry_run": False}, lambda r: (r["mode"], r["results"]) == ("live", [])),
        (
            "reviewer",
            {"result": {"a": 1}},
            lambda r: [c["criterion"] for c in r["checks"]] == ["completeness", "correctness"],
        ),
        ("reviewer", {"result": {}, "criteria": ["x"]}, lambda r: r["overall_status"] == "approved"),
        ("reviewer", {"result": {}, "criteria": []}, lambda r: r["checks"] == []),
        ("reviewer", {"result": {}, "criteria": None}, lambda r: len(r["checks"]) == 2),
        ("executor", {"plan": {"steps": [{}]}, "dry_run": None}, lambda r: r["mode"] == "dry_run"),
        ("planner", {"goal": "x", "context": None}, lambda r: r["estimated_steps"] == 4),
    ],
)
async def test_the_other_builtin_tools_answer_as_the_originals(
    shared: Replica, tool: str, arguments: dict, check
) -> None:
    made = await shared.invoke(tool, arguments)
    assert made.status == "success"
    assert check(python(made.result)), python(made.result)


async def test_ids_sort_by_time_and_unknown_ones_are_not_found(shared: Replica) -> None:
    made = [(await shared.invoke("echo", {"message": f"{n}"})).id for n in range(5)]
    assert made == sorted(made)
    for unknown in ("0192aaaa-0000-7000-8000-000000000000", "nonsense", made[0].upper() + "x"):
        for call in (
            shared.get(unknown),
            shared.cancel(unknown),
            shared.events(unknown),
            shared.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=unknown)),
            shared.stub.RedactInvocation(pb.RedactInvocationRequest(id=unknown, fields=["result"], reason="r")),
        ):
            assert (await refusal(call)).reason == "INVOCATION_NOT_FOUND"


@pytest.mark.promise("Q21", "Q22", "Q36")
async def test_counters_and_histograms_rise_with_each_invocation(shared: Replica) -> None:
    before = await shared.metrics()
    for arguments in ({"message": "a"}, {"message": "b"}):
        await shared.invoke("echo", arguments)
    await shared.invoke("raises", {"what": "error"})
    await refusal(shared.invoke("x" * 60))
    after = await shared.metrics()

    def rise(series: str) -> float:
        return after.get(series, 0) - before.get(series, 0)

    assert rise('qmcp_tool_invocations_total{status="success",tool="echo"}') == 2
    assert rise('qmcp_tool_invocations_total{status="failed",tool="raises"}') == 1
    assert rise('qmcp_tool_duration_seconds_count{tool="echo"}') == 2
    assert rise('qmcp_tool_refusals_total{reason="TOOL_NOT_FOUND",tool="_unknown"}') == 1
    assert not [series for series in after if "xxxx" in series], "callers cannot make labels"
