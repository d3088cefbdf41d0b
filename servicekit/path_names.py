"""Names that clients choose and that stand in paths: each comes back by its path, escaped and plain, or is refused.

The contract marks such a field (`path_name`). What a path cannot carry follows from the routes: a slash only where the
route takes several segments, and no end that reads as an operation (`:wait`) of any service.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from google.api import annotations_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message

from servicekit.errors import Violation

# Looked up by name: servicekit imports no generated code.
OPTION = "qmcp.options.v1.path_name"
VARIABLE = re.compile(r"\{(?:[a-z_.]+\.)?([a-z_]+)(=\*\*)?\}")
VERB = re.compile(r":([a-z_]+)$")
NOWHERE = {"", ".", ".."}

Check = Callable[[Message], list[Violation]]


def checks_of(service: ServiceDescriptor, request: Any) -> Check | None:
    """What looks at the names in a request; None where it has none of this kind."""
    marked = [*_marked(request, ())]
    if not marked:
        return None
    one_segment = {found[1] for rule in _routes(service) for found in VARIABLE.finditer(rule) if not found[2]}

    def check(message: Message) -> list[Violation]:
        found = []
        for path in marked:
            name: Any = message
            for step in path:
                name = getattr(name, step)
            if fault := fault_of(name, has_slashes=path[-1] not in one_segment):
                found.append(Violation(".".join(path), fault))
        return found

    return check


def fault_of(name: str, *, has_slashes: bool) -> str:
    """Why a name cannot stand in a path; empty where it can, and where there is none."""
    if not name:
        return ""
    if "\\" in name or any(unicodedata.category(character) == "Cc" for character in name):
        return "must have no backslash and no control character: it stands in paths"
    if "/" in name and not has_slashes:
        return "must have no slash: it stands in paths"
    if NOWHERE & set(name.split("/")):
        return "must have no empty, '.' or '..' segment: it stands in paths"
    suffix = VERB.search(name)
    if suffix and suffix[1] in _verbs():
        return f"must not end with {suffix[0]!r}, which in a path is an operation"
    return ""


def _marked(message: Descriptor, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where the marked fields of a message stand, in it and in the messages within it."""
    option: Any = descriptor_pool.Default().FindExtensionByName(OPTION)
    for field in message.fields:
        if field.GetOptions().Extensions[option]:
            yield (*before, field.name)
        elif field.message_type is not None and not field.is_repeated and not before:
            yield from _marked(field.message_type, (field.name,))


def _routes(service: ServiceDescriptor) -> Iterator[str]:
    for method in service.methods:
        first = method.GetOptions().Extensions[annotations_pb2.http]
        for rule in (first, *first.additional_bindings):
            pattern = rule.WhichOneof("pattern")
            if pattern is not None:
                yield getattr(rule, pattern)


@cache
def _verbs() -> frozenset[str]:
    """The operations of all services: the edge reads every path by all of them."""
    described = FileDescriptorSet.FromString(files("qmcp").joinpath("descriptors.binpb").read_bytes())
    found = set()
    for file in described.file:
        for service in file.service:
            for method in service.method:
                first = method.options.Extensions[annotations_pb2.http]
                for rule in (first, *first.additional_bindings):
                    pattern = rule.WhichOneof("pattern")
                    suffix = VERB.search(getattr(rule, pattern)) if pattern else None
                    found |= {suffix[1]} if suffix else set()
    return frozenset(found)
