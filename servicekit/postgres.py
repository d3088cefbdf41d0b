"""The pool of connections to a service's Postgres, and its transactions."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from servicekit.waiting import waiting_for

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record

# The database cannot be reached, is starting up or going down: worth a retry, not a fault of the call.
CONNECTION_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # Its protocol is in a state that it does not expect. Seen when Postgres is killed while a statement is prepared
    # ("cannot switch to state 12; another operation (2) is in progress"), from connections that the pool took for open.
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    # A full disk, no memory, too many connections.
    asyncpg.InsufficientResourcesError,
    # "The database is not accepting connections": an operator has closed it for a while.
    asyncpg.ObjectNotInPrerequisiteStateError,
    # Connected to what was the primary, or is about to be it.
    asyncpg.ReadOnlySQLTransactionError,
)


def unreachable(error: BaseException) -> bool:
    """Whether an error means that the database cannot be reached.

    asyncpg's InterfaceError is also what it raises for an argument that does not fit its column; that is a ValueError
    besides, and no retry will mend it.
    """
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(error, ValueError)


def transient(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is tried again: also one that gave way to another."""
    return unreachable(error) or isinstance(error, asyncpg.TransactionRollbackError)


UniqueViolation = asyncpg.UniqueViolationError

# What a call waits for here, as its caller is told.
CONNECTION = "a connection to the database"
STATEMENT = "a statement of the database"
# How long a statement of a call may take before the server ends it, milliseconds.
STATEMENT_TIMEOUT_MS = 30_000


class Database:
    """A pool. The domain opens transactions here; the store's statements run in them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str, server_settings: Mapping[str, str]) -> None:
        self._pool = pool
        self.url = url
        self._server_settings = server_settings

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; each statement is its own transaction."""
        with waiting_for(CONNECTION):
            connection = await self._pool.acquire(timeout=10)
        try:
            with waiting_for(STATEMENT), _given_up_if_broken(connection):
                yield connection
        finally:
            await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with a transaction that commits at the end, and rolls back on an exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A read-only transaction that sees the database as it is now, whatever is written meanwhile.

        For long reads: the statement timeout does not hold here.
        """
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute("SET LOCAL statement_timeout = 0")
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
        """Whether the database answers, within two seconds."""
        try:
            async with asyncio.timeout(2), self.connection() as connection:
                await connection.fetchval("SELECT 1")
        except (*CONNECTION_ERRORS, asyncpg.PostgresError):
            # Also a database that was dropped, is closed to us, or no longer takes our password.
            return False
        return True


class HeldConnection:
    """One connection for one user at a time, opened anew after it broke.

    A pool makes a task for each acquire and one for each release, which a committer that does nothing else can spare.
    """

    def __init__(self, url: str, server_settings: Mapping[str, str]) -> None:
        self._url = url
        self._server_settings = server_settings
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def get(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url, timeout=10, server_settings=dict(self._server_settings))
        return self._connection

    def drop(self) -> None:
        """Gives a connection up that is broken, or may be."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.close(timeout=5)
            except CONNECTION_ERRORS:  # a timeout is one of them
                self.drop()


def _server_settings(application: str) -> dict[str, str]:
    return {
        "application_name": application,
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        # Short statements never profit from it, and its planning is not free.
        "jit": "off",
    }


@asynccontextmanager
async def database(url: str, pool_size: int, application: str, **tuning: str) -> AsyncIterator[Database]:
    """Opens the pool.

    Args:
        url: postgresql://user:password@host:port/database
        pool_size: connections at most.
        application: what pg_stat_activity shows.
        tuning: further settings of the server, for these connections.
    """
    server_settings = _server_settings(application) | tuning
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=pool_size,
        # Nothing here leaves state in a session, so the round trip that would clean it up at each release is saved.
        reset=_nothing,
        server_settings=server_settings,
    )
    try:
        yield Database(pool, url, server_settings)
    finally:
        # Everybody who uses the pool has been stopped by now; what hangs all the same is cut off.
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@contextmanager
def _given_up_if_broken(connection: Connection) -> Iterator[None]:
    """Keeps a connection out of the pool that would fail whoever gets it next, too.

    Its protocol is confused, or it leads to a server that has become a replica.
    """
    try:
        yield
    except (asyncpg.InternalClientError, asyncpg.ReadOnlySQLTransactionError):
        connection.terminate()
        raise


async def _nothing(_connection: Connection) -> None:
    """Resets nothing."""
