"""`qmcp db`: the tables of the services' databases."""

import subprocess
import sys
from importlib.util import find_spec

import orjson
import typer
from qmcp.client.cli import output
from qmcp.client.cli.failures import UNREACHABLE

app = typer.Typer(help="The database that QMCP_DATABASE_URL names.", no_args_is_help=True)


@app.command()
def status(json: output.AsJson = False) -> None:
    """Show which migrations are applied."""
    migrations = [orjson.loads(line) for line in _migrate("--status").splitlines() if line]
    if json:
        output.as_json(migrations)
    else:
        rows = ((row["version"], row["name"], row["applied_at"] or "not applied") for row in migrations)
        output.table(("version", "name", "applied"), rows)


@app.command()
def up(json: output.AsJson = False) -> None:
    """Apply the migrations that are missing."""
    _migrate()
    status(json=json)


def _migrate(*options: str) -> bytes:
    if find_spec("services") is None:
        raise ValueError("this is the client alone; run it where QMCP itself is installed")
    command = [sys.executable, "-m", "services.tools", "migrate", *options]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own interpreter and module
    if ended.returncode != 0:
        output.note("The database does not answer. Start it with `qmcp serve`, or set QMCP_DATABASE_URL.")
        raise typer.Exit(UNREACHABLE)
    return ended.stdout
