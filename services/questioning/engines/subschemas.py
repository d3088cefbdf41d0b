"""What a JSON Schema asks of a value that is known in part: which schemas apply, and which answers decide that."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from servicekit.errors import Violation
from servicekit.schemas import Schema, schema_invalid

Path = tuple[str, ...]
Document = Mapping[str, Any]
# What a value may be instead of each other, each with all the schemas that it then obeys.
Choice = Sequence[Sequence[Document]]

# Schemas that contain themselves are followed so far.
MAX_DEPTH = 16
# Parts are compiled by themselves, with the definitions that they may refer to: so many times the whole at most, and so
# many bytes in any case.
TIMES_COMPILED = 8
FREE_BYTES = 64 * 1024
REFERENCE = b'"$ref"'
BRANCHES = ("oneOf", "anyOf")


@dataclass(slots=True)
class Applying:
    """The schemas that apply to one object, and the fields that decide about further ones."""

    schemas: list[Document] = field(default_factory=list)
    # Properties of the object that have to be known before it is certain what applies.
    deciding: list[str] = field(default_factory=list)
    # The values that a deciding property may have, where it tells branches apart.
    branches: dict[str, list[Any]] = field(default_factory=dict)


class Subschemas:
    """Reads one schema; what it compiles it keeps."""

    def __init__(self, root: Document) -> None:
        self._root = root
        self._compiled: dict[int, Schema] = {}
        self._definitions = {name: root[name] for name in ("$defs", "definitions") if name in root}
        # Of text, what is compiled at most.
        self.max_bytes = TIMES_COMPILED * len(orjson.dumps(root)) + FREE_BYTES
        self._left = self.max_bytes

    def applying(self, schemas: list[Document], value: Mapping[str, Any], settled: Container[str]) -> Applying:
        """What applies to an object.

        Args:
            schemas: those that apply as such.
            value: the object as far as it is known.
            settled: properties that will not be known: as good as absent.
        """
        found = Applying()
        for schema in schemas:
            self._gather(schema, value, settled, found, 0)
        return found

    def flattened(self, schemas: list[Document]) -> list[Document]:
        """The schemas of a single value, with those that they refer to."""
        found: list[Document] = []
        waiting: list[tuple[Any, int]] = [(schema, 0) for schema in schemas]
        while waiting:
            schema, depth = waiting.pop(0)
            if isinstance(schema, dict) and depth <= MAX_DEPTH:
                found.append(schema)
                waiting += [(each, depth + 1) for each in (*self._referred(schema), *schema.get("allOf", ()))]
        return found

    def single(self, schemas: list[Document]) -> tuple[list[Document], list[Choice]]:
        """The schemas of a single value, and what it may be by their branches.

        Null is nothing that is asked for, so one branch beside it is no choice: the value obeys that.
        """
        found = self.flattened(schemas)
        choices: list[Choice] = []
        for schema in list(found):
            for keyword in BRANCHES:
                branches = [self.flattened([each]) for each in schema.get(keyword, ()) if not _is_null(each)]
                if len(branches) == 1:
                    found += branches[0]
                elif branches:
                    choices.append(branches)
        return found, choices

    def _gather(
        self, schema: Any, value: Mapping[str, Any], settled: Container[str], found: Applying, depth: int
    ) -> None:
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return
        found.schemas.append(schema)
        for each in (*self._referred(schema), *schema.get("allOf", ())):
            self._gather(each, value, settled, found, depth + 1)
        for each in self._conditional(schema, value, settled, found):
            self._gather(each, value, settled, found, depth + 1)
        for each in self._dependent(schema, value):
            self._gather(each, value, settled, found, depth + 1)
        for keyword in BRANCHES:
            if keyword in schema:
                branch = self._branch(schema[keyword], value, settled, found)
                self._gather(branch, value, settled, found, depth + 1)

    def _referred(self, schema: Document) -> Iterator[Any]:
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            target: Any = self._root
            for part in reference[1:].split("/")[1:]:
                name = unquote(part).replace("~1", "/").replace("~0", "~")
                target = target.get(name) if isinstance(target, dict) else None
            yield target

    def _conditional(
        self, schema: Document, value: Mapping[str, Any], settled: Container[str], found: Applying
    ) -> Iterator[Any]:
        if "if" not in schema:
            return
        open_names = [name for name in self._named(schema["if"], 0) if name not in value and name not in settled]
        if open_names:
            # Of what is absent nearly every condition holds, so nothing follows from that.
            found.deciding.extend(open_names)
        else:
            yield schema.get("then" if self.fits(schema["if"], value) else "else")

    def _dependent(self, schema: Document, value: Mapping[str, Any]) -> Iterator[Any]:
        for name, needs in schema.get("dependentRequired", {}).items():
            if name in value:
                yield {"required": needs}
        for keyword in ("dependentSchemas", "dependencies"):
            for name, needs in schema.get(keyword, {}).items():
                if name in value:
                    yield {"required": needs} if isinstance(needs, list) else needs

    def _branch(self, branches: list[Any], value: Mapping[str, Any], settled: Container[str], found: Applying) -> Any:
        """The branch that applies; None while an answer has to decide."""
        possible = [branch for branch in branches if self._possible(branch, value, settled)]
        if len(possible) == 1:
            return possible[0]
        telling: dict[str, list[Any]] = {}
        for branch in possible:
            for name, allowed in self._fixed(branch).items():
                telling.setdefault(name, []).extend(each for each in allowed if each not in telling.get(name, ()))
        open_names = [name for name in sorted(telling) if name not in value and name not in settled]
        if open_names:
            found.deciding.append(open_names[0])
            found.branches[open_names[0]] = telling[open_names[0]]
            return None
        return possible[0] if possible else None

    def _possible(self, branch: Any, value: Mapping[str, Any], settled: Container[str]) -> bool:
        if not isinstance(branch, dict):
            return branch is True
        resolved = next(self._referred(branch), branch)
        kinds = resolved.get("type", "object")
        if kinds != "object" and "object" not in kinds:
            return False
        properties = resolved.get("properties", {})
        return not any((name in settled and name not in value) for name in resolved.get("required", ())) and all(
            self.fits(each, value[name]) for name, each in properties.items() if name in value
        )

    def _fixed(self, branch: Any) -> dict[str, list[Any]]:
        """The properties of which a branch allows certain values only."""
        resolved = next(self._referred(branch), branch) if isinstance(branch, dict) else {}
        fixed = {}
        for name, each in resolved.get("properties", {}).items():
            if isinstance(each, dict) and ("const" in each or "enum" in each):
                fixed[name] = [each["const"]] if "const" in each else list(each["enum"])
        return fixed

    def _named(self, schema: Any, depth: int) -> list[str]:
        """The properties of the object that a condition looks at."""
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return []
        names = [*schema.get("properties", {}), *schema.get("required", ())]
        inner = [*self._referred(schema), schema.get("not")]
        inner += [each for keyword in ("allOf", "anyOf", "oneOf") for each in schema.get(keyword, ())]
        for each in inner:
            names += self._named(each, depth + 1)
        return sorted(dict.fromkeys(names))

    def fits(self, schema: Any, value: Any) -> bool:
        """Whether a value obeys a part of the schema, whose references lead into the whole."""
        return schema if isinstance(schema, bool) else self._schema(schema).fits(value)

    def faults(self, schema: Document, value: Any) -> Sequence[Violation]:
        """What is wrong with a value by a part of the schema."""
        return self._schema(schema).faults(value)

    def _schema(self, part: Document) -> Schema:
        # Parts live as long as the whole does, so nothing else has their place.
        if id(part) not in self._compiled:
            text = orjson.dumps(part)
            document = {**self._definitions, **part} if REFERENCE in text else part
            self._left -= len(text) if document is part else len(orjson.dumps(document))
            if self._left < 0:
                raise schema_invalid(
                    "schema", "its parts, each with all definitions, are too much to check by themselves"
                )
            self._compiled[id(part)] = Schema(document, "schema")
        return self._compiled[id(part)]


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "null" or schema.get("const", schema) is None)
