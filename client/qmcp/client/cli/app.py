"""The root of the `qmcp` command: its options, and how it ends."""

import os
import sys
from typing import Annotated

import typer
from qmcp.client.cli.connection import Connection
from qmcp.client.cli.failures import EXIT_CODES, report
from qmcp.client.cli.groups import CommandFolders
from qmcp.client.errors import QmcpError

app = typer.Typer(
    name="qmcp",
    cls=CommandFolders,
    help=f"Run an agent's tools, prove what ran, and ask people.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"qmcp {version('qmcp')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where QMCP is, `http://HOST:PORT`; else QMCP_URL, or QMCP_HOST and QMCP_PORT. For https "
            "with an authority of your own, QMCP_TLS_CA_FILE names its certificate."
        ),
    ] = None,
    api_key: Annotated[str | None, typer.Option(help="Your API key; better kept in QMCP_API_KEY.")] = None,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Keep what all commands need to reach QMCP."""
    context.obj = Connection(url, api_key)


def main() -> None:
    """Run the command; a failure becomes one sentence on what to do next and an exit code that says what it was."""
    try:
        app()
    except (QmcpError, ValueError, OSError) as failure:
        if os.environ.get("QMCP_DEBUG", "").lower() in {"1", "true", "yes"}:
            raise
        sys.exit(report(failure))
