"""`qmcp interview bank`: look at a bank of questions before anybody is asked by it."""

from typing import Annotated, Any

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group

app = group("Look at a bank of questions before anybody is asked by it.")
File = Annotated[str, typer.Argument(help="The bank, in YAML or JSON; `-` is stdin.")]


def document(file: str) -> dict[str, Any]:
    """The bank in a file; ValueError where there is none."""
    import yaml

    try:
        found = yaml.safe_load(reading.file(file))
    except yaml.YAMLError as error:
        raise ValueError(f"the bank cannot be read as YAML: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("the bank must be a mapping, with name, hypotheses and questions")  # noqa: TRY004
    return found


@app.command()
def lint(context: typer.Context, bank: File, json: output.AsJson = False) -> None:
    """Find questions that are never asked, say nothing, or are said by others; fails where it finds one."""
    with connect(context) as client:
        found = client.lint_bank(document(bank))
    if json:
        output.as_json(found)
    else:
        output.table(("kind", "of", "what"), ((each.kind, each.subject, each.text) for each in found))
    if found:
        raise typer.Exit(FAILED)


@app.command()
def simulate(
    context: typer.Context,
    bank: File,
    interviews: Annotated[int, typer.Option(min=1, max=1000, help="How many to play.")] = 200,
    seed: Annotated[int, typer.Option(help="The same one gives the same interviews.")] = 0,
    json: output.AsJson = False,
) -> None:
    """Play interviews, and print how long they are and how often they are right."""
    with connect(context) as client:
        found = client.simulate_bank(document(bank), interviews=interviews, seed=seed)
    if json:
        output.as_json(found)
        return
    rows = (
        (name, each.interviews, f"{each.mean_questions:.2f}", each.max_questions, f"{each.accuracy:.3f}")
        for name, each in (("by gain", found.by_gain), ("in order", found.in_order))
        if each
    )
    output.table(("questions", "interviews", "mean", "longest", "right"), rows)
