"""A value that a template asks for: its kinds, what of it is asked for, and where."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.documents.templating.sandbox import LimitsReachedError

# What any JSON Schema of a contract stays within, however it is carried.
MAX_DEPTH = 12
SCALAR = ["string", "number", "boolean"]


@dataclass(slots=True)
class Wanted:
    """One path of a contract."""

    path: str
    depth: int = 0
    required: bool = False
    written: bool = False
    # What it must be by what is done with it: `string`, `number`.
    kinds: set[str] = field(default_factory=set)
    children: dict[str, "Wanted"] = field(default_factory=dict)
    # Of an array: each. Of an object whose names are not known: each of its values.
    elements: "Wanted | None" = None
    others: "Wanted | None" = None
    # Part, paragraph and tag, each place once.
    uses: dict[tuple[str, str, str], None] = field(default_factory=dict)

    def child(self, name: str) -> "Wanted":
        path = f"{self.path}.{name}" if self.path else name
        return self.children.setdefault(name, self._below(path))

    def element(self) -> "Wanted":
        self.elements = self.elements or self._below(f"{self.path}[]")
        return self.elements

    def other(self) -> "Wanted":
        self.others = self.others or self._below(f"{self.path}.*")
        return self.others

    def schema(self) -> dict[str, Any]:
        if self.elements is not None:
            return {"type": "array", "items": self.elements.schema()}
        if self.children or self.others is not None:
            required = sorted(name for name, each in self.children.items() if each.required)
            properties = {name: self.children[name].schema() for name in sorted(self.children)}
            made: dict[str, Any] = {"type": "object", "properties": properties}
            made |= {"required": required} if required else {}
            return made | ({"additionalProperties": self.others.schema()} if self.others is not None else {})
        if len(self.kinds) == 1:
            return {"type": next(iter(self.kinds))}
        return {"type": SCALAR} if self.written or self.kinds else {}

    def _below(self, path: str) -> "Wanted":
        if self.depth == MAX_DEPTH:
            raise LimitsReachedError(f"asks for what is nested deeper than {MAX_DEPTH} levels")
        return Wanted(path, self.depth + 1)

    def all(self) -> Iterator["Wanted"]:
        """Those below it, each before those that are below it."""
        for each in (*self.children.values(), self.elements, self.others):
            if each is not None:
                yield each
                yield from each.all()
