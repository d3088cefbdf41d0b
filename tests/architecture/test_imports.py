"""Who may import whom: the contracts of pyproject.toml hold, and each of them catches what it is there for."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

LINT = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]

# One module each that breaks one contract: its path in a tree of stand-ins, what it imports, the contract's name.
OFFENCES = [
    ("services/a/registry.py", "services.b.registry", "No service imports another"),
    ("services/a/registry.py", "gateway", "Services import servicekit and the generated code"),
    ("services/a/registry.py", "qmcp.client", "Services import servicekit and the generated code"),
    ("servicekit/postgres.py", "services.a.models", "servicekit knows no service"),
    ("servicekit/postgres.py", "qmcp.a.v1.a_pb2", "servicekit knows no service"),
    ("gateway/pages.py", "servicekit.postgres", "The edge and the client know the contract only"),
    ("qmcp/client/sync.py", "services.a.models", "The edge and the client know the contract only"),
    ("qmcp/a/v1/a_pb2.py", "servicekit.postgres", "The generated code imports nothing of ours"),
    ("services/a/store.py", "services.a.registry", "Inside a service imports point downwards"),
    ("services/a/models.py", "services.a.errors", "Inside a service imports point downwards"),
    ("services/a/registry.py", "services.a.messages", "Inside a service imports point downwards"),
    ("services/a/messages.py", "services.a.servicer", "Inside a service imports point downwards"),
    ("services/a/room/store.py", "services.a.room.ledger", "Inside a service imports point downwards"),
    ("services/a/room/ledger.py", "services.a.messages", "Inside a service imports point downwards"),
    ("services/a/room/ledger.py", "services.a.hall.door", "Rooms of a service"),
    ("services/a/registry.py", "asyncpg", "SQL stands in store only"),
    ("services/a/room/ledger.py", "asyncpg", "SQL stands in store only"),
    ("services/a/servicer.py", "asyncpg.exceptions", "SQL stands in store only"),
    ("services/a/registry.py", "grpc", "The wire stands in servicer, peers and server only"),
    ("services/a/store.py", "grpc.aio", "The wire stands in servicer, peers and server only"),
    ("services/a/registry.py", "qmcp.a.v1.a_pb2", "Messages of the contract stop at messages"),
    ("services/a/registry.py", "qdrant_client", "Qdrant is called in vectors only"),
]
MODULES = ("registry", "models", "errors", "messages", "servicer", "server", "store", "room/ledger", "room/store")


def test_the_import_contracts_hold() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "gen", ROOT / "client")))}
    checked = subprocess.run(LINT, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small tree of the same shape with two services in it, and the contracts of ours."""
    root = tmp_path_factory.mktemp("house")
    contracts = (ROOT / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(contracts[contracts.index("[tool.importlinter]") :])
    tomllib.loads((root / "pyproject.toml").read_text())
    for service in ("a", "b"):
        for module in MODULES:
            _write(root / f"services/{service}/{module}.py")
    _write(root / "services/a/hall/door.py")
    (root / "services/a/hall/door.py").write_text("import services.a.room.ledger\n")
    for module in ("servicekit/postgres", "gateway/pages", "devstack/processes", "qmcp/client/sync", "qmcp/a/v1/a_pb2"):
        _write(root / f"{module}.py")
    return root


def test_a_house_without_offences_passes(house: Path) -> None:
    answer = _lint(house)
    assert " 0 broken" in answer, answer


@pytest.mark.parametrize(("path", "imported", "contract"), OFFENCES)
def test_each_contract_catches_its_offence(house: Path, path: str, imported: str, contract: str) -> None:
    (house / path).write_text(f'"""An offence."""\n\nimport {imported}\n')
    try:
        answer = _lint(house)
    finally:
        _write(house / path)
    broken = [line for line in answer.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), answer


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('"""Nothing."""\n')
    folder = path.parent
    while not (folder / "pyproject.toml").exists():
        (folder / "__init__.py").touch()
        folder = folder.parent


def _lint(house: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (house, ROOT))), "COLUMNS": "200"}
    return subprocess.run(LINT, cwd=house, env=environment, capture_output=True, text=True, check=False).stdout
