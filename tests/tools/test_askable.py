"""What a human must approve and cannot be shown is refused before anybody waits for it."""

import json
from typing import Any

import grpc
import pytest

from services.tools.execution import askable
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Replica, ended, invoke_request, pb, refusal
from tests.tools.test_depth import nested


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"key": "x" * 262_140}, "/"), ({"key": "a\0b"}, "/key")],
    ids=["too large", "U+0000"],
)
async def test_what_nobody_can_be_asked_about_is_refused_at_once_and_on_record(
    asking: Replica, hitl: FakeHitl, arguments: dict[str, Any], field: str
) -> None:
    for rpc in (asking.stub.InvokeTool, asking.stub.StartInvocation, asking.stub.CallTool):
        error = await refusal(rpc(invoke_request("guarded", arguments)))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ARGUMENTS_INVALID")
        assert error.fields == [field]
        recorded = await asking.get(error.metadata["invocation_id"])
        assert (recorded.status, recorded.error_reason) == ("failed", "ARGUMENTS_INVALID")
        assert f"invocation-{recorded.id}" not in hitl.asked


def test_u_0000_is_found_at_any_depth_and_in_names() -> None:
    arguments = {"k": "fine", "more": [{"in~/side": "\0"}], "named": {"a\0": 1}}
    assert [each.field for each in askable.faults(arguments)] == ["/more/0/in~0~1side", "/named"]
    assert askable.faults({"k": "\\u0000"}) == []


async def test_arguments_of_64_levels_are_shown_and_may_be_changed(asking: Replica, hitl: FakeHitl) -> None:
    proposed, edited = ({"key": "k", "more": nested(levels)} for levels in (63, 62))
    await asking.update(name="asks/deep", http={"url": "http://127.0.0.1:9/"}, approval={"mode": "always"})
    request = pb.InvokeToolRequest(name="asks/deep", input_json=json.dumps(proposed))
    begun = await asking.stub.StartInvocation(request)
    assert json.loads((await hitl.asked_about(begun.id)).proposed_arguments_json) == proposed
    await hitl.answer(begun.id, "approve", edited=edited)
    done = await ended(asking, begun.id)
    assert (done.approval.status, json.loads(done.approval.edited_arguments_json)) == ("approved", edited)
    assert json.loads(done.input_params_json) == proposed


async def test_what_is_just_small_enough_is_asked(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.start("guarded", {"key": "x" * 262_134})
    assert len((await hitl.asked_about(begun.id)).proposed_arguments["key"]) == 262_134
