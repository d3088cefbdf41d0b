"""JSON Schema 2020-12: compiled once a version of a tool, asked on each invocation."""

from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from servicekit.errors import Violation
from services.tools import errors

MOST_FAULTS = 20


class Schema:
    """A compiled schema; None takes everything."""

    def __init__(self, document: Any, field: str) -> None:
        """Compiles.

        Args:
            document: the schema, or None.
            field: what to call it when it is not valid.

        Raises:
            ServiceError: SCHEMA_INVALID.
        """
        self._validator = None if document is None else _compile(document, field)

    def faults(self, instance: Any) -> Sequence[Violation]:
        """Every fault with its path, the first 20; empty where the instance fits."""
        if self._validator is None or self._validator.is_valid(instance):
            return ()
        found = []
        for error in self._validator.iter_errors(instance):
            path = "/".join(map(str, error.instance_path))
            found.append(Violation(f"/{path}", error.message[:500]))
            if len(found) == MOST_FAULTS:
                break
        return found


def input_schema(document: Any) -> Schema:
    """The schema of arguments, which are always an object."""
    if document is not None and document.get("type", "object") != "object":
        raise errors.schema_invalid("input_schema", "its type must be object, because arguments have names")
    return Schema(document, "input_schema")


def output_schema(document: Any) -> Schema:
    """The schema of a result."""
    return Schema(document, "output_schema")


def _compile(document: Any, field: str) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            document,
            retriever=_refuse,
            # Takes time linear in the text: a schema's author must not be able to stop the service with a pattern.
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise errors.schema_invalid(field, str(error).splitlines()[0][:500]) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is outside the schema, and nothing is fetched")
