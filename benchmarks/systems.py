"""What is measured: a service, alone or behind its edge, on a Postgres with the settings of `make run`."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from qmcp.tools.v1 import tools_service_pb2

from benchmarks.processes import HERE, ROOT, SERVER_CORES, Tree, accepts, cpu_seconds, python, running, wait_until
from devstack import ports, postgres
from devstack.services import database_name

INVOKE = "qmcp.tools.v1.ToolsService/InvokeTool"
MESSAGE = "The quick brown fox jumps over the lazy dog."


# The contract, for ghz.
DESCRIPTORS = ROOT / "gen" / "qmcp" / "descriptors.binpb"


def echo_body() -> bytes:
    """The call that is measured, as gRPC takes it."""
    request = tools_service_pb2.InvokeToolRequest(name="echo")
    request.input.update({"message": MESSAGE})
    return request.SerializeToString()


@dataclass(slots=True)
class System:
    """Processes that serve calls together."""

    pids: dict[str, int] = field(default_factory=dict)
    grpc_port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    database_url: str = ""

    @property
    def target(self) -> str:
        """Where gRPC is served."""
        return f"127.0.0.1:{self.grpc_port}"

    def cpu(self, *names: str) -> float:
        """CPU seconds used so far by these processes, or by all."""
        return cpu_seconds([pid for name, pid in self.pids.items() if not names or name in names])

    def rows(self) -> int:
        """How many invocations have their ending on record."""
        return asyncio.run(_count(self.database_url))


async def _count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM outcomes"))
    finally:
        await connection.close()


async def _make_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


@contextmanager
def engine(folder: Path, cores: Sequence[int] = SERVER_CORES) -> Iterator[tuple[postgres.Postgres, int]]:
    """An embedded Postgres as `make run` has it: every commit reaches the disk."""
    made = postgres.prepare(folder, say=lambda _: None)
    log = folder / "postgres.log"
    with running(made.command(), log, stop=postgres.STOP, cores=cores, folder=Path("/")) as pid:
        wait_until(lambda: made.ready(pid), pid, log)
        yield made, pid


@contextmanager
def tools(
    folder: Path,
    *,
    edge: bool = False,
    environment: Mapping[str, str] | None = None,
    cores: Sequence[int] = SERVER_CORES,
    edge_cores: Sequence[int] = SERVER_CORES,
    tree: Tree = HERE,
) -> Iterator[System]:
    """The tools service on its own Postgres; with `edge`, Envoy and the pages in front of it."""
    with ExitStack() as started:
        key_files = {
            "QMCP_TOOLS_RECEIPT_KEY_FILE": str(folder / "receipt-key.pem"),
            "QMCP_TOOLS_SECRETS_KEY_FILE": str(folder / "tools-secrets-key"),
        }
        command = tree.python("-m", "services.tools", "serve")
        system = _service(started, folder, "tools", command, {**key_files, **(environment or {})}, cores, tree)
        if edge:
            _start_edge(started, system, folder, edge_cores, tree)
        yield system


@contextmanager
def hitl(folder: Path, module: str = "services.hitl", tree: Tree = HERE) -> Iterator[System]:
    """The hitl service on its own Postgres; `module` is what runs it."""
    folder.mkdir(mode=0o711, exist_ok=True)
    with ExitStack() as started:
        keys = {
            "QMCP_HITL_SECRETS_KEY_FILE": str(folder / "secrets-key"),
            "QMCP_HITL_CALLBACK_SECRET_FILE": str(folder / "callback-secret"),
        }
        yield _service(started, folder, "hitl", tree.python("-m", module, "serve"), keys, SERVER_CORES, tree)


@contextmanager
def metrics(folder: Path, *, edge: bool = False) -> Iterator[System]:
    """The metrics service on its own Postgres, without a limit of calls; with `edge`, Envoy before it."""
    with ExitStack() as started:
        command = python("-m", "services.metrics", "serve")
        environment = {
            "QMCP_METRICS_SECRETS_KEY_FILE": str(folder / "secrets-key"),
            "QMCP_METRICS_RATE_LIMIT": "0",
            "QMCP_METRICS_PROMETHEUS_ENABLED": "false",
        }
        system = _service(started, folder, "metrics", command, environment, SERVER_CORES)
        if edge:
            _start_edge(started, system, folder, SERVER_CORES)
        yield system


@contextmanager
def tasks(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[System, Callable[[], None]]]:
    """The tasks service on its own Postgres, and what ends its process and begins another at the same port."""
    with ExitStack() as started, ExitStack() as restarted:
        system = System(grpc_port=ports.free(), metrics_port=ports.free())
        database, system.pids["postgres"] = started.enter_context(engine(folder / "postgres"))
        system.database_url = database.url(database_name("tasks"))

        def restart() -> None:
            restarted.close()
            _start(restarted, system, folder, "tasks", python("-m", "services.tasks", "serve"), environment)

        restart()
        yield system, restart


def _service(
    started: ExitStack,
    folder: Path,
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    cores: Sequence[int],
    tree: Tree = HERE,
) -> System:
    system = System(grpc_port=ports.free(), metrics_port=ports.free())
    database, system.pids["postgres"] = started.enter_context(engine(folder / "postgres", cores))
    system.database_url = database.url(database_name(name))
    if tree != HERE:
        # Earlier services do not make their own.
        asyncio.run(_make_database(database.url("postgres"), database_name(name)))
    _start(started, system, folder, name, command, environment, cores, tree)
    return system


def _start(
    started: ExitStack,
    system: System,
    folder: Path,
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    cores: Sequence[int] = SERVER_CORES,
    tree: Tree = HERE,
) -> None:
    """Starts the service at the ports and with the database of a system."""
    log = folder / f"{name}.log"
    settings = {
        "QMCP_GRPC_PORT": str(system.grpc_port),
        "QMCP_METRICS_PORT": str(system.metrics_port),
        "QMCP_DATABASE_URL": system.database_url,
        **environment,
    }
    system.pids[name] = started.enter_context(running(command, log, settings, cores=cores, tree=tree))
    wait_until(lambda: accepts(system.grpc_port), system.pids[name], log)


def _start_edge(started: ExitStack, system: System, folder: Path, cores: Sequence[int], tree: Tree = HERE) -> None:
    system.http_port, web_port = ports.free(), ports.free()
    [service] = (name.upper() for name in system.pids if name != "postgres")
    environment = {
        "QMCP_PORT": str(system.http_port),
        f"QMCP_{service}_ADDRESS": system.target,
        f"QMCP_{service}_METRICS_ADDRESS": f"127.0.0.1:{system.metrics_port}",
        "QMCP_WEB_ADDRESS": f"127.0.0.1:{web_port}",
        "QMCP_WEB_PORT": str(web_port),
        # Of earlier ones.
        "QMCP_ENVOY_ADMIN_PORT": str(ports.free()),
    }
    for name in ("web", "envoy"):
        log = folder / f"{name}.log"
        system.pids[name] = started.enter_context(
            running(tree.python("-m", f"gateway.{name}"), log, environment, cores=cores, tree=tree)
        )
        port = web_port if name == "web" else system.http_port
        wait_until(lambda port=port: accepts(port), system.pids[name], log)  # type: ignore[misc]


@contextmanager
def echo_server(kind: str, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[System]:
    """A bare InvokeTool; see benchmarks.echo_server."""
    system = System(grpc_port=ports.free())
    log = folder / f"echo-{system.grpc_port}.log"
    with running(python("-m", "benchmarks.echo_server", kind, str(system.grpc_port)), log, environment) as pid:
        system.pids["server"] = pid
        wait_until(lambda: accepts(system.grpc_port), pid, log)
        yield system


@contextmanager
def bare_waits(kind: str, folder: Path) -> Iterator[System]:
    """A bare WaitForResponse; see benchmarks.bare_wait."""
    system = System(grpc_port=ports.free())
    log = folder / f"wait-{system.grpc_port}.log"
    with running(python("-m", "benchmarks.bare_wait", kind, str(system.grpc_port)), log) as pid:
        system.pids["server"] = pid
        wait_until(lambda: accepts(system.grpc_port), pid, log)
        yield system
