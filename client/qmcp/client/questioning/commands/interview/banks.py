"""`qmcp interview bank`: look at banks of questions, keep them, have them learn from interviews."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group

if TYPE_CHECKING:
    from qmcp.client.questioning.models import Bank

app = group("Look at banks of questions, keep them, have them learn from interviews.")
Id = Annotated[str, typer.Argument(help="The version's id, as `list` has it.")]
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


@app.command()
def save(context: typer.Context, bank: File, json: output.AsJson = False) -> None:
    """Keep a bank, as the next version of its name."""
    with connect(context) as client:
        _print(client.create_bank(document(bank)), json=json)


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Only versions of the bank with this name.")] = "",
    status: Annotated[str, typer.Option(help="accepted or proposed.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List versions of banks, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_banks(name, status=status, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = ((each.id, each.name, each.version, each.status, each.interviews, each.created_at) for each in found)
    output.table(("id", "name", "version", "status", "interviews", "saved"), rows)


@app.command()
def show(context: typer.Context, bank_id: Id, json: output.AsJson = False) -> None:
    """Show the document of a version."""
    with connect(context) as client:
        found = client.get_bank(bank_id)
    output.as_json(found) if json else output.document(found.bank)


@app.command()
def learn(
    context: typer.Context,
    bank_id: Id,
    weight: Annotated[int, typer.Option(min=1, max=10_000, help="How many interviews its author is worth.")] = 20,
    json: output.AsJson = False,
) -> None:
    """Propose what the interviews with a version teach, as the next one; nobody is asked by it before `accept`."""
    with connect(context) as client:
        _print(client.learn_bank(bank_id, weight=weight), json=json)


@app.command()
def accept(context: typer.Context, bank_id: Id, json: output.AsJson = False) -> None:
    """Accept what was learned: interviews begin with it."""
    with connect(context) as client:
        _print(client.accept_bank(bank_id), json=json)


@app.command()
def delete(context: typer.Context, bank_id: Id) -> None:
    """Delete a version; interviews that were begun with it go on."""
    with connect(context) as client:
        client.delete_bank(bank_id)


def _print(bank: "Bank", *, json: bool) -> None:
    if json:
        output.as_json(bank)
    else:
        typer.echo(f"{bank.id} {bank.name} {bank.version} {bank.status}")
