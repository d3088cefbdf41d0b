"""Compares two contracts: what breaks payloads that were right, what is asked for now, what no longer is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Schema = Mapping[str, Any]
ChangeKind = Literal["breaking", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, at a path of the contract."""

    kind: ChangeKind
    path: str
    message: str


def changes(old: Schema, new: Schema, path: str = "") -> Iterator[Change]:
    """Between the schemas of two contracts, in the order of the names."""
    before, after = _kinds(old), _kinds(new)
    if after is not None and (before is None or not before <= after):
        was = "anything" if before is None else " or ".join(sorted(before))
        yield Change("breaking", path, f"It was {was} and must be {' or '.join(sorted(after))}.")
        return
    yield from _members(old, new, path)
    for name, below in (("items", f"{path}[]"), ("additionalProperties", f"{path}.*")):
        if name in old and name in new:
            yield from changes(old[name], new[name], below)


def _members(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    before: Schema = old.get("properties", {})
    after: Schema = new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted({*before, *after}):
        below = f"{path}.{name}" if path else name
        if name not in after:
            yield Change("removed", below, "It is no longer asked for.")
        elif name in is_required - was_required:
            yield Change("breaking", below, "It is required now.")
        elif name not in before:
            yield Change("added", below, "It is asked for now, and not required.")
        if name in before and name in after:
            yield from changes(before[name], after[name], below)


def _kinds(schema: Schema) -> frozenset[str] | None:
    """None: whatever."""
    said = schema.get("type")
    if said is None:
        return None
    return frozenset([said] if isinstance(said, str) else said)
