"""`qmcp interview memory`: how the memory is, and having it made again."""

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.questioning.models import Memory

app = group("See how the memory of interviews is, and have it made again.")


@app.command()
def show(context: typer.Context, json: output.AsJson = False) -> None:
    """Print where it is, by what model texts are understood, and how far it is behind."""
    with connect(context) as client:
        _print(client.get_memory(), json=json)


@app.command()
def reindex(context: typer.Context, json: output.AsJson = False) -> None:
    """Empty it and make it again from what was said; interviews go on meanwhile."""
    with connect(context) as client:
        _print(client.reindex_memory(), json=json)


def _print(memory: Memory, *, json: bool) -> None:
    if json:
        output.as_json(memory)
        return
    rows = [
        ("state", memory.state),
        ("detail", memory.detail),
        ("store", memory.store),
        ("collection", memory.collection),
        ("model", f"{memory.model} ({memory.dimension} numbers)" if memory.model else ""),
        ("texts", memory.texts),
        ("waiting", memory.waiting),
        ("failed", memory.failed),
        ("behind", f"{memory.lag_seconds:.1f} s"),
    ]
    output.table(("memory", ""), rows)
