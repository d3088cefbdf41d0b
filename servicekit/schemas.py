"""JSON Schema 2020-12, and 2019-09 and draft-07: compiled once, asked often, at a cost that is known before."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from servicekit.errors import ServiceError, Violation, invalid_argument
from servicekit.schema_costs import (
    MANY_DIGITS,
    PATTERN_MEMORY_BYTES,
    SchemaCosts,
    Size,
    TooCostlyError,
    measure,
    pattern_options,
)

MAX_FAULTS = 20
# About a twentieth of a second. What may need more is refused without a look.
MAX_EVALUATIONS = 4_000_000
# Every fault of a value is gathered, each with a copy of what is wrong, before the first is told.
MAX_EVALUATIONS_FOR_FAULTS = 20_000
MAX_AGAIN_FOR_FAULTS = 1_000_000
MAX_COPIED_FOR_FAULTS = 16 * 1024 * 1024
TOO_COSTLY = "is too large for this schema: to check it could take more than {:,} steps"
NOT_TOLD = "does not fit the schema, and is too large to say where"
# Characters, or bytes of protobuf: what has no more than these has as many values and levels at most. Numbers count by
# their digits.
SHORT = 512
LARGEST_SHORT = Size(SHORT, SHORT, SHORT, SHORT * MANY_DIGITS)
# By what a schema calls its `$schema`; all others are read as 2020-12.
OLDER = {
    "json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
    "json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
}
# What a byte of a schema takes at most once it is compiled.
COMPILED_BYTES = 20


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
        self._validator = None
        self._is_cheap_if_short = False
        self.memory_bytes = 0
        if document is not None:
            try:
                self._costs = SchemaCosts(document)
            except TooCostlyError as error:
                raise schema_invalid(field, str(error)) from None
            self._validator = _compile(document, field)
            self._is_cheap_if_short = self._costs.steps(LARGEST_SHORT) <= MAX_EVALUATIONS
            # What a cache counts: about what it takes, which may be far more than its text.
            self.memory_bytes = (
                COMPILED_BYTES * len(orjson.dumps(document)) + PATTERN_MEMORY_BYTES * self._costs.patterns
            )

    def can_check(self, instance: Any, times: int = 1) -> bool:
        """Whether it is known beforehand that checking the instance so often costs what nobody else notices."""
        if self._validator is None:
            return True
        return times * self._costs.steps(measure(instance)) <= MAX_EVALUATIONS

    def fits(self, instance: Any) -> bool:
        """Whether the instance obeys the schema; one that costs too much to check does not."""
        return self._validator is None or (self.can_check(instance) and bool(self._validator.is_valid(instance)))

    def faults(self, instance: Any, length: int = 0) -> Sequence[Violation]:
        """Every fault with its path, the first 20; empty where the instance fits.

        `length` is that of its text where it is known: what is short need not be measured first.
        """
        if self._validator is None:
            return ()
        if 0 < length <= SHORT and self._is_cheap_if_short and self._validator.is_valid(instance):
            return ()
        size = measure(instance)
        steps = self._costs.steps(size)
        if steps > MAX_EVALUATIONS:
            return (Violation("/", TOO_COSTLY.format(MAX_EVALUATIONS)),)
        if self._validator.is_valid(instance):
            return ()
        looked_at = self._costs.evaluations(size.depth)
        copied = looked_at * size.depth * size.characters
        # Patterns and numbers are looked at anew for it.
        again = steps - looked_at * size.values
        if (
            looked_at * size.values > MAX_EVALUATIONS_FOR_FAULTS
            or copied > MAX_COPIED_FOR_FAULTS
            or again > MAX_AGAIN_FOR_FAULTS
        ):
            return (Violation("/", NOT_TOLD),)
        return [
            Violation(f"/{'/'.join(map(str, error.instance_path))}", error.message[:500])
            for error in islice(self._validator.iter_errors(instance), MAX_FAULTS)
        ]


def schema_invalid(field: str, why: str) -> ServiceError:
    """For a schema that is none."""
    message = f"{field} is no valid JSON Schema: {why}"
    return invalid_argument("SCHEMA_INVALID", message, [Violation(field, why)])


def _compile(document: Any, field: str) -> jsonschema_rs.Validator:
    draft = str(document.get("$schema", "")) if isinstance(document, dict) else ""
    validator = OLDER.get(draft.partition("://")[2].rstrip("#"), jsonschema_rs.Draft202012Validator)
    try:
        return validator(
            document,
            retriever=_refuse,
            pattern_options=pattern_options(PATTERN_MEMORY_BYTES),
            # A vocabulary of 2020-12 only annotates by it; whoever writes `format: email` means it.
            validate_formats=True,
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise schema_invalid(field, str(error).splitlines()[0][:500]) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is outside the schema, and nothing is fetched")
