"""The options that say for which tools a key or a role is."""

from typing import Annotated

import typer
from qmcp.client.access.models import ToolScope

ToolNames = Annotated[
    list[str] | None, typer.Option("--tool", help="Only tools of this name, `*` for any characters: billing/*.")
]
ToolTags = Annotated[list[str] | None, typer.Option("--tool-tag", help="Only tools that have this tag, or another so.")]
ToolLabels = Annotated[list[str] | None, typer.Option("--tool-label", help="Only tools that have this label: team=a.")]


def scopes_of(names: list[str] | None, tags: list[str] | None, labels: list[str] | None) -> list[ToolScope]:
    """The scope that was asked for; none where nothing was.

    Raises:
        typer.BadParameter: a label without its value.
    """
    if not (names or tags or labels):
        return []
    pairs = [label.partition("=") for label in labels or []]
    if any(not equals for _, equals, _ in pairs):
        raise typer.BadParameter("A label is KEY=VALUE.", param_hint="--tool-label")
    return [ToolScope(names=tuple(names or ()), tags=tuple(tags or ()), labels={key: value for key, _, value in pairs})]
