"""A service's own database: made where it is missing, and its address without the password."""

from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

CONNECT_SECONDS = 10.0


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection to the database of this address, which is made where its server has none of that name.

    Raises:
        SystemExit: where there is no server, or no right to make the database; it says what to ask for.
    """
    try:
        return await _connect(url)
    except asyncpg.InvalidCatalogNameError:
        await _make(url)
    return await _connect(url)


def shown(url: str) -> str:
    """The address without its password."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}"))


async def _make(url: str) -> None:
    parts = urlsplit(url)
    name, user = unquote(parts.path.strip("/")), unquote(parts.username or "")
    # The one that every server has.
    connection = await _connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        await connection.execute(f'CREATE DATABASE "{name.replace(chr(34), chr(34) * 2)}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        # Another replica was faster.
        return
    except asyncpg.InsufficientPrivilegeError:
        raise SystemExit(
            f"The user of {shown(url)} may not make databases. Let its administrator run: "
            f'CREATE DATABASE "{name}" OWNER {user}; or, for all services at once: '
            f"ALTER ROLE {user} CREATEDB"
        ) from None
    except asyncpg.DiskFullError:
        raise SystemExit(f"The disk of the Postgres at {shown(url)} is full.") from None
    finally:
        await connection.close()


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        raise
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        raise SystemExit(f"No Postgres can be used at {shown(url)}: {error or type(error).__name__}") from None
