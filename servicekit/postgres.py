"""The pool of connections to a service's Postgres, and its transactions."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from prometheus_client import CollectorRegistry

from servicekit.database_errors import CONNECTION_ERRORS, unreachable
from servicekit.database_metrics import DatabaseMetrics, DatabaseUsage
from servicekit.errors import exhausted
from servicekit.waiting import waiting_for

logger = structlog.get_logger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record

# What a call waits for here, as its caller is told.
CONNECTION = "a connection to the database"
STATEMENT = "a statement of the database"
COMMIT = "a commit of the database"
# How long a statement of a call may take before the server ends it, milliseconds.
STATEMENT_TIMEOUT_MS = 30_000
# And before it is given up here, seconds: a server that is stopped, or behind a network that is silent, ends nothing.
STATEMENT_SECONDS = STATEMENT_TIMEOUT_MS / 1000 + 2
# How long the pool and the server may take to give a connection.
ACQUIRE_SECONDS = 10.0
CONNECT_SECONDS = 5.0
# How long a connection may take to come back from a statement that was cut off before it is closed.
RECOVER_SECONDS = 5.0
# How long a held connection may take for one piece of work: many statements of its owner, and everybody waits for them.
WORK_SECONDS = 15.0
# How long the database may take to say that it is there.
READY_SECONDS = 2.0
# What cuts work off while its statement goes on: nothing can be said on the connection until that has ended.
CUT_OFF = (asyncio.CancelledError, TimeoutError, GeneratorExit)
# A use of a connection that takes longer is told in the log, seconds.
SLOW_SECONDS = 0.5
# More than a page, so that the file grows where there is no free one.
PROOF_BYTES = 16 * 1024
# What is asked to see whether it answers is worth knowing besides.
BACKUPS = "SELECT kind, extract(epoch FROM finished_at)::float8 FROM backups"
# Of a transaction that sees the database as it is at its first statement, and writes nothing.
SNAPSHOT: Mapping[str, Any] = {"isolation": "repeatable_read", "readonly": True}


class Database:
    """A pool. The domain opens transactions here; the store's statements run in them."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", url: str, server_settings: Mapping[str, str], max_long_reads: int
    ) -> None:
        self._pool = pool
        self.url = url
        self._max_long_reads = max_long_reads
        self._long_reads = 0
        self._server_settings = server_settings
        # Connections that come back from statements that were cut off, or are closed, by the task that does it.
        self._recovering: dict[asyncio.Task[None], Connection] = {}
        # Whether a call has failed as calls fail where the database is away, full or used up, and nothing has shown the
        # contrary since.
        self._in_doubt = False
        self.usage = DatabaseUsage()

    @property
    def connections(self) -> dict[str, int]:
        """How many there are, by what they do."""
        idle = self._pool.get_idle_size()
        return {"idle": idle, "used": self._pool.get_size() - idle, "long_read": self._long_reads}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; each statement is its own transaction."""
        asked_at = time.perf_counter()
        try:
            with waiting_for(CONNECTION):
                connection = await self._acquired()
            used_at = time.perf_counter()
            self.usage.waited.observe(used_at - asked_at)
            try:
                with waiting_for(STATEMENT):
                    yield connection
            except CUT_OFF:
                # It goes back once its statement is cancelled and its transaction undone, or it is closed. Whoever
                # was cut off has waited long enough.
                self._beside(self._pool.release(connection, timeout=RECOVER_SECONDS), connection)
                raise
            except BaseException as error:
                if isinstance(error, asyncpg.InternalClientError | asyncpg.ReadOnlySQLTransactionError):
                    # Its protocol is confused, or it leads to a server that has become a replica: it would fail
                    # whoever gets it next, too.
                    connection.terminate()
                await self._pool.release(connection)
                raise
            finally:
                used = time.perf_counter() - used_at
                self.usage.used.observe(used)
                if used > SLOW_SECONDS:
                    logger.warning("slow_query", duration_ms=round(1000 * used, 1))
            await self._pool.release(connection)
        except Exception as error:
            self._in_doubt = self._in_doubt or unreachable(error)
            raise

    async def _acquired(self) -> Connection:
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        if task is not None and task.cancelling() > cancelled:
            # The driver gives a connection that came at the same moment, and forgets the cancellation: a loop that was
            # to end went on for ever, and so did the stop that waited for it.
            await self._pool.release(connection)
            raise asyncio.CancelledError
        return connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with a transaction that commits at the end, and rolls back on an exception."""
        try:
            async with self.connection() as connection, _transaction(connection):
                yield connection
        except BaseException:
            self.usage.undone += 1
            raise
        self.usage.committed += 1

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection that sees the database as it is now, for all statements, and plans each for its very values.

        After five times of one statement Postgres would plan it for any values: where a parameter may be empty, or a
        time lies in some partitions of many, that plan finds everything by reading everything.
        """
        async with self.connection() as connection, _transaction(connection, **SNAPSHOT):
            # And memory enough to group by hashing: rows are wide, and to sort them takes longer than to read them.
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL work_mem = '32MB'")
            yield connection

    @asynccontextmanager
    async def long_read(self) -> AsyncIterator[Connection]:
        """A connection for what takes long, as an export does: none of the pool's, and without a statement timeout.

        Raises:
            ServiceError: OVERLOADED where as many are used as may be.
        """
        if self._long_reads >= self._max_long_reads:
            raise exhausted("OVERLOADED", "As many long reads as may run do. Try again when one has ended.", 5)
        self._long_reads += 1
        try:
            with waiting_for(CONNECTION):
                connection = await asyncpg.connect(
                    self.url,
                    timeout=CONNECT_SECONDS,
                    server_settings={**self._server_settings, "statement_timeout": "0"},
                )
        except BaseException:
            self._long_reads -= 1
            raise
        try:
            with waiting_for(STATEMENT):
                yield connection
        finally:
            self._beside(self._end_long_read(connection), connection)

    async def _end_long_read(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        try:
            await connection.close(timeout=RECOVER_SECONDS)
        finally:
            self._long_reads -= 1

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A long read in a transaction that sees the database as it is now, whatever is written meanwhile."""
        async with (
            self.long_read() as connection,
            _transaction(connection, **SNAPSHOT),
        ):
            yield connection

    @asynccontextmanager
    async def held(self) -> AsyncIterator["HeldConnection"]:
        """A connection of one's own, besides the pool."""
        held = HeldConnection(self.url, self._server_settings)
        try:
            yield held
        finally:
            await held.close()

    async def ready(self) -> bool:
        """Whether the database answers, within two seconds.

        Where a call has failed lately it must also give a new connection and take what is written: one that is open
        already tells nothing of connections that are used up, and a read nothing of a full disk.
        """
        used_up = self._pool.get_size() - self._pool.get_idle_size() >= self._pool.get_max_size()
        proof, self._in_doubt = self._in_doubt or used_up, False
        try:
            async with asyncio.timeout(READY_SECONDS):
                if proof:
                    await self._prove()
                    self._give_up_recovering()
                else:
                    async with self.connection() as connection:
                        self.usage.backups.update(await connection.fetch(BACKUPS))
        except TimeoutError:
            self._in_doubt = True
            # What is open leads to a server that was stopped, or through a network that has forgotten it.
            await self._pool.expire_connections()
            return False
        except (*CONNECTION_ERRORS, asyncpg.PostgresError):
            # Also a database that was dropped, is closed to us, or no longer takes our password.
            self._in_doubt = True
            return False
        return True

    async def _prove(self) -> None:
        """Writes a little through a new connection, and takes it back."""
        connection = await asyncpg.connect(self.url, timeout=READY_SECONDS, server_settings=dict(self._server_settings))
        try:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(
                """
                INSERT INTO idempotency_keys (principal, method, idempotency_key, body_digest)
                VALUES ('', 'proof', $1, $2)
                """,
                os.urandom(16).hex(),
                os.urandom(PROOF_BYTES),
            )
            await transaction.rollback()
            await connection.close()
        finally:
            connection.terminate()

    def _beside(self, giving_up: Coroutine[Any, Any, None], connection: Connection) -> None:
        task = asyncio.create_task(_quietly(giving_up), name="connection recovers")
        self._recovering[task] = connection
        task.add_done_callback(self._recovering.pop)

    def _give_up_recovering(self) -> None:
        """Closes what was cut off while the database was away: it may lead nowhere, and holds a place of the pool."""
        for connection in self._recovering.values():
            # One that has come back this very moment is the pool's again.
            with suppress(asyncpg.InterfaceError):
                connection.terminate()


class HeldConnection:
    """One connection for one user at a time, opened anew after it broke.

    A pool makes a task for each acquire and one for each release, which a committer that does nothing else can spare.
    """

    def __init__(self, url: str, server_settings: Mapping[str, str]) -> None:
        self._url = url
        self._server_settings = server_settings
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    @asynccontextmanager
    async def used(self) -> AsyncIterator[Connection]:
        """The connection for a piece of work, which is cut off after a while; one that broke is not used again.

        Raises:
            TimeoutError: the work took too long. Whether it was committed cannot be known, as with every broken
                connection.
        """
        late = False

        def cut_off() -> None:
            nonlocal late
            late = True
            # Not by cancelling the work: rolling back waits for the statement that does not end.
            self._drop()

        limit = asyncio.get_running_loop().call_later(WORK_SECONDS, cut_off)
        try:
            yield await self._opened()
        except CONNECTION_ERRORS as error:
            self._drop()
            if late:
                raise TimeoutError(f"a piece of work took more than {WORK_SECONDS:g} s") from error
            raise
        finally:
            limit.cancel()

    async def _opened(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url, timeout=CONNECT_SECONDS, server_settings=dict(self._server_settings)
            )
        return self._connection

    def _drop(self) -> None:
        """Gives a connection up that is broken, or may be."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.close(timeout=5)
            except CONNECTION_ERRORS:  # a timeout is one of them
                self._drop()


@asynccontextmanager
async def _transaction(connection: Connection, **options: Any) -> AsyncIterator[None]:
    """A transaction as asyncpg has it, but for work that is cut off: that is undone when the connection recovers."""
    transaction = connection.transaction(**options)
    await transaction.__aenter__()
    try:
        yield
    except CUT_OFF:
        raise
    except BaseException as error:
        await transaction.__aexit__(type(error), error, error.__traceback__)
        raise
    await transaction.__aexit__(None, None, None)


def _server_settings(application: str) -> dict[str, str]:
    return {
        "application_name": application,
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        # Short statements never profit from it, and its planning is not free.
        "jit": "off",
    }


@asynccontextmanager
async def database(
    url: str,
    pool_size: int,
    application: str,
    *,
    long_reads: int = 4,
    registry: CollectorRegistry | None = None,
    **tuning: str,
) -> AsyncIterator[Database]:
    """Opens the pool.

    Args:
        url: postgresql://user:password@host:port/database
        pool_size: connections at most.
        application: what pg_stat_activity shows.
        long_reads: connections at most of those who read for long.
        registry: of the page that shows how it is used; None: none does.
        tuning: further settings of the server, for these connections.
    """
    server_settings = _server_settings(application) | tuning
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=pool_size,
        # Nothing here leaves state in a session, so the round trip that would clean it up at each release is saved.
        reset=_nothing,
        command_timeout=STATEMENT_SECONDS,
        server_settings=server_settings,
    )
    try:
        opened = Database(pool, url, server_settings, long_reads)
        if registry is not None:
            DatabaseMetrics(registry, opened.usage, lambda: opened.connections)
        yield opened
    finally:
        # Everybody who uses the pool has been stopped by now; what hangs all the same is cut off.
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _quietly(giving_up: Coroutine[Any, Any, None]) -> None:
    try:
        await giving_up
    except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
        logger.warning("connection_closed", error=str(error), error_type=type(error).__name__)


async def _nothing(_connection: Connection) -> None:
    """Resets nothing."""
