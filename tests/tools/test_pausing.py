"""Tools that are paused: nothing of them begins, whoever asks, until they are resumed."""

import grpc

from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Replica, Start, ended, pb, refusal, runs, until

HTTP = {"http": {"url": "http://127.0.0.1:9/x"}}


async def test_a_paused_tool_begins_nothing_until_it_is_resumed(start: Start) -> None:
    here, there = await start(), await start()
    etag = (await here.create(name="stopped", **HTTP)).etag
    await there.invoke("stopped")
    first = await here.stub.PauseTool(pb.PauseToolRequest(name="stopped", reason="It fails."))
    assert (first.pause.by, first.pause.reason, first.etag) == ("local", "It fails.", etag)
    assert await here.stub.PauseTool(pb.PauseToolRequest(name="stopped", reason="Later.")) == first
    refused = await refusal(here.invoke("stopped"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TOOL_PAUSED")
    assert "It fails." in refused.message
    recorded = await here.get(refused.metadata["invocation_id"])
    assert (recorded.status, recorded.error_reason, recorded.tool_etag) == ("failed", "TOOL_PAUSED", etag)
    assert (await refusal(here.start("stopped"))).reason == "TOOL_PAUSED"

    changed = await here.update(name="stopped", title="changed", **HTTP)
    assert changed.pause == first.pause
    assert (await here.stub.GetTool(pb.GetToolRequest(name="stopped"))).pause == first.pause

    async def refuses() -> bool:
        invocation = there.invoke("stopped")
        try:
            await invocation
        except grpc.aio.AioRpcError:
            return True
        return False

    await until(refuses)
    resumed = await here.stub.ResumeTool(pb.ResumeToolRequest(name="stopped"))
    assert not resumed.HasField("pause")
    assert (await here.invoke("stopped")).error_reason == "UPSTREAM_FAILED", "it was run"
    assert (await refusal(here.stub.PauseTool(pb.PauseToolRequest(name="never/was")))).reason == "TOOL_NOT_FOUND"
    assert (await refusal(here.stub.ResumeTool(pb.ResumeToolRequest(name="never/was")))).reason == "TOOL_NOT_FOUND"


async def test_what_was_approved_while_its_tool_was_paused_is_not_run(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("guarded", {"key": "paused"})
    await asking.stub.PauseTool(pb.PauseToolRequest(name="guarded"))
    await hitl.answer(begun.id, "approve", by="anna")
    done = await ended(asking, begun.id)
    assert (done.status, done.error_reason, runs("paused")) == ("failed", "TOOL_PAUSED", 0)
    await asking.stub.ResumeTool(pb.ResumeToolRequest(name="guarded"))
    begun = await asking.invoke("guarded", {"key": "resumed"})
    await hitl.answer(begun.id, "approve", by="anna")
    assert ((await ended(asking, begun.id)).status, runs("resumed")) == ("success", 1)
