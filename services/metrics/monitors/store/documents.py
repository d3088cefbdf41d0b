"""Definitions and actions as JSON documents, and back."""

from typing import Any

import orjson
from pydantic import TypeAdapter

from services.metrics.monitors.models import Action, Definition

_DEFINITIONS: TypeAdapter[Definition] = TypeAdapter(Definition)
_ACTIONS: TypeAdapter[Action] = TypeAdapter(Action)


def document(value: Definition | Action) -> str:
    """A definition or an action as JSON."""
    return orjson.dumps(value).decode()


def definition(text: str) -> Definition:
    return _DEFINITIONS.validate_json(text)


def action(text: str) -> Action:
    return _ACTIONS.validate_json(text)


def fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The columns of a row that a model has under the same names."""
    return {name: row[name] for name in names}
