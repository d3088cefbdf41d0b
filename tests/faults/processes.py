"""A Postgres and services that can be killed at any moment and started again on the same data and ports."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack import ports, postgres
from devstack.services import database_name

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 30.0
# After twice this long a dead replica's open invocations are ended by another; the default would make each kill last 20 s.
LEASE_SECONDS = 2.0


class Engine:
    """Postgres with the settings of `make run`: every commit reaches the disk before it is acknowledged."""

    def __init__(self, folder: Path, service: str) -> None:
        self._engine = postgres.prepare(folder / "postgres", say=_nothing)
        self._log = folder / "postgres.log"
        self.url = self.url_of(service)

    def url_of(self, service: str) -> str:
        """The address of a service's database, which the service makes itself."""
        return self._engine.url(database_name(service))

    async def start(self) -> None:
        postgres.clear_leftovers(self._engine.data, _nothing)
        until = time.monotonic() + STARTS_WITHIN
        self._launch()
        while not self._engine.ready(self._process.pid):
            assert time.monotonic() < until, f"Postgres does not start: {self._log.read_text()[-2000:]}"
            if self._process.poll() is not None:
                # "Pre-existing shared memory block is still in use": a back end was born while its siblings were being
                # killed, and takes a moment to notice that it is alone.
                await asyncio.sleep(0.2)
                self._launch()
            await asyncio.sleep(0.02)

    def _launch(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._engine.command(), cwd="/", stdout=output, stderr=output)

    def kill(self) -> None:
        """The postmaster and every back end, as the kernel's out-of-memory killer would."""
        pids = [self._process.pid, *children(self._process.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.send_signal(postgres.STOP)
        self._process.wait(STARTS_WITHIN)

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._engine.url())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class Replica:
    """One process of a service."""

    def __init__(self, folder: Path, service: str, database_url: str, settings: Mapping[str, object]) -> None:
        self._service = service
        self.port = ports.free()
        self.metrics_port = ports.free()
        self.tasks_file = folder / f"tasks-{self.port}"
        self.log = folder / f"{service}-{self.port}.log"
        self._environment = {
            "QMCP_GRPC_PORT": str(self.port),
            "QMCP_METRICS_PORT": str(self.metrics_port),
            "QMCP_DATABASE_URL": database_url,
            # Of what belongs to another service it takes no notice.
            "QMCP_TOOLS_RECEIPT_KEY_FILE": str(folder / "receipt-key.pem"),
            "QMCP_TOOLS_SECRETS_KEY_FILE": str(folder / "tools-secrets-key"),
            "QMCP_TOOLS_LEASE_SECONDS": str(LEASE_SECONDS),
            "QMCP_HITL_SECRETS_KEY_FILE": str(folder / "secrets-key"),
            "QMCP_HITL_CALLBACK_SECRET_FILE": str(folder / "callback-secret"),
            "QMCP_METRICS_SECRETS_KEY_FILE": str(folder / "secrets-key"),
            **{f"QMCP_{name.upper()}": str(value) for name, value in settings.items()},
        }

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self) -> None:
        """Starts it; gives back when its health is SERVING."""
        paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client"))
        # So that a killed test run leaves nothing behind.
        dies_with_us = [sys.executable, "-I", "-S", str(ROOT / "devstack" / "child.py"), "--parent", str(os.getpid())]
        service = [sys.executable, "-m", "tests.faults.observed_service", self._service, str(self.tasks_file)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - as above
                [*dies_with_us, "--", *service],
                env={**os.environ, "PYTHONPATH": paths, **self._environment},
                stdout=output,
                stderr=output,
                cwd=ROOT,
            )
        until = time.monotonic() + STARTS_WITHIN
        while not await self._serving():
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, "the service does not start"
            await asyncio.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ends it in good order; the exit status."""
        self._process.terminate()
        try:
            return self._process.wait(STARTS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    async def tasks(self) -> list[str]:
        """The names of the asyncio tasks in the service now."""
        self.tasks_file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        until = time.monotonic() + 5
        while not self.tasks_file.exists():
            assert time.monotonic() < until, "the event loop of the service does not turn"
            await asyncio.sleep(0.02)
        return self.tasks_file.read_text().splitlines()

    def memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    async def _serving(self) -> bool:
        async with grpc.aio.insecure_channel(self.target) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def running(folder: Path, **settings: object) -> AsyncIterator[tuple[Engine, Replica]]:
    """Postgres and the tools service, until the block ends. `settings` are fields of the service's Settings."""
    async with replicas(folder, "tools", 1, **settings) as (engine, started):
        yield engine, started[0]


@asynccontextmanager
async def replicas(
    folder: Path, service: str, number: int, **settings: object
) -> AsyncIterator[tuple[Engine, list[Replica]]]:
    """Postgres and so many processes of a service on it."""
    engine = Engine(folder, service)
    await engine.start()
    try:
        async with AsyncExitStack() as stack:
            started = []
            for _ in range(number):
                replica = Replica(folder, service, engine.url, settings)
                await replica.start()
                stack.callback(replica.stop)
                started.append(replica)
            yield engine, started
    finally:
        engine.stop()


def children(parent: int) -> list[int]:
    """The process ids of the children of a process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(folder.name))
    return found


def _nothing(_: str) -> None:
    pass
