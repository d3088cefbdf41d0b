"""Services as processes that can be frozen and restarted on the port that they had."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.access.environment import free_port, variables
from tests.contract.running import Running, connected
from tests.stack import ROOT

STARTS_WITHIN = 30.0


class Child:
    """A service in a process of its own."""

    def __init__(self, name: str, running: Running, environment: Mapping[str, str], folder: Path) -> None:
        self.running = running
        self.metrics_url = f"http://127.0.0.1:{environment['QMCP_METRICS_PORT']}/metrics"
        self._name = name
        self._environment = environment
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"services.{self._name}", "serve", env=self._environment, stdout=log, stderr=log
            )
        health = health_pb2_grpc.HealthStub(self.running.channel)
        give_up = time.monotonic() + STARTS_WITHIN
        while True:
            if self._process.returncode is not None or time.monotonic() > give_up:
                raise AssertionError(self.log)
            try:
                await health.Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.02)
            else:
                return

    async def kill(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def child(
    name: str, service: ServiceDescriptor, database: str, folder: Path, settings: Mapping[str, Any]
) -> AsyncIterator[Child]:
    """A service as a process; killed at the end."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    port = settings["grpc_port"] or free_port()
    given = {**settings, "database_url": database, "grpc_port": port, "metrics_port": free_port()}
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client")),
        **variables(given),
    }
    async with connected(service, port) as running:
        process = Child(name, running, environment, folder)
        try:
            await process.start()
            yield process
        finally:
            await process.kill()
