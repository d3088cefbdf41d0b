"""`qmcp info`: what is installed here, and what answers there."""

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
    """Show the version, the address, and whether QMCP answers there; ends with 0 also where it does not."""
    from importlib.metadata import version

    chosen = connection(context)
    facts: dict[str, Any] = {"version": version("qmcp"), "url": chosen.address.url}
    facts |= _server(chosen.address.url)
    facts["api_key"] = "given" if chosen.api_key else "from the environment or none"
    if json:
        output.as_json(facts)
        return
    output.fields(facts.items())
    if facts["status"] == "unreachable":
        output.note("Start it with `qmcp serve`.")


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
