"""Makes the root of the client: one class of all services, async and sync, and the names that users import."""

import ast
from collections import Counter
from collections.abc import Mapping

HEADER = "# Generated from the folders of the services by client/generate. `make generate` writes it again.\n"
_CLIENT = '''"""The client {module}."""

{imports}


class {name}({bases}):
    """Calls QMCP over gRPC: all of it through the edge, or one service alone. {belongs}

    Every method raises a `QmcpError` when it fails, and has sent the call again before where that could help.
    """
'''
_PACKAGE = '''"""The Python client of QMCP: `Client`, and `AsyncClient` for asyncio."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
{imports}

__all__ = {names}

# Each is imported when it is asked for: the command line needs few of them, and gRPC takes most of a second.
_HOMES = {homes}


def __getattr__(name: str) -> Any:
    """The class of this name, from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    return getattr(import_module(_HOMES[name]), name)
'''
# Not of a service, and not an error.
_OTHERS = {
    "AsyncClient": "qmcp.client.aio",
    "Client": "qmcp.client.sync",
    "Health": "qmcp.client.calling.health",
    "HumanRequestConflictError": "qmcp.client.compat",
    "HumanRequestExpiredError": "qmcp.client.compat",
    "HumanRequestNotFoundError": "qmcp.client.compat",
    "MCPClient": "qmcp.client.compat",
    "MCPClientError": "qmcp.client.compat",
    "ReceiptVerification": "qmcp.client.tools.verification",
    "Retries": "qmcp.client.calling.retries",
}
# Errors are made of it; nobody catches it.
_INTERNAL = {"Refusal"}


def sources(package: str, services: list[str], files: Mapping[str, str]) -> dict[str, str]:
    """The modules of the root, by their paths."""
    return {
        f"{package}/aio.py": _client("aio", "Async", services, files, "Belongs to one event loop."),
        f"{package}/sync.py": _client("sync", "", services, files, "Threads may share it."),
        f"{package}/__init__.py": _package(package, services, files),
    }


def _client(module: str, prefix: str, services: list[str], files: Mapping[str, str], belongs: str) -> str:
    bases = {service: _calls(files[f"qmcp/client/{service}/{module}.py"], prefix) for service in services}
    imports = "\n".join(f"from qmcp.client.{service}.{module} import {base}" for service, base in bases.items())
    text = _CLIENT.format(
        module="for asyncio" if prefix else "for ordinary code",
        imports=imports,
        name=f"{prefix}Client",
        bases=", ".join(bases.values()),
        belongs=belongs,
    )
    return f"{HEADER}{text}"


def _calls(text: str, prefix: str) -> str:
    """The class of a service's calls."""
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    [found] = [node.name for node in classes if any(ast.unparse(base) == f"{prefix}Calls" for base in node.bases)]
    return found


def _package(package: str, services: list[str], files: Mapping[str, str]) -> str:
    modules = {f"qmcp.client.{service}.models": f"{package}/{service}/models.py" for service in services}
    modules["qmcp.client.errors"] = f"{package}/errors.py"
    found = [(name, module) for module, path in modules.items() for name in _classes(files[path])]
    # A name that two services have says nothing here; it is imported from the service's models.
    often = Counter(name for name, _ in found)
    homes = dict(sorted([*((name, module) for name, module in found if often[name] == 1), *_OTHERS.items()]))
    imports = "\n".join(f"    from {module} import {name}" for name, module in homes.items())
    return HEADER + _PACKAGE.format(imports=imports, names=sorted(homes), homes=homes)


def _classes(text: str) -> list[str]:
    classes = (node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    return [name for name in classes if not name.startswith("_") and name not in _INTERNAL]
