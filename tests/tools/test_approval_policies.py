"""Approval policies: which are refused, and that they are part of the tool."""

import grpc
import pytest
from google.protobuf import json_format

from tests.tools.service import Replica, pb, python, refusal


@pytest.mark.parametrize(
    ("policy", "reason", "field"),
    [
        ({"mode": "when", "when": {"type": "nonsense"}}, "SCHEMA_INVALID", "approval.when"),
        ({"mode": "always", "when": {"type": 7}}, "SCHEMA_INVALID", "approval.when"),
        ({"mode": "when"}, "INVALID_REQUEST", "tool.approval.when"),
        ({"mode": "always", "assignees": ["anna"], "required": 2}, "INVALID_REQUEST", "tool.approval.required"),
        ({"mode": "sometimes"}, "INVALID_REQUEST", "tool.approval.mode"),
        ({"mode": "always", "timeout_seconds": 59}, "INVALID_REQUEST", "tool.approval.timeout_seconds"),
    ],
)
async def test_a_policy_that_could_not_work_is_refused(asking: Replica, policy: dict, reason: str, field: str) -> None:
    refused = await refusal(asking.create(name="t", approval=policy, http={"url": "http://127.0.0.1:9/"}))
    assert (refused.code, refused.reason, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [field])


async def test_a_policy_is_part_of_the_tool_and_of_its_etag(asking: Replica) -> None:
    source = {"url": "http://127.0.0.1:9/"}
    policy = {
        "mode": "when",
        "when": {"required": ["a"]},
        "assignees": ["anna", "bert"],
        "groups": ["board"],
        "timeout_seconds": 90,
        "required": 2,
        "four_eyes": True,
    }
    bare = await asking.create(name="kept", http=source)
    assert not bare.HasField("approval")
    guarded = await asking.update(name="kept", http=source, approval=policy)
    assert python(guarded.approval) == policy
    assert guarded.etag != bare.etag
    assert await asking.stub.GetTool(pb.GetToolRequest(name="kept")) == guarded
    [listed] = (await asking.stub.ListTools(pb.ListToolsRequest(query="kept"))).tools
    assert listed == guarded
    other = await asking.update(name="kept", http=source, approval={**policy, "required": 1})
    assert other.etag not in {bare.etag, guarded.etag}
    assert (await asking.update(name="kept", http=source)).etag == bare.etag
    never = await asking.update(name="kept", http=source, approval={"mode": "never"})
    assert json_format.MessageToDict(never.approval) == {"mode": "never"}
    assert (await asking.invoke("kept", {"a": 1})).status == "failed", "nobody was asked, and nobody listens there"
