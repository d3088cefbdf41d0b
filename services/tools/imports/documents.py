"""OpenAPI documents: read from JSON or YAML within bounds, and their references followed within them."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import yaml
from referencing import Registry
from referencing.exceptions import CannotDetermineSpecification, Unresolvable
from referencing.jsonschema import DRAFT202012

from services.tools import errors
from services.tools.imports.models import UnfitError

# YAML is read by Python, at about a megabyte a second.
MAX_YAML_BYTES = 3_000_000
MAX_VALUES = 2_000_000
MAX_DEPTH = 200
# References that lead to references.
MAX_HOPS = 20
VERSIONS = ("3.0.", "3.1.")
ADDRESS = "urn:document"
METHODS = ("get", "head", "post", "put", "patch", "delete")


class _Loader(yaml.SafeLoader):
    """YAML as OpenAPI has it: what JSON has, and no other types (dates, `on`, numbers with colons)."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - what the library looks at

    def compose_node(self, parent: Any, index: Any) -> Any:
        # A few lines of them may stand for billions.
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases (`*name`) are not taken; write out what they stand for")
        return super().compose_node(parent, index)


for tag, pattern, first in (
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


class Document:
    """A document whose references can be followed."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.is_30 = str(root["openapi"]).startswith(VERSIONS[0])
        registry: Registry[Any] = Registry().with_resource(ADDRESS, DRAFT202012.create_resource(root))
        self._resolver = registry.resolver(ADDRESS)

    def target(self, reference: str) -> Any:
        """What a reference leads to.

        Raises:
            UnfitError: it is not within the document.
        """
        if not reference.startswith("#"):
            raise UnfitError(f"refers to {reference[:200]}, which is outside the document, and nothing is fetched")
        try:
            return self._resolver.lookup(reference).contents
        except (Unresolvable, CannotDetermineSpecification, ValueError, TypeError, LookupError):
            raise UnfitError(f"refers to {reference[:200]}, which is not in the document") from None

    def resolved(self, value: Any) -> Any:
        """A value, or what its `$ref` leads to."""
        for _ in range(MAX_HOPS):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            value = self.target(value["$ref"])
        raise UnfitError("has references that lead to each other without end")

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """Each path with a method, the path's item and the operation."""
        paths = self.root.get("paths")
        for path, item in paths.items() if isinstance(paths, dict) else ():
            if isinstance(item, dict):
                operations = ((method, item.get(method)) for method in METHODS)
                yield from ((path, method.upper(), item, one) for method, one in operations if isinstance(one, dict))


def read(text: str | bytes, field: str) -> Document:
    """A document from its text.

    Raises:
        ServiceError: DOCUMENT_INVALID.
    """
    try:
        root = orjson.loads(text)
    except orjson.JSONDecodeError:
        root = _from_yaml(text, field)
    version = root.get("openapi") if isinstance(root, dict) else None
    if not isinstance(version, str) or not version.startswith(VERSIONS):
        raise errors.document_invalid(field, "it says of no version 3.0 or 3.1 that it is one (`openapi: 3.1.0`)")
    _require_bounded(root, field)
    return Document(root)


def _from_yaml(text: str | bytes, field: str) -> Any:
    if len(text) > MAX_YAML_BYTES:
        raise errors.document_invalid(field, f"it is no JSON, and YAML is taken up to {MAX_YAML_BYTES:,} bytes")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:300]
        raise errors.document_invalid(field, f"it is neither JSON nor YAML: {why}") from None


def _require_bounded(root: Any, field: str) -> None:
    values = 0
    pending = [(root, 0)]
    while pending:
        value, depth = pending.pop()
        values += 1
        if values > MAX_VALUES or depth > MAX_DEPTH:
            why = f"it has more than {MAX_VALUES:,} values, or more than {MAX_DEPTH} levels"
            raise errors.document_invalid(field, why)
        if isinstance(value, dict):
            # YAML has statuses as numbers.
            for key in [key for key in value if not isinstance(key, str)]:
                value[str(key)] = value.pop(key)
            pending.extend((one, depth + 1) for one in value.values())
        elif isinstance(value, list):
            pending.extend((one, depth + 1) for one in value)
