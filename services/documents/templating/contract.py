"""What a Jinja template asks for: a JSON Schema, where each path is used, and what a payload lacks of it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.placeholders.models import Entry
from services.documents.templating.reading import Reader
from services.documents.templating.rendering import Parsed, told
from services.documents.templating.wanted import Wanted

# Different values that one template may ask for, and places of them that are told.
MAX_PATHS, MAX_USES = 2000, 2000
PLACE = ("part", "paragraph", "snippet")
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
    if sum(1 for _ in islice(root.all(), MAX_PATHS + 1)) > MAX_PATHS:
        message = f"The template asks for more than {MAX_PATHS} different values."
        raise TemplateRefusedError(Fault.LIMITS, message)
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


def uses(root: Wanted) -> list[dict[str, str]]:
    """Each path with each place that uses it."""
    found = ({"path": each.path, **dict(zip(PLACE, place, strict=True))} for each in root.all() for place in each.uses)
    return list(islice(found, MAX_USES))


def uses_of_fields(found: Iterable[Entry], keys: Mapping[str, str]) -> list[dict[str, str]]:
    """The same of placeholders; a place that has one twice says it once."""
    named = [each for each in found if each.field_name]
    paths = [keys.get(each.field_name, each.field_name.lower()) for each in named]
    places = [(each.part, each.paragraph_path, each.original_text) for each in named]
    unique = dict.fromkeys(zip(paths, places, strict=True))
    return [{"path": path, **dict(zip(PLACE, place, strict=True))} for path, place in islice(unique, MAX_USES)]


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
