"""The tree keeps its shape: what folders there are, what a service's folder holds, how long a file gets, what it says first."""

import ast
import json
import re

import pytest

from tests.architecture import tree

TOP = {
    "protos",
    "gen",
    "services",
    "servicekit",
    "gateway",
    "client",
    "k8s",
    "devstack",
    "tests",
    "benchmarks",
    "docs",
    ".ci",
    ".github",
}
# They say nothing about what is in them, so everything ends up there.
EMPTY_WORDS = {
    "src",
    "lib",
    "common",
    "core",
    "utils",
    "util",
    "helpers",
    "helper",
    "scripts",
    "misc",
    "shared",
    "base",
}
EMPTY_NAMES = re.compile(r"(^|_)(manager|helper|helpers|handler|handlers|util|utils|base|misc|common)(_|$)")
# kustomize's own word for it.
KUSTOMIZE = "k8s/base/"

# What a service's folder has, and what it may have besides its domain.
NEEDED = {"__init__.py", "__main__.py", "README.md", "settings.py", "server.py"}
NEEDED |= {"errors.py"}
MODELS = {"models.py", "models"}
STORES = {"store.py", "store"}
MESSAGES = {"messages.py", "messages"}
SERVICERS = {"servicer.py", "servicer"}
SUBFOLDERS = {"models", "store", "messages", "servicer", "vectors", "migrations"}
MIGRATION = re.compile(r"\d{4}_[a-z0-9_]+\.sql")

MAX_LINES = 400
# A service and its messages stand in one file, and half of it is comments. The other is generated, a part for each service.
LONGER = ("_service.proto", "compose.yaml")
COUNTED = (".py", ".proto", ".yaml", ".yml", ".sql", ".js", ".css", ".html", ".sh")

MACHINES = re.compile(r"(?<![\w.])/(?:work|tmp/w|root|home/\w+|Users/\w+)/[\w.]")
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|proxy\.golang\.org|--(?:extra-)?index-url|artifactory"
)
# This file names what it looks for.
SELF = "tests/architecture/test_tree.py"


def test_every_top_level_folder_is_one_that_the_architecture_names() -> None:
    folders = {name.split("/")[0] for name in tree.files() if "/" in name}
    assert folders <= TOP, f"docs/architecture.md does not name {sorted(folders - TOP)}"


def test_no_folder_and_no_module_has_an_empty_name() -> None:
    parts = [(name, part) for name in tree.written() for part in name.removeprefix(KUSTOMIZE).split("/")[:-1]]
    folders = [name for name, part in parts if part in EMPTY_WORDS]
    modules = [name for name in tree.python() if EMPTY_NAMES.search(name.rsplit("/", 1)[-1].removesuffix(".py"))]
    assert not folders + modules


@pytest.mark.parametrize("service", tree.services())
def test_a_service_has_the_anatomy_of_a_service(service: str) -> None:
    folder = f"services/{service}/"
    names = {name.removeprefix(folder) for name in tree.files() if name.startswith(folder)}
    top = {name.split("/")[0] for name in names}
    assert top >= NEEDED, f"{folder} lacks {sorted(NEEDED - top)}"
    # A service with rooms has a part of its store in each that keeps something.
    rooms = {name.split("/")[1] for name in names if name.count("/") and name.split("/")[0] not in SUBFOLDERS}
    assert (top | rooms) & STORES, f"{folder} has no store"
    assert top & MODELS, f"{folder} has no models"
    assert top & MESSAGES, f"{folder} has no messages"
    assert top & SERVICERS, f"{folder} has no servicer"
    subfolders = {name.split("/")[0] for name in names if "/" in name}
    domain = {f"{name.removesuffix('.py')}" for name in top if name.endswith(".py")}
    # A module that grew too long is a folder of the same name with one file a resource, each saying what it holds.
    strange = {each for each in subfolders - SUBFOLDERS if f"{each}/__init__.py" not in names or each in domain}
    assert not strange, f"{folder} has folders that are no part of a service: {sorted(strange)}"
    migrations = [name.removeprefix("migrations/") for name in names if name.startswith("migrations/")]
    assert all(MIGRATION.fullmatch(name) for name in migrations), migrations
    assert sorted(int(name[:4]) for name in migrations) == list(range(1, len(migrations) + 1))
    others = {name for name in top if not name.endswith((".py", ".md")) and name not in subfolders}
    assert not others, f"{folder} holds {sorted(others)}"


@pytest.mark.parametrize("service", tree.services())
def test_a_service_has_a_package_of_protos_tests_and_a_page(service: str) -> None:
    names = tree.files()
    assert f"protos/qmcp/{service}/v1/{service}_service.proto" in names
    assert f"protos/qmcp/{service}/v1/error_reason.proto" in names
    assert any(name.startswith(f"tests/{service}/test_") for name in names)
    assert f"tests/{service}/subject.py" in names, "the contract suite needs its row"
    assert f"docs/{service}.md" in names
    assert any(name.startswith(f"k8s/base/{service}/") for name in names)
    client = {name.removeprefix(f"client/qmcp/client/{service}/") for name in names}
    assert client >= {"__init__.py", "aio.py", "sync.py", "models.py", "commands/__init__.py"}, "make generate"


def test_the_entry_of_a_service_is_five_lines() -> None:
    for service in tree.services():
        assert len(tree.text(f"services/{service}/__main__.py").splitlines()) <= 6


def test_no_file_is_too_long_to_be_read() -> None:
    lengths = {
        name: len(tree.text(name).splitlines())
        for name in tree.written()
        if name.endswith(COUNTED) and not name.endswith(LONGER)
    }
    long = {name: lines for name, lines in lengths.items() if lines > MAX_LINES}
    assert not long, f"make each a folder with one file a resource: {long}"


def test_every_module_says_first_what_is_in_it() -> None:
    silent = []
    for name in tree.python():
        source = tree.text(name)
        if source.strip() and not ast.get_docstring(ast.parse(source)):
            silent.append(name)
    assert not silent


def test_the_first_line_of_a_module_is_a_whole_sentence() -> None:
    wrong = []
    for name in tree.python():
        docstring = ast.get_docstring(ast.parse(tree.text(name)))
        paragraph = (docstring or "x.").split("\n\n")[0].strip()
        if paragraph[-1] not in ".:?`":
            wrong.append((name, paragraph))
    assert not wrong


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{name}: {match[0]}"
        for name in tree.files()
        if name != SELF
        for pattern in (MACHINES, REGISTRIES)
        if (match := pattern.search(tree.text(name)))
    ]
    assert not found


def test_every_locked_dependency_has_a_hash_and_no_address() -> None:
    for name in tree.LOCKS:
        lines = tree.text(name).splitlines()
        pinned = [number for number, line in enumerate(lines) if re.match(r"^[A-Za-z0-9_.-]+(\[.*\])?==", line)]
        assert pinned
        assert all("--hash=sha256:" in lines[number + 1] for number in pinned)
        assert not any("://" in line for line in lines if not line.lstrip().startswith("#"))
    packages = json.loads(tree.text(tree.NPM_LOCK))["packages"]
    assert all(locked["integrity"].startswith("sha512-") for path, locked in packages.items() if path)
    assert "://" not in tree.text(tree.NPM_LOCK)
