"""A service that is stopped: how what runs is ended, and that it ends in time whatever is away."""

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.tools.audit import require_whole
from tests.tools.mortal_postgres import mortal_postgres
from tests.tools.service import Replica, Start, invoke_request, query, replica, settings_for


async def health(one: Replica, name: str) -> str:
    answer = await health_pb2_grpc.HealthStub(one.channel).Check(health_pb2.HealthCheckRequest(service=name))
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def test_a_stop_lets_what_is_quick_end_and_interrupts_what_is_not(
    plugins: None, start: Start, database: str
) -> None:
    witness = await start()
    changes = {"shutdown_grace_seconds": 0.6, "drain_seconds": 0.2, "metrics_port": 0}
    async with replica(witness.settings.model_copy(update=changes)) as stopping:
        quick = asyncio.ensure_future(
            stopping.stub.InvokeTool(invoke_request("counted", {"key": "quick", "seconds": 0.3}))
        )
        slow = asyncio.ensure_future(
            stopping.stub.InvokeTool(invoke_request("counted", {"key": "slow", "seconds": 60}))
        )
        detached = await stopping.start("counted", {"key": "detached", "seconds": 60})
        short = await stopping.start("counted", {"key": "short", "seconds": 0.3})
        await asyncio.sleep(0.1)

        async def seen_while_draining() -> list[str]:
            await asyncio.sleep(0.1)
            return [await health(stopping, name) for name in ("", "qmcp.tools.v1.ToolsService", "liveness")]

        seen = asyncio.ensure_future(seen_while_draining())
    assert await seen == ["NOT_SERVING", "NOT_SERVING", "SERVING"]
    assert (await quick).status == "success"
    with pytest.raises(grpc.aio.AioRpcError):
        await slow
    outcomes = {one.input_params["key"]: (one.status, one.error_reason) for one in await witness.listed()}
    assert outcomes == {
        "quick": ("success", ""),
        "short": ("success", ""),
        "slow": ("failed", "INTERRUPTED"),
        "detached": ("failed", "INTERRUPTED"),
    }
    assert await require_whole(witness, database) == 4
    assert {detached.id, short.id} <= {one.id for one in await witness.listed()}
    assert len(await query(database, "SELECT FROM replicas")) == 1, "it signed off"


@pytest.mark.fault
async def test_a_stop_while_the_database_is_away_ends_in_time_and_the_next_start_finds_the_rest(
    plugins: None, tmp_path: Path
) -> None:
    with mortal_postgres(tmp_path / "postgres") as postgres:
        async with postgres.server.database("tools") as url:
            settings = settings_for(url, tmp_path, tools_lease_seconds=1, shutdown_grace_seconds=0.2)
            async with replica(settings) as stopped:
                await stopped.invoke("echo", {"message": "x"})
                for _ in range(3):
                    await stopped.start("counted", {"key": "cut-off", "seconds": 60})
                postgres.kill()
            postgres.start()
            async with replica(settings) as again:
                async with asyncio.timeout(60):
                    while len(await again.listed(status="failed")) < 3:
                        await asyncio.sleep(0.1)
                assert {one.error_reason for one in await again.listed(status="failed")} == {"INTERRUPTED"}
                assert await require_whole(again, url) == 4
