"""JSON Schemas of OpenAPI documents as schemas that stand by themselves: references, 3.0's own words, costs."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from servicekit.errors import ServiceError
from servicekit.json_values import is_deeper
from services.tools.catalogue import definitions
from services.tools.imports.documents import Document
from services.tools.imports.models import UnfitError
from services.tools.models import Json

# Of one schema, and of all in an import together.
MAX_NODES = 20_000
MAX_NODES_TOGETHER = 4_000_000
# What a Struct carries to everybody.
MAX_LEVELS = 30
NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
ONE = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else", "unevaluatedItems",
       "unevaluatedProperties", "contentSchema")  # fmt: skip
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
# They say nothing of what is valid.
LEFT_OUT = {"example", "examples", "xml", "externalDocs", "discriminator", "nullable", "readOnly", "writeOnly"}
NULL = {"type": "null"}
# How many references deep a schema goes that cannot be taken whole, one after the other.
SHORTER = (3, 1, 0)


class TooLargeError(Exception):
    """A schema has more nodes than one may."""


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes_left = MAX_NODES_TOGETHER

    def arguments(self, properties: Mapping[str, Any], **keywords: Json) -> tuple[Json, list[str]]:
        """The input schema of these properties, and what it does not say that the document says.

        Raises:
            UnfitError: it refers to what is not there, or the document costs too much altogether.
        """
        notes: list[str] = []
        for levels, patterns in [(None, True), (None, False), *((levels, False) for levels in SHORTER)]:
            made = _Made(self._document, levels, patterns=patterns)
            try:
                schema = {"type": "object", "properties": made.named(properties), **keywords, **made.definitions()}
                definitions.input_schema(schema)
                if not is_deeper(schema, MAX_LEVELS):
                    return schema, notes
                why = f"more than {MAX_LEVELS} levels"
            except ServiceError as error:
                why = error.message.rpartition(": ")[2]
            except (TooLargeError, RecursionError):
                why = f"more than {MAX_NODES:,} values"
            finally:
                self._nodes_left -= made.nodes
                if self._nodes_left < 0:
                    raise UnfitError("comes after schemas that are too large together")
            notes = [f"its schema is taken in part only ({why[:200]}): what is left out is not checked"]
        return {"type": "object", "properties": {name: {} for name in properties}, **keywords}, notes


class _Made:
    """A schema being made."""

    def __init__(self, document: Document, levels: int | None, *, patterns: bool) -> None:
        self._document = document
        self._levels = levels
        self._patterns = patterns
        self._names: dict[str, str] = {}
        self._pending: deque[tuple[str, int]] = deque()
        self._level = 0
        self.nodes = 0

    def named(self, properties: Mapping[str, Any]) -> dict[str, Json]:
        return {name: self._converted(schema) for name, schema in properties.items()}

    def definitions(self) -> dict[str, Json]:
        """All that is referred to, each once, so that what contains itself ends."""
        found: dict[str, Json] = {}
        while self._pending:
            reference, self._level = self._pending.popleft()
            found[self._names[reference]] = self._converted(self._document.target(reference))
        return {"$defs": found} if found else {}

    def _converted(self, schema: Any) -> Json:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TooLargeError
        if not isinstance(schema, dict):
            return schema if isinstance(schema, bool) else {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = self._reference(reference)
            # Beside a reference 3.0 knows nothing.
            return target if self._document.is_30 else {**self._keywords(schema), **target}
        return self._keywords(schema)

    def _reference(self, reference: str) -> dict[str, Json]:
        if self._levels is not None and self._level >= self._levels:
            return {}
        if reference not in self._names:
            self._document.target(reference)
            name = NOT_A_NAME.sub("_", reference.rpartition("/")[2])[:60] or "root"
            taken = set(self._names.values())
            self._names[reference] = name if name not in taken else f"{name}_{len(taken)}"
            self._pending.append((reference, self._level + 1))
        return {"$ref": f"#/$defs/{self._names[reference]}"}

    def _keywords(self, schema: dict[str, Any]) -> dict[str, Json]:
        made: dict[str, Json] = {}
        for keyword, value in schema.items():
            if keyword in LEFT_OUT or keyword.startswith("x-") or keyword == "$ref":
                continue
            if keyword in ONE:
                made[keyword] = self._converted(value)
            elif keyword in LISTS and isinstance(value, list):
                made[keyword] = [self._converted(one) for one in value]
            elif keyword in NAMED and isinstance(value, dict):
                made[keyword] = {
                    str(name): self._converted(one) for name, one in value.items() if not _is_read_only(one)
                }
            elif keyword != "pattern" or self._patterns:
                self.nodes += len(value) if isinstance(value, list | dict) else 0
                made[keyword] = value
        if isinstance(made.get("required"), list) and isinstance(schema.get("properties"), dict):
            # What is read only need not, and may not, be sent.
            read_only = {name for name, one in schema["properties"].items() if _is_read_only(one)}
            made["required"] = [name for name in made["required"] if name not in read_only]
        return _in_new_words(made, nullable=schema.get("nullable") is True) if self._document.is_30 else made


def _in_new_words(schema: dict[str, Json], *, nullable: bool) -> dict[str, Json]:
    """What 3.0 says otherwise than JSON Schema does."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    if isinstance(schema.get("required"), bool):
        del schema["required"]
    # OpenAPI 3.0.3: null is a value of an enum where it stands among its values, and then only.
    if not nullable or (isinstance(schema.get("enum"), list) and None not in schema["enum"]):
        return schema
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        return schema
    return {"anyOf": [schema, NULL]} if schema else schema


def _is_read_only(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("readOnly") is True


def members(document: Document, schema: Any) -> dict[str, Any] | None:
    """The properties of an object that says nothing which its properties do not; None where it says more."""
    schema = document.resolved(schema)
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return None
    told = {"type", "properties", "required", "additionalProperties", "description", "title", *LEFT_OUT} - {"nullable"}
    more = [keyword for keyword in schema if keyword not in told and not keyword.startswith("x-")]
    is_plain = schema.get("type", "object") == "object" and schema.get("additionalProperties") in {None, True, False}
    return schema if is_plain and not more else None


def all_properties(document: Document, schema: Any, depth: int = 8) -> Iterator[tuple[str, Any]]:
    """Properties of an object and of all that it is put together from."""
    schema = document.resolved(schema)
    if not isinstance(schema, dict) or depth == 0:
        return
    properties = schema.get("properties")
    yield from properties.items() if isinstance(properties, dict) else ()
    for keyword in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(keyword) or () if isinstance(schema.get(keyword), list) else ():
            yield from all_properties(document, one, depth - 1)
