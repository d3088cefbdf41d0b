"""Reads the payloads of a batch from a file: a JSON array, or JSON lines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read(path: Path) -> list[Mapping[str, Any]]:
    """The payloads, an object each.

    Raises:
        ValueError: naming the line, or the number, of what is none.
    """
    text = path.read_text("utf-8-sig")
    if text.lstrip().startswith("["):
        found = [(f"number {number}", each) for number, each in enumerate(json.loads(text), 1)]
    else:
        lines = enumerate(text.split("\n"), 1)
        found = [(f"line {number}", _parsed(line, number, path)) for number, line in lines if line.strip()]
    if wrong := [where for where, each in found if not isinstance(each, dict)]:
        raise ValueError(f"{path}, {wrong[0]}: a payload is an object")
    return [each for _, each in found]


def _parsed(line: str, number: int, path: Path) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: {error.msg}") from None
