"""What people may be asked for about a run: the values that its payload lacks, what each must be, and where it goes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.documents.models import Answered
from services.documents.rendering.models import Contract
from services.documents.skills.models import Skill

Json = Any
# A value of its own: neither one of the elements of an array nor one of members whose names are not known.
PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
# As many are asked for at once.
MAX_ASKED = 100
NOT_BLANK = {"pattern": "\\S"}


def of_skill(skill: Skill, lacking: Sequence[str]) -> dict[str, Json]:
    """Of a skill with placeholders: the schema of each value, by its key."""
    known = set(skill.fields.values())
    properties = skill.payload_schema.get("properties", {})
    return {key: _of_value(properties.get(key, {})) for key in lacking if key in known}


def of_contract(contract: Contract, payload: Mapping[str, Json], lacking: Sequence[str]) -> dict[str, Json]:
    """Of a Jinja template: the same by paths (`customer.name`), where the payload has room for them."""
    asked = [path for path in lacking if PATH.fullmatch(path) and _has_room(payload, path)]
    return {path: _strict(_schema_at(contract.schema, path)) for path in asked[:MAX_ASKED]}


def put(payload: Mapping[str, Json], answers: Mapping[str, Answered]) -> dict[str, Json]:
    """A payload with what people have given; what it says itself stays."""
    made = dict(payload)
    for path, answered in answers.items():
        *above, last = path.split(".")
        parent = made
        for name in above:
            parent[name] = dict(parent.get(name) or {})
            parent = parent[name]
        if parent.get(last) is None:
            parent[last] = answered.value
    return made


def _has_room(payload: Mapping[str, Json], path: str) -> bool:
    value: Json = payload
    for name in path.split(".")[:-1]:
        value = value.get(name)
        if value is None:
            return True
        if not isinstance(value, Mapping):
            return False
    return True


def _schema_at(schema: Mapping[str, Json], path: str) -> Mapping[str, Json]:
    for name in path.split("."):
        schema = schema.get("properties", {}).get(name, {})
    return schema


def _strict(schema: Mapping[str, Json]) -> dict[str, Json]:
    """It, and a text that is asked for is not blank."""
    kinds = schema.get("type", [])
    return {**schema, **(NOT_BLANK if "string" in ([kinds] if isinstance(kinds, str) else kinds) else {})}


def _of_value(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Of one value: as the skill has it, but that it is there. What refers to other schemas the skill checks itself."""
    [first, *_] = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"] or [{}]
    kind, title = first.get("type"), schema.get("title", "")
    told = {"title": title} if title else {}
    if kind == "string":
        return {"type": "string", **NOT_BLANK, **told}
    if kind == "array" and first.get("items", {}).get("type") == "string":
        return {"type": "array", "items": {"type": "string", **NOT_BLANK}, "minItems": 1, **told}
    return {"type": kind, **told} if kind in {"number", "integer", "boolean"} else told
