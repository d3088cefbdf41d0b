"""A service as production runs it: a process of its own."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack import ports
from tests.contract.running import Running, connected
from tests.contract.subject import Subject
from tests.stack import ROOT

STARTS_WITHIN = 120.0


@asynccontextmanager
async def process(
    subject: Subject, database: str, folder: Path, *, tree: Path = ROOT, **variables: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Running]]:
    """The service as production runs it, with the code of this tree."""
    port = ports.free()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(path) for path in (tree, tree / "gen", tree / "client")),
        "QMCP_DATABASE_URL": database,
        "QMCP_GRPC_PORT": str(port),
        "QMCP_METRICS_PORT": "0",
        "QMCP_DRAIN_SECONDS": "1",
        "QMCP_SHUTDOWN_GRACE_SECONDS": "5",
        **{f"QMCP_{name.upper()}": value for name, value in subject.variables(folder).items()},
        **variables,
    }
    with (folder / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"services.{subject.name}",
            "serve",
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        async with connected(subject.service, port) as running:
            running.database = database
            await _serving(running, child, folder / "log")
            yield child, running
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _serving(running: Running, child: asyncio.subprocess.Process, log: Path) -> None:
    health = health_pb2_grpc.HealthStub(running.channel)
    give_up = time.monotonic() + STARTS_WITHIN
    while True:
        if child.returncode is not None or time.monotonic() > give_up:
            raise AssertionError(await asyncio.to_thread(log.read_text))
        try:
            await health.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=1)
        except grpc.aio.AioRpcError:
            continue
        return
