"""What tests start and stop: a Postgres server, and databases cloned from migrated templates."""

import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import asyncpg

from devstack import postgres
from servicekit import migrations

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 20.0
# The machine does not lose power during a test. A server that is killed loses nothing by these: what it has written is
# with the kernel. The fault tests use the settings of `make run` nevertheless.
FAST = {"fsync": "off", "full_page_writes": "off"}


class Server:
    """A running Postgres, and the databases of tests on it."""

    def __init__(self, engine: postgres.Postgres) -> None:
        self._engine = engine
        self._numbers = count(1)
        self._templates: set[str] = set()

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
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
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
    """A Postgres of its own with its data in this folder, for as long as the context lasts."""
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
