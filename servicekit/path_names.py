"""Names that clients choose and that stand in paths: each comes back by its path, escaped and plain, or is refused.

The contract marks such a field (`path_name`). What a path cannot carry follows from the routes: a slash only where the
route takes several segments, and no end that reads as an operation (`:wait`) of any service.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
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
VARIABLE = re.compile(r"\{([a-z_.]+)(=\*\*)?\}")
VERB = re.compile(r":([a-z_]+)$")
NOWHERE = {"", ".", ".."}

Check = Callable[[Message], list[Violation]]


def checks_of(service: ServiceDescriptor, request: Any) -> Check | None:
    """What looks at the names in a request; None where it has none of this kind."""
    marked = [*_marked(request, ())]
    if not marked:
        return None
    slashes = _slashes(service)
    allowed = [slashes.get(_field(request, path), slashes.get(path[-1], True)) for path in marked]

    def check(message: Message) -> list[Violation]:
        found = []
        for path, has_slashes in zip(marked, allowed, strict=True):
            name: Any = message
            for step in path:
                name = getattr(name, step)
            if fault := fault_of(name, has_slashes=has_slashes):
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


def _slashes(service: ServiceDescriptor) -> Mapping[str, bool]:
    """Whether routes take several segments for a field: for one of a resource by its full name, else by its name alone.

    A service may have resources of several kinds, and each a name.
    """
    found: dict[str, bool] = {}
    for method, rule in _routes(service):
        for variable in VARIABLE.finditer(rule):
            *within, name = variable[1].split(".")
            key = _field(method.input_type, (*within, name)) if within else name
            found[key] = found.get(key, True) and bool(variable[2])
    return found


def _field(message: Any, path: Sequence[str]) -> str:
    """The full name of a field of a message, or of one within it."""
    for step in path[:-1]:
        message = message.fields_by_name[step].message_type
    return str(message.fields_by_name[path[-1]].full_name)


def _routes(service: ServiceDescriptor) -> Iterator[tuple[Any, str]]:
    for method in service.methods:
        first = method.GetOptions().Extensions[annotations_pb2.http]
        for rule in (first, *first.additional_bindings):
            pattern = rule.WhichOneof("pattern")
            if pattern is not None:
                yield method, getattr(rule, pattern)


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
