"""The services' databases, one each, on the embedded Postgres or on the server that QMCP_DATABASE_URL names."""

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from devstack.errors import CannotRunError

CONNECT_SECONDS = 10.0


def name_of(service: str) -> str:
    """The database of a service."""
    return f"qmcp_{service}"


def url_of(server: str, service: str) -> str:
    """The address of a service's database on this server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name_of(service)}"))


def shown(url: str) -> str:
    """The address without its password."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}"))


async def make_missing(server: str, services: Iterable[str]) -> None:
    """Makes the databases that are not there yet.

    `server` is an address with a user who may make databases; where it names no database, `postgres` is asked.
    """
    parts = urlsplit(server)
    asked = server if parts.path.strip("/") else urlunsplit(parts._replace(path="/postgres"))
    try:
        connection = await asyncpg.connect(asked, timeout=CONNECT_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        raise CannotRunError(f"No Postgres can be used at {shown(server)}: {error or type(error).__name__}") from None
    try:
        there = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for service in services:
            if name_of(service) not in there:
                await connection.execute(f'CREATE DATABASE "{name_of(service)}"')
    except asyncpg.InsufficientPrivilegeError:
        raise CannotRunError(
            f"The user of {shown(server)} may not make databases. Let its administrator run: "
            + "; ".join(f'CREATE DATABASE "{name_of(service)}" OWNER {parts.username}' for service in services)
        ) from None
    except asyncpg.DiskFullError:
        raise CannotRunError(f"The disk of the Postgres at {shown(server)} is full.") from None
    finally:
        await connection.close()
