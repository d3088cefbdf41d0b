"""Where subcommands are found: in the folders `commands` of the client, a module a command, of the command's name."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import typer
from typer.core import TyperGroup
from typer.main import get_command as built

_CLIENT = Path(__file__).resolve().parents[1]
_STYLE: Literal["markdown"] = "markdown"


class CommandFolders(TyperGroup):
    """The subcommands of every folder. Only the one that is wanted is imported, because start-up is what users feel."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - it is typer's signature
        """The names, in their order."""
        return sorted(modules())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - it is typer's signature
        """The subcommand of this name; None where there is none."""
        module = modules().get(cmd_name)
        if module is None:
            return None
        command = built(import_module(module).app)
        command.name = cmd_name
        return command


@cache
def modules() -> dict[str, str]:
    """The module of every subcommand, by its name."""
    # In order, so that of two folders with a command of one name always the same has it.
    found = sorted((file for file in _CLIENT.glob("*/commands/*") if not file.name.startswith("_")), reverse=True)
    return {file.stem: f"qmcp.client.{file.parts[-3]}.commands.{file.stem}" for file in found}


@cache
def advice() -> dict[str, str]:
    """What to do next, by the reason of a refusal, as every service has it."""
    packages = sorted({module.rpartition(".")[0] for module in modules().values()})
    return {reason: text for package in packages for reason, text in import_module(package).ADVICE.items()}


def group(about: str) -> typer.Typer:
    """A subcommand that has subcommands of its own."""
    return typer.Typer(help=about, no_args_is_help=True, add_completion=False, rich_markup_mode=_STYLE)


def single() -> typer.Typer:
    """A subcommand that has none."""
    return typer.Typer(add_completion=False, rich_markup_mode=_STYLE)
