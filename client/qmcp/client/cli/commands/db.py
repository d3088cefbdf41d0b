"""`qmcp db`: the tables of the services' databases."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import typer
from qmcp.client.cli import output
from qmcp.client.cli.failures import UNREACHABLE
from qmcp.client.cli.groups import group

_DATABASE_URL = "QMCP_DATABASE_URL"
_HELP = (
    f"The databases of the services, one each, `qmcp_<service>`, on the server that {_DATABASE_URL} names. "
    "A database of another name: `python -m services.<service> migrate`."
)
app = group(_HELP)


@app.command()
def status(json: output.AsJson = False) -> None:
    """Show which migrations are applied, of every service."""
    migrations: list[dict[str, Any]] = [
        {"service": service, **orjson.loads(line)}
        for service, said in _migrate_all("--status").items()
        for line in said.splitlines()
        if line
    ]
    if json:
        output.as_json(migrations)
    else:
        columns = ("service", "component", "version", "name", "applied_at")
        rows = ([row[column] or "not applied" for column in columns] for row in migrations)
        output.table(("service", "component", "version", "name", "applied"), rows)


@app.command()
def up(json: output.AsJson = False) -> None:
    """Apply the migrations that are missing, of every service."""
    _migrate_all()
    status(json=json)


def _services() -> list[str]:
    """The services that are installed here; those that have tables are all."""
    found = find_spec("services")
    if found is None or not found.submodule_search_locations:
        raise ValueError("this is the client alone; run it where QMCP itself is installed")
    folders = (Path(place) for place in found.submodule_search_locations)
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/migrations")})


def _migrate_all(*options: str) -> dict[str, bytes]:
    """What each service says. They run side by side: each has its own database, and takes a second to start."""
    services = _services()
    with ThreadPoolExecutor() as pool:
        return dict(zip(services, pool.map(lambda service: _migrate(service, *options), services), strict=True))


def _migrate(service: str, *options: str) -> bytes:
    command = [sys.executable, "-m", f"services.{service}", "migrate", *options]
    environment = dict(os.environ)
    if server := environment.get(_DATABASE_URL):
        environment[_DATABASE_URL] = urlunsplit(urlsplit(server)._replace(path=f"/qmcp_{service}"))
    ended = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)  # noqa: S603 - our own interpreter and module
    if ended.returncode != 0:
        output.note(
            f"The database of {service} does not answer. Start it with `qmcp serve`, or set {_DATABASE_URL} to a "
            "server that has it."
        )
        raise typer.Exit(UNREACHABLE)
    return ended.stdout
