"""`qmcp info`: what is installed here, and what answers there."""

import json as json_module
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import typer
from qmcp.client.address import trust
from qmcp.client.cli import output
from qmcp.client.cli.connection import connection
from qmcp.client.cli.groups import single

app = single()
_PATIENCE_SECONDS = 3


@app.command()
def info(context: typer.Context, json: output.AsJson = False) -> None:
    """Show the version, whether QMCP answers, and what `qmcp serve` would go by; ends with 0 also where none does."""
    from importlib.metadata import version

    chosen = connection(context)
    facts: dict[str, Any] = {"version": version("qmcp"), "url": chosen.address.url}
    facts |= _server(chosen.address.url)
    facts["api_key"] = "given" if chosen.api_key else "from the environment or none"
    facts |= _settings()
    if json:
        output.as_json(facts)
        return
    output.fields(facts.items())
    if facts["status"] == "unreachable":
        output.note("Start it with `qmcp serve`.")


def _settings() -> dict[str, Any]:
    """Host, port, debug, log level and database of `qmcp serve` here; or what of them cannot work."""
    if find_spec("devstack") is None:
        return {}
    command = [sys.executable, "-m", "devstack", "settings"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter and module
    if ended.returncode != 0:
        return {"settings": ended.stderr.strip()}
    found: dict[str, Any] = json_module.loads(ended.stdout)
    return found


def _server(url: str) -> dict[str, str]:
    import httpx

    try:
        answer = httpx.get(f"{url}/health", timeout=_PATIENCE_SECONDS, verify=trust())
        health = answer.json()
        return {"status": str(health["status"]), "server_version": str(health.get("version", ""))}
    except httpx.TransportError:
        return {"status": "unreachable"}
    except (ValueError, KeyError, TypeError):
        return {"status": "something else than QMCP answers there"}
