"""The shape of the signed lines of an export: one object under one name, with just the fields that it must have."""

from collections.abc import Mapping
from typing import Any


def fields_of(line: dict[str, Any], name: str, expected: Mapping[str, type]) -> dict[str, Any]:
    """What stands in a line under `name`.

    Raises:
        ValueError: when it has not the shape of it.
    """
    fields = line[name]
    if type(fields) is not dict or fields.keys() != expected.keys() or len(line) != 1:
        raise ValueError(f"the {name} has not the fields of one")
    for field, kind in expected.items():
        if type(fields[field]) is not kind:
            raise ValueError(f"the {name}'s {field} is not of its type")
    return fields
