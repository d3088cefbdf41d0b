"""What a Jinja template asks for: a JSON Schema, where each path is used, and what a payload lacks of it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.documents.placeholders.models import Entry
from services.documents.templating.reading import Reader
from services.documents.templating.rendering import Parsed, told
from services.documents.templating.wanted import Wanted

INDEX = re.compile(r"\[-?[0-9]+\]")
SCHEMA = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Contract:
    """All that the parts of a template ask for together; `asked` has the paths by the id of an expression's node."""

    root: Wanted
    asked: Mapping[int, Sequence[str]] = field(default_factory=dict)


def contract(parts: Sequence[Parsed]) -> Contract:
    """Of these parts.

    Raises:
        TemplateRefusedError: naming the place of what no contract can be made of.
    """
    root, asked = Wanted(""), {}
    for each in parts:
        with told(each.source):
            reader = Reader(root, each.source)
            reader.read(each.tree)
        asked.update(reader.asked)
    return Contract(root, asked)


def schema(root: Wanted) -> dict[str, Any]:
    return {"$schema": SCHEMA, "type": "object", "properties": {}, **root.schema()}


def missing(root: Wanted, payload: Any) -> tuple[list[str], list[str]]:
    """The paths that a payload lacks: the required ones, the others; of an array those that any element lacks."""
    found: dict[str, bool] = {}
    for each, required in _absent(root, payload, required=True):
        found[each] = found.get(each, False) or required
    return [path for path, must in found.items() if must], [path for path, must in found.items() if not must]


def _absent(node: Wanted, value: Any, *, required: bool) -> Iterator[tuple[str, bool]]:
    for name, child in node.children.items():
        must = required and child.required
        if not isinstance(value, Mapping) or value.get(name) is None:
            # Of an object that is not there, what would be asked of it.
            below = list(_absent(child, {}, required=must)) if child.children else []
            yield from below or [(child.path, must)]
        else:
            yield from _absent(child, value[name], required=must)
    if node.elements is not None and isinstance(value, list):
        for element in value:
            yield from _absent(node.elements, element, required=required)
    if node.others is not None and isinstance(value, Mapping):
        for other in value.values():
            yield from _absent(node.others, other, required=required)


def path_in_contract(path: str) -> str:
    """`items[].name` of `items[0].name`."""
    return INDEX.sub("[]", path)


def of_fields(properties: Mapping[str, Any], asked: Collection[str], required: Collection[str]) -> dict[str, Any]:
    """Of a template with placeholders: what its skill says of each key that it asks for."""
    said = {key: properties.get(key, {"type": "string"}) for key in sorted(asked)}
    must = sorted(key for key in asked if key in required)
    return {"$schema": SCHEMA, "type": "object", "properties": said, **({"required": must} if must else {})}


def entries(root: Wanted, lacking: Collection[str]) -> Iterator[Entry]:
    """As lines of the replace log: each place of the template that asks for a value which is written or missing."""
    for each in root.all():
        lacks = each.path in lacking
        if each.written or lacks:
            for part, paragraph, tag in each.uses:
                status, reason = ("missing", "no_value") if lacks else ("replaced", "")
                yield Entry(
                    status,  # type: ignore[arg-type]
                    each.path,
                    part,
                    paragraph,
                    run_id="",
                    start=0,
                    end=len(tag),
                    original_text=tag,
                    new_text="",
                    reason=reason,
                )
