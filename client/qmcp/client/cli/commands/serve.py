"""`qmcp serve`: starts the whole system on this machine."""

import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer
from qmcp.client.cli.groups import single

app = single()


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option("--host", "-h", help="Where to listen; else QMCP_HOST, 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", help="Its port; else QMCP_PORT, 3333.")] = None,
    reload: Annotated[bool, typer.Option("--reload", help="Restart when the code changes.")] = False,
) -> None:
    """Start database, services and edge; Ctrl-C stops them all."""
    if find_spec("devstack") is None:
        raise ValueError("this is the client alone; install QMCP itself to serve it, or use its container image")
    command = [sys.executable, "-m", "devstack", "serve"]
    if host is not None:
        command += ["--host", host]
    if port is not None:
        command += ["--port", str(port)]
    if reload:
        command.append("--reload")
    # It takes this process's place, so that a signal reaches what it is meant for.
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter and module, and no shell
