"""Who opens transactions, where SQL stands, and what never happens while a transaction is open."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture import tree

# The edge of a service, and what knows its database or its peers only: none of them decides what is done at once.
NOT_DOMAIN = {"__main__", "server", "servicer", "messages", "store", "vectors", "peers", "settings", "models", "errors"}
OPENERS = {"transaction", "snapshot"}
STATEMENTS = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "cursor", "copy_records_to_table"}
SQL = re.compile(r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|LOCK\s+TABLE\s|WITH\s+\w+\s+AS\s)")
# Whoever talks to somebody else: a module of peers, and the HTTP clients.
REMOTE = re.compile(r"(.*\.)?peers|httpx|aiohttp|grpc(\.aio)?")

MODULES = [name for name in tree.python() if name.startswith("services/")]


@pytest.mark.parametrize("service", tree.services())
def test_only_the_domain_opens_transactions(service: str) -> None:
    opened = {
        name: [node.func.attr for node in _calls(name) if node.func.attr in OPENERS]
        for name in _modules(service)
        if _parts(name) & NOT_DOMAIN
    }
    assert opened, "the service has an edge and a store"
    assert not {name for name, calls in opened.items() if calls}


@pytest.mark.parametrize("service", tree.services())
def test_sql_stands_in_store_only(service: str) -> None:
    elsewhere = [name for name in _modules(service) if "store" not in _parts(name)]
    assert len(elsewhere) > 5, "the rooms of a service"
    assert not [name for name in elsewhere if any(_statements(name))]


def test_a_statement_outside_of_store_would_be_found() -> None:
    assert SQL.match("\n  SELECT a\n  FROM b")
    assert SQL.match("UPDATE a SET b = 1")
    assert not SQL.match("Select a tool")
    assert list(_statements("services/access/store/keys.py"))


@pytest.mark.parametrize("service", tree.services())
def test_nobody_else_is_called_while_a_transaction_is_open(service: str) -> None:
    """As far as one file shows it: what is handed to another module, that module's own case sees."""
    remote = [
        f"{name}:{call.lineno}"
        for name in _modules(service)
        for held in _held_open(ast.parse(tree.text(name)))
        for call in _remote_calls(ast.parse(tree.text(name)), held)
    ]
    assert not remote


def test_a_remote_call_in_a_transaction_would_be_found() -> None:
    source = """
from services.x.peers import Humans

class Domain:
    def __init__(self, database: Database, humans: Humans) -> None:
        self._database = database
        self._humans = humans

    async def plain(self):
        await self._humans.ask()
        async with self._database.transaction() as connection:
            {}

    async def repeated(self, once):
        async def effect(connection):
            {}
        return await once.run(self._database, effect)
"""
    for within, found in (("await self._humans.ask()", 2), ("await store.insert(connection)", 0)):
        module = ast.parse(source.format(within, within))
        assert sum(len(list(_remote_calls(module, held))) for held in _held_open(module)) == found


def _modules(service: str) -> list[str]:
    return [name for name in MODULES if name.startswith(f"services/{service}/")]


def _parts(name: str) -> set[str]:
    return set(name.removesuffix(".py").split("/")[2:])


def _calls(name: str) -> Iterator[ast.Call]:
    """The calls of methods in a file."""
    for node in ast.walk(ast.parse(tree.text(name))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def _statements(name: str) -> Iterator[int]:
    """The lines that hold SQL, or hand some to a connection."""
    for node in ast.walk(ast.parse(tree.text(name))):
        match node:
            case ast.Constant(value=str(text)) if SQL.match(text):
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attr)) if (
                "connection" in owner and attr in STATEMENTS
            ):
                yield node.lineno
            case _:
                pass


def _held_open(module: ast.Module) -> Iterator[list[ast.stmt]]:
    """The statements that run while a transaction is open: in its block, or as the effect that is run in one."""
    effects = {
        argument.id
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run"
        for argument in node.args
        if isinstance(argument, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.AsyncWith) and any(_opens(item.context_expr) for item in node.items):
            yield node.body
        if isinstance(node, ast.AsyncFunctionDef) and node.name in effects:
            yield node.body


def _opens(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Attribute)
        and expression.func.attr in OPENERS
    )


def _remote_calls(module: ast.Module, held: list[ast.stmt]) -> Iterator[ast.Call]:
    """Calls on what this file was given of a remote kind."""
    kinds = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and REMOTE.fullmatch(node.module or "")
        for alias in node.names
    }
    given = {
        argument.arg
        for node in ast.walk(module)
        if isinstance(node, ast.arg) and node.annotation is not None and kinds & set(_names(node.annotation))
        for argument in (node,)
    }
    kept = {
        target.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in given
        for target in node.targets
        if isinstance(target, ast.Attribute)
    }
    for statement in held:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Attribute) and owner.attr in kept:
                    yield node
                if isinstance(owner, ast.Name) and owner.id in given:
                    yield node


def _names(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\w+", node.value)
