"""What the command prints: JSON for programs, tables for people."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from unicodedata import category

import orjson
import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]

Row = TypeVar("Row")

_COLOURS = {
    **dict.fromkeys(("success", "responded", "delivered"), "green"),
    **dict.fromkeys(("failed", "rejected", "expired", "urgent"), "red"),
    **dict.fromkeys(("cancelled", "high"), "yellow"),
    **dict.fromkeys(("awaiting_approval", "running", "pending"), "cyan"),
}
# Into a pipe nothing may be cut off to fit a terminal that is not there.
_PIPE_WIDTH = 240


def as_json(value: Any) -> None:
    """One JSON document on one line; times in RFC 3339 with Z."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())


def at_most(limit: int, found: list[Row]) -> list[Row]:
    """The first `limit` of what was found, and a word to the person where there is more."""
    if len(found) > limit:
        note(f"There are more than these {limit}; --limit {limit * 2} shows further ones.")
    return found[:limit]


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table of text."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold", no_wrap=column in {"id", "name"})
    for row in rows:
        drawn.add_row(*map(cell, row))
    console().print(drawn)


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line; those without a value are left out."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="bold")
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", (), [], {}):
            drawn.add_row(name, cell(value))
    console().print(drawn)


def show(value: Any, *, json: bool) -> None:
    """A value with all its fields."""
    if json:
        as_json(value)
    else:
        fields((name, getattr(value, name)) for name in value.__slots__)


def cell(value: Any) -> str:
    """A value as a person reads it."""
    from rich.markup import escape

    if isinstance(value, str) and value in _COLOURS:
        return f"[{_COLOURS[value]}]{value}[/]"
    return escape(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.1f}"
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    return visible(value if isinstance(value, str) else orjson.dumps(value).decode())


def visible(text: str) -> str:
    """Text of strangers for a terminal, which obeys some characters and hides others: these by their numbers."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" or category(one) == "Zs" else _number(one) for one in text)


def _number(character: str) -> str:
    return f"\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{ord(character):04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"


def document(value: Any) -> None:
    """A result: a string as it is, anything else as indented JSON. A terminal is not told to do anything by it."""
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    typer.echo(visible(text) if sys.stdout.isatty() else text)


def note(text: str) -> None:
    """A word to the person that is no result, so that it stays out of pipes."""
    typer.secho(visible(text), err=True, dim=True)


def console() -> "Console":
    """The console for results."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
