"""Migrations: numbered SQL files, forward only, each applied once, by one process at a time.

yoyo and alembic bring a second Postgres driver for what is a loop over files here (docs/decisions/0002-libraries.md).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import structlog

from servicekit import databases
from servicekit.postgres import Connection

logger = structlog.get_logger(__name__)

# Any number will do, as long as every process uses the same.
LOCK = 0x716D6370
KIT = Path(__file__).parent / "schema"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_what_it_changes.sql` of a component."""

    component: str
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration and when it was applied; None while it is missing."""

    migration: Migration
    applied_at: datetime | None


def read(component: str, folder: Path) -> list[Migration]:
    """The migrations in a folder, in order of their numbers."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if match is None:
            raise ValueError(f"{path} is not named NNNN_what_it_changes.sql")
        found.append(Migration(component, int(match[1]), match[2], path.read_text()))
    return found


def of_service(service: str, folder: Path) -> list[Migration]:
    """The kit's own tables first, then the service's."""
    return [*read("servicekit", KIT), *read(service, folder)]


async def apply(url: str, migrations: Sequence[Migration]) -> int:
    """Applies what is missing, each in a transaction of its own, and returns how many that were.

    A database that does not exist is made first. Replicas may start at once: an advisory lock lets one of them work
    while the others wait.

    Raises:
        SystemExit: when an applied file was changed since; forward only means: write a new one. And where there is no
            server, or no right to make the database.
    """
    connection = await databases.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await _create_table(connection)
        count = 0
        for state in await _states(connection, migrations):
            if state.applied_at is None:
                await _apply(connection, state.migration)
                count += 1
        return count
    finally:
        # Closing the session gives the lock back.
        await connection.close()


async def status(url: str, migrations: Sequence[Migration]) -> list[Applied]:
    """Which of the migrations have been applied, and when."""
    connection = await asyncpg.connect(url)
    try:
        await _create_table(connection)
        return await _states(connection, migrations)
    finally:
        await connection.close()


async def _create_table(connection: Connection) -> None:
    await connection.execute(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            component  text        NOT NULL,
            version    integer     NOT NULL,
            name       text        NOT NULL,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (component, version)
        )
        """
    )


async def _states(connection: Connection, migrations: Sequence[Migration]) -> list[Applied]:
    rows = await connection.fetch("SELECT component, version, checksum, applied_at FROM schema_migrations")
    applied = {(row["component"], row["version"]): row for row in rows}
    states = []
    for migration in migrations:
        row = applied.get((migration.component, migration.version))
        if row is not None and row["checksum"] != migration.checksum:
            raise SystemExit(
                f"The migration {migration.version:04}_{migration.name} of {migration.component} was changed after it "
                "had been applied. Migrations go forward only: restore the file and write a new one."
            )
        states.append(Applied(migration, row["applied_at"] if row else None))
    return states


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (component, version, name, checksum) VALUES ($1, $2, $3, $4)",
            migration.component,
            migration.version,
            migration.name,
            migration.checksum,
        )
    logger.info("migration_applied", component=migration.component, version=migration.version, name=migration.name)
