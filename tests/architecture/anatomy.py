"""The two kinds of import contract that import-linter lacks; pyproject.toml says what they are to check.

`anatomy`: inside a service imports point downwards only. Its layers are named there; every module that is in none of them is
domain. A service may have rooms, folders with a name of its own, each with its own part of the layers (`<room>.store`). `only`: an outside package may be imported by the modules named and by no others.
"""

from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class Anatomy(Contract):
    """Layers of a service, top first, one or more module names on a line, `domain` for all that have no line."""

    type_name = "anatomy"

    containers = fields.StringField()
    layers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        places = {name: place for place, line in enumerate(self.layers) for name in str(line).replace("|", " ").split()}
        upward = [
            (importer, imported)
            for service in graph.find_children(str(self.containers))
            for importer, imported in _imports_inside(graph, service)
            if _place(importer, places) > _place(imported, places)
        ]
        return ContractCheck(kept=not upward, metadata={"broken": upward})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}, which stands above it.")


class Only(Contract):
    """Who may import an outside package."""

    type_name = "only"

    packages = fields.ListField(subfield=fields.StringField())
    importers = fields.ListField(subfield=fields.StringField())
    inside = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        strangers = [
            (importer, imported)
            for imported in sorted(graph.modules)
            if any(_within(imported, str(package)) for package in self.packages)
            for importer in sorted(graph.find_modules_that_directly_import(imported))
            if any(_within(importer, str(place)) for place in self.inside)
            and not any(_matches(importer, str(allowed)) for allowed in self.importers)
        ]
        return ContractCheck(kept=not strangers, metadata={"broken": strangers})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}.")


def _imports_inside(graph: ImportGraph, service: str) -> Iterator[tuple[str, str]]:
    for importer in sorted({service} | graph.find_descendants(service)):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            if _within(imported, service) and imported != service:
                yield importer, imported


def _place(module: str, places: dict[str, int]) -> int:
    """The layer of `services.<service>[.<room>].<name>[.…]`, counted from the top."""
    parts = module.split(".")[2:4]
    layers = [places[name] for name in parts if name in places]
    return layers[0] if layers else places["domain" if parts else "models"]


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _matches(module: str, pattern: str) -> bool:
    """`*` stands for one name; a pattern covers what is in the package too."""
    wanted, given = pattern.split("."), module.split(".")
    return len(given) >= len(wanted) and all(w in ("*", g) for w, g in zip(wanted, given, strict=False))
