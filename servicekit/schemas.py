"""JSON Schema 2020-12: compiled once, asked often."""

from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from servicekit.errors import ServiceError, Violation, invalid_argument

MAX_FAULTS = 20


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

    def fits(self, instance: Any) -> bool:
        """Whether the instance obeys the schema."""
        return self._validator is None or bool(self._validator.is_valid(instance))

    def faults(self, instance: Any) -> Sequence[Violation]:
        """Every fault with its path, the first 20; empty where the instance fits."""
        if self._validator is None or self.fits(instance):
            return ()
        found = []
        for error in self._validator.iter_errors(instance):
            path = "/".join(map(str, error.instance_path))
            found.append(Violation(f"/{path}", error.message[:500]))
            if len(found) == MAX_FAULTS:
                break
        return found


def schema_invalid(field: str, why: str) -> ServiceError:
    """For a schema that is none."""
    message = f"{field} is no valid JSON Schema: {why}"
    return invalid_argument("SCHEMA_INVALID", message, [Violation(field, why)])


def _compile(document: Any, field: str) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            document,
            retriever=_refuse,
            # Takes time linear in the text: a schema's author must not be able to stop the service with a pattern.
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise schema_invalid(field, str(error).splitlines()[0][:500]) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is outside the schema, and nothing is fetched")
