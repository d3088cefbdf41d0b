"""Replicas that die, freeze or are restarted: what they left open is ended once, and what was recorded stays."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiohttp import web
from qmcp.tools.v1 import tools_service_pb2_grpc

from devstack import ports
from tests.stack import ROOT
from tests.tools.audit import require_whole
from tests.tools.conftest import INSTALLED
from tests.tools.service import Replica, Start, invoke_request, pb, query, replica, runs, settings_for, until
from tests.tools.upstream import upstream

LEASE = 1


@asynccontextmanager
async def in_a_process(
    url: str, folder: Path, hitl_address: str = ""
) -> AsyncIterator[tuple[subprocess.Popen[bytes], Replica]]:
    """A replica in a process of its own, which can be killed and frozen."""
    settings = settings_for(url, folder, grpc_port=ports.free(), tools_lease_seconds=LEASE)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "gen", ROOT / "client", INSTALLED))),
        **{
            f"QMCP_{name.upper()}": str(getattr(settings, name))
            for name in ("database_url", "grpc_port", "metrics_port")
        },
        "QMCP_TOOLS_RECEIPT_KEY_FILE": str(settings.tools_receipt_key_file),
        "QMCP_TOOLS_SECRETS_KEY_FILE": str(settings.tools_secrets_key_file),
        "QMCP_TOOLS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "QMCP_TOOLS_LEASE_SECONDS": str(LEASE),
        "QMCP_TOOLS_CHECKPOINT_SECONDS": "3600",
        "QMCP_HITL_ADDRESS": hitl_address,
    }
    process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, "-m", "services.tools"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.grpc_port}") as channel:
            async with asyncio.timeout(60):
                await channel.channel_ready()
            yield (
                process,
                Replica(settings.grpc_port, tools_service_pb2_grpc.ToolsServiceStub(channel), channel, settings),
            )
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


async def test_what_a_dead_replica_left_open_is_interrupted_and_not_run_again(
    plugins: None, start: Start, database: str, tmp_path: Path
) -> None:
    survivor = await start(tools_lease_seconds=LEASE)
    async with in_a_process(database, tmp_path) as (process, doomed):
        begun = [
            await doomed.start("counted", {"key": f"doomed {n}", "seconds": 60}, idempotency_key=f"{n}")
            for n in range(3)
        ]
        begun += [await doomed.start("narrow", {"seconds": 60}) for _ in range(2)]
        done = await doomed.invoke("echo", {"message": "done"})
        process.kill()
        process.wait()
        retry = asyncio.create_task(survivor.invoke("counted", {"key": "doomed 0", "seconds": 60}, idempotency_key="0"))
        watched = await asyncio.wait_for(survivor.events(begun[1].id), 2 * LEASE + 4)
    assert (watched[-1].invocation.status, watched[-1].invocation.error_reason) == ("failed", "INTERRUPTED")
    for one in begun:
        found = await survivor.get(one.id)
        assert (found.status, found.error_reason) == ("failed", "INTERRUPTED")
    assert (await asyncio.wait_for(retry, 60)).id == begun[0].id, "a retry gets the interrupted outcome"
    assert await survivor.get(done.id) == done
    assert [runs(f"doomed {n}") for n in range(3)] == [0, 0, 0]
    assert await require_whole(survivor, database) == 6
    assert (await survivor.metrics())["qmcp_tool_interrupted_total{}"] == 5

    async def signed_off() -> bool:
        return len(await query(database, "SELECT FROM replicas")) == 1

    await until(signed_off)


async def test_what_a_killed_replica_had_sent_is_found_out_by_another(
    plugins: None, start: Start, database: str, tmp_path: Path
) -> None:
    survivor = await start(tools_lease_seconds=LEASE)
    async with upstream() as peer, in_a_process(database, tmp_path) as (process, doomed):
        peer.replies["/find-out"] = lambda _: web.json_response({"status": "success"})
        await survivor.update(name="find-out", http={"url": peer.url("/find-out")})
        await survivor.update(name="charge", http={"url": peer.url("/slow")}, reconcile_tool="find-out")
        begun = [await doomed.start("charge", {"amount": number}) for number in range(3)]

        async def sent() -> bool:
            return len(peer.requests) == 3

        await until(sent)
        process.kill()
        process.wait()

        async def found_out() -> Any:
            ended = [await survivor.get(one.id) for one in begun]
            return ended if all(one.reconciliation.status == "success" for one in ended) else None

        ended = await until(found_out, 30)
    assert {(one.status, one.error_reason) for one in ended} == {("failed", "INTERRUPTED")}
    asked = [request.path for request in peer.requests[3:]]
    assert asked == ["/find-out"] * 3, "one for each, and none was sent again"
    assert await require_whole(survivor, database) == 6


async def test_a_frozen_replica_that_comes_back_doubles_nothing(
    plugins: None, start: Start, database: str, tmp_path: Path
) -> None:
    survivor = await start(tools_lease_seconds=LEASE)
    async with in_a_process(database, tmp_path) as (process, frozen):
        begun = await frozen.start("counted", {"key": "frozen", "seconds": 3})
        waiting = asyncio.ensure_future(
            frozen.stub.InvokeTool(invoke_request("counted", {"key": "frozen", "seconds": 3}))
        )

        async def running() -> bool:
            return len(await survivor.listed(status="running")) == 2

        await until(running)
        process.send_signal(signal.SIGSTOP)

        async def swept() -> Any:
            found = await survivor.listed(status="failed")
            return found if len(found) == 2 else None

        interrupted = await until(swept)
        process.send_signal(signal.SIGCONT)
        answer = await asyncio.wait_for(waiting, 60)
        assert (answer.status, answer.error_reason) == ("failed", "INTERRUPTED"), "the caller hears what is on record"
        assert {one.id for one in interrupted} == {begun.id, answer.id}

        async def serves_again() -> bool:
            try:
                return bool((await frozen.invoke("echo", {"message": "back"})).status == "success")
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
                return False

        await until(serves_again)
        assert await require_whole(survivor, database) == 3


@pytest.mark.promise("Q34")
async def test_a_restart_keeps_everything(plugins: None, database: str, tmp_path: Path) -> None:
    settings = settings_for(database, tmp_path)
    async with replica(settings) as before:
        tool = await before.create(name="kept", title="Kept", http={"url": "http://127.0.0.1:9/"})
        made = [await before.invoke("acme/add", {"a": 1}, idempotency_key="r"), await before.invoke("kept", {"b": 2})]
        listed = await before.listed()
        receipt_key = await before.stub.GetReceiptKey(pb.GetReceiptKeyRequest())
    async with replica(settings) as after:
        assert [await after.get(one.id) for one in made] == made
        assert await after.listed() == listed
        assert (await after.invoke("acme/add", {"a": 1}, idempotency_key="r")).id == made[0].id
        assert await after.update(name="kept", title="Kept", etag=tool.etag, http={"url": "http://127.0.0.1:9/"})
        assert await after.stub.GetReceiptKey(pb.GetReceiptKeyRequest()) == receipt_key
        await after.invoke("kept")
        assert await require_whole(after, database) == 3
    assert len(await query(database, "SELECT FROM chains")) >= 1
