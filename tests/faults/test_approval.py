"""An approval outlives kill -9 of tools, of hitl and of Postgres between each two of its steps; the tool runs once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2
from qmcp.tools.v1 import invocation_pb2, tool_pb2, tools_service_pb2, tools_service_pb2_grpc

from tests.faults.load import OPTIONS
from tests.faults.processes import Engine, Replica
from tests.upstream import upstream

pytestmark = pytest.mark.fault

PASSES_WITHIN = 60.0


class Three:
    """Postgres, hitl and tools, which asks it."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine(folder, "tools")
        self.hitl = Replica(folder, "hitl", self.engine.url_of("hitl"), {})
        settings = {"hitl_address": self.hitl.target, "tools_allowed_networks": "127.0.0.0/8"}
        self.tools = Replica(folder, "tools", self.engine.url, settings)

    async def start(self) -> None:
        await self.engine.start()
        await self.hitl.start()
        await self.tools.start()

    async def kill_each(self) -> None:
        """One after the other, each started again."""
        for victim in (self.tools, self.hitl, self.engine):
            victim.kill()
            await victim.start()

    def stop(self) -> None:
        for process in (self.tools, self.hitl, self.engine):
            process.stop()


async def passed(call: Callable[[], Awaitable[Any]]) -> Any:
    """The answer of a call that is repeated while something is away."""
    async with asyncio.timeout(PASSES_WITHIN):
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
                    raise
            await asyncio.sleep(0.1)


async def test_an_approval_outlives_every_kill_between_its_steps_and_the_tool_runs_once(tmp_path: Path) -> None:
    three = Three(tmp_path)
    async with AsyncExitStack() as stack:
        deployer = stack.enter_context(upstream())
        await three.start()
        stack.callback(three.stop)
        tools_channel = await stack.enter_async_context(grpc.aio.insecure_channel(three.tools.target, options=OPTIONS))
        hitl_channel = await stack.enter_async_context(grpc.aio.insecure_channel(three.hitl.target, options=OPTIONS))
        tools = tools_service_pb2_grpc.ToolsServiceStub(tools_channel)
        hitl = hitl_service_pb2_grpc.HitlServiceStub(hitl_channel)

        tool = {"name": "deploy", "http": {"method": "POST", "url": deployer.url}, "approval": {"mode": "always"}}
        definition = json_format.ParseDict(tool, tool_pb2.Tool())
        await passed(lambda: tools.UpdateTool(tools_service_pb2.UpdateToolRequest(tool=definition)))
        await three.kill_each()

        order = tools_service_pb2.InvokeToolRequest(name="deploy", idempotency_key="deploy-once")
        order.input.update({"replicas": 9})
        begun: invocation_pb2.Invocation = await passed(lambda: tools.InvokeTool(order))
        assert begun.status == "awaiting_approval"
        await three.kill_each()

        async def asked() -> request_pb2.HumanRequest:
            while not (found := await hitl.ListHumanRequests(hitl_service_pb2.ListHumanRequestsRequest())).requests:
                await asyncio.sleep(0.1)
            return found.requests[0]

        question = await passed(asked)
        await three.kill_each()

        answer = hitl_service_pb2.CreateHumanResponseRequest(
            human_request_id=question.id, responded_by="ann", idempotency_key="ann-once"
        )
        answer.response.string_value = "approve"
        answer.edited_arguments.update({"replicas": 3})
        # While tools is away, so that no kill comes in the midst of the run: that would be INTERRUPTED, and not run again.
        three.tools.kill()
        await passed(lambda: hitl.CreateHumanResponse(answer))
        for victim in (three.hitl, three.engine):
            victim.kill()
            await victim.start()
        await three.tools.start()

        async def ended() -> invocation_pb2.Invocation:
            request = tools_service_pb2.GetInvocationRequest(id=begun.id)
            while (found := await tools.GetInvocation(request)).status in {"awaiting_approval", "pending", "running"}:
                await asyncio.sleep(0.1)
            return found

        await passed(ended)
        await three.kill_each()

        invocation = await passed(ended)
        # A retry of the order, after all that, gets the same.
        assert await passed(lambda: tools.InvokeTool(order)) == invocation
        assert (invocation.status, deployer.bodies) == ("success", [{"replicas": 3}])
        assert json_format.MessageToDict(invocation.input_params) == {"replicas": 9}
        assert json_format.MessageToDict(invocation.approval.edited_arguments) == {"replicas": 3}
        assert list(invocation.approval.decided_by) == ["ann"]
        assert invocation.approval.human_request_id == question.id
        verified = await passed(lambda: tools.VerifyReceipts(tools_service_pb2.VerifyReceiptsRequest()))
        assert not verified.faults
