"""What it means that a statement failed: whether the database is away, and whether trying again helps."""

import asyncpg

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
    # A disk that does not take what is written.
    asyncpg.PostgresSystemError,
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
    """Whether the same transaction may well succeed when it is tried again: also one that gave way to another.

    One for which there was no memory would take as much again.
    """
    if isinstance(error, asyncpg.OutOfMemoryError):
        return False
    return unreachable(error) or isinstance(error, asyncpg.TransactionRollbackError)


UniqueViolation = asyncpg.UniqueViolationError
LockNotAvailable = asyncpg.LockNotAvailableError
CheckViolation = asyncpg.CheckViolationError
