"""What tests start and stop: a Postgres server, databases cloned from migrated templates, and the whole system."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import asyncpg

from devstack import environment, ports, postgres, services
from servicekit import migrations
from tests import memory

ROOT = Path(__file__).resolve().parent.parent
# Guards against hanging, no more: a machine may be slow and busy.
STARTS_WITHIN = 120.0
STACK_STARTS_WITHIN = 300.0
STACK_STOPS_WITHIN = 180.0
SERVE = (sys.executable, "-m", "devstack", "serve")
# The machine does not lose power during a test. A server that is killed loses nothing by these: what it has written is
# with the kernel. The fault tests use the settings of `make run` nevertheless.
OF_EDGE = ("QMCP_WEB_ADDRESS", "QMCP_MCP_ADDRESS", "QMCP_MCP_METRICS_ADDRESS")
OWN_WORDS = '"logger":"devstack"'
FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


class Server:
    """A running Postgres, and the databases of tests on it."""

    def __init__(self, engine: postgres.Postgres) -> None:
        self._engine = engine
        self._numbers = count(1)
        self._templates: set[str] = set()

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self._engine.data

    @property
    def log(self) -> Path:
        """What it writes."""
        return self._engine.data.with_name("log")

    def url(self, database: str = "postgres") -> str:
        """The address of a database on this server."""
        return self._engine.url(database)

    async def execute(self, statement: str) -> None:
        """Runs one statement outside every service's database."""
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[str]:
        """The address of a database of one's own with the tables of this service, or of `servicekit` alone."""
        template = await self._template(service)
        name = f"test_{service}_{next(self._numbers)}"
        # Measured: 13 ms of a core in memory, and 26 by the other way; 250 and 100 on a disk.
        strategy = "file_copy" if self.data.is_relative_to(memory.MEMORY) else "wal_log"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}")
        try:
            yield self.url(name)
        finally:
            await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _template(self, service: str) -> str:
        """The database that has this service's tables and nothing in them; migrated once a session."""
        name = f"template_{service}"
        if name not in self._templates:
            await self.execute(f"DROP DATABASE IF EXISTS {name}")
            await self.execute(f"CREATE DATABASE {name}")
            folder = ROOT / "services" / service / "migrations"
            await migrations.apply(self.url(name), migrations.of_service(service, folder))
            self._templates.add(name)
        return name


@contextmanager
def running_postgres(folder: Path) -> Iterator[Server]:
    """A Postgres of its own for as long as the context lasts, with its data in memory where there is room, else here."""
    with memory.folder(folder) as place, _running_postgres(place) as server:
        yield server


@contextmanager
def _running_postgres(folder: Path) -> Iterator[Server]:
    engine = postgres.prepare(folder, settings=FAST)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(engine.command(), cwd="/", stdout=output, stderr=output)
    try:
        until = time.monotonic() + STARTS_WITHIN
        while not engine.ready(process.pid):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Postgres did not start: {postgres.explain(log.read_text().splitlines())}")
            time.sleep(0.01)
        yield Server(engine)
    finally:
        process.send_signal(postgres.STOP)
        process.wait(STARTS_WITHIN)


def compiled(root: Path) -> Path:
    """This tree, once its services need not compile each for itself all that they import, as `make run` has them."""
    folders = [folder for name in environment.OURS if (folder := root / name).exists()]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], check=True)
    return root


def words(lines: str) -> str:
    """What `serve` wrote for programs, its own words as a person at a terminal reads them."""
    return "\n".join(
        json.loads(line)["event"] if OWN_WORDS in line and line.endswith("}") else line for line in lines.split("\n")
    )


class Stack:
    """The whole system as `make run` starts it, on free ports, with a home folder of its own; `root` is its tree."""

    def __init__(self, home: Path, root: Path = ROOT, **variables: str) -> None:
        self.home = home
        self.root = root
        self.log = home.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        # Chosen here, so that a second start has the same.
        of_services = [name for each in services.found() for name in (each.address_variable, each.metrics_variable)]
        addresses = {name: f"127.0.0.1:{ports.free()}" for name in (*of_services, *OF_EDGE)}
        self.env = {
            # A developer's own settings are not what is tested.
            **{name: value for name, value in os.environ.items() if not name.startswith("QMCP_")},
            "QMCP_HOME": str(home),
            "QMCP_PORT": str(ports.free()),
            "QMCP_ENVOY_METRICS_PORT": str(ports.free()),
            **addresses,
            **variables,
        }

    @property
    def edge_url(self) -> str:
        return f"{'https' if 'QMCP_TLS_CERTIFICATE_FILE' in self.env else 'http'}://{self.grpc_target}"

    @property
    def grpc_target(self) -> str:
        """Where gRPC enters the edge."""
        return f"127.0.0.1:{self.env['QMCP_PORT']}"

    def target(self, service: str) -> str:
        """Where a service itself listens."""
        return self.env[f"QMCP_{service.upper()}_ADDRESS"]

    @property
    def admin_key(self) -> str:
        """The key of the administrator, where auth is on."""
        return (self.home / "admin-key").read_text().strip()

    def database_url(self, service: str) -> str:
        """The database of a service."""
        server = json.loads((self.home / "running.json").read_text())["database_server"]
        host = server.rpartition("@")[2].partition("/")[0]
        password = (self.home / "postgres" / "password").read_text().strip()
        return f"postgresql://{postgres.USER}:{password}@{host}/qmcp_{service}"

    @property
    def processes(self) -> dict[str, int]:
        """The process ids by name."""
        found: dict[str, int] = json.loads((self.home / "running.json").read_text())["processes"]
        return found

    @property
    def supervisor(self) -> subprocess.Popen[bytes]:
        """The process that keeps the others."""
        assert self._process is not None
        return self._process

    def launch(self, *arguments: str, command: Sequence[str] = SERVE) -> None:
        """Starts it without waiting."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *arguments],
                env=self.env,
                cwd=self.root,
                stdout=output,
                stderr=output,
                # A signal goes to all that the command has started, as Ctrl-C does at a terminal.
                start_new_session=True,
            )

    def start(self, command: Sequence[str] = SERVE) -> None:
        """Starts it and waits until it serves."""
        written = len(self.output())
        self.launch(command=command)
        until = time.monotonic() + STACK_STARTS_WITHIN
        while "QMCP stands" not in self.output()[written:]:
            if self.supervisor.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"The system did not start:\n{self.output()[written:]}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to stop, waits until it has, and returns its exit status."""
        if self.supervisor.poll() is None:
            os.killpg(self.supervisor.pid, number)
        return self.supervisor.wait(STACK_STOPS_WITHIN)

    def output(self) -> str:
        """All that was written, its own words as a person reads them."""
        return words(self.log.read_text(errors="replace")) if self.log.exists() else ""


@contextmanager
def running_stack(home: Path, **variables: str) -> Iterator[Stack]:
    """The whole system for as long as the context lasts; `variables` are added to its environment."""
    stack = Stack(home, **variables)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
