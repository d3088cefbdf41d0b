"""The commands that an administrator allows to be run as MCP servers, and what their processes get of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

# What a process gets of ours; its own comes from the administrator.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True, slots=True)
class Command:
    """What an administrator has allowed to be run."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: str


def environment(inherited: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """What a process gets: little of ours, and its own."""
    return {name: inherited[name] for name in INHERITED if name in inherited} | dict(own)


def commands(file: Path | None) -> Mapping[str, Command]:
    """What the administrator's file allows, by name; nothing without one.

    Raises:
        SystemExit: saying what is wrong with it.
    """
    if file is None:
        return {}
    try:
        found = orjson.loads(file.read_bytes())
        return {name: _command(name, fields) for name, fields in found.items()}
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise SystemExit(f"QMCP_TOOLS_STDIO_COMMANDS_FILE ({file}) cannot be used: {error}") from None


def _command(name: str, fields: Mapping[str, object]) -> Command:
    argv, own, folder = fields["command"], fields.get("env", {}), fields.get("folder", "/")
    unknown = fields.keys() - {"command", "env", "folder"}
    if unknown:
        raise ValueError(f"{name} has {min(unknown)!r}, which there is not")
    if not (isinstance(argv, list) and argv and all(isinstance(each, str) for each in argv)):
        raise ValueError(f"{name}.command is no list of words")
    if not (isinstance(own, dict) and all(isinstance(each, str) for each in own.values())):
        raise ValueError(f"{name}.env has values that are no text")
    if not isinstance(folder, str):
        raise TypeError(f"{name}.folder is no text")
    return Command(tuple(argv), own, folder)
