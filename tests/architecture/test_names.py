"""One word for one thing, the field's own: the table of names in the architecture, kept in the folders that obey it."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture import tree

FOLDERS = ("benchmarks/", "client/", "devstack/", "gateway/", "protos/", "servicekit/", "services/", "tests/")
# Where a class may be called as no class is called elsewhere: these words have other meanings outside.
OF_CLASSES = ("servicekit/", "services/")
# The word that is not said → the one that is.
CONSTANTS = {
    r"_?(MOST|FEWEST|LONGEST|SHORTEST|SOONEST|LATEST|DEEPEST)(_\w+)?": "MAX_… or MIN_…",
}
CLASSES = {
    "Addresses": "AddressPolicy",
    "Asking": "CreateRequest",
    "Call": "RequestContext",
    "Directory": "KeyResolver",
    "Ending": "Outcome",
    "Feed": "EventFollower",
    "Grant": "ResolvedKey",
    "Happening": "NewEvent",
    "Order": "InvocationRequest",
    "Question": "RequestSpec",
    "Receivers": "WebhookClient",
    "Refusals": "Denials",
    "Registry": "Catalogue",
    "Run": "ToolContext",
    "Running": "ActiveInvocation",
    "Sender": "DeliveryWorker",
    "Settling": "ExpireRequest",
    "Told": "Listener",
    "Verdict": "DeliveryResult",
    "Wakeups": "Waiters",
    "Writer": "Replica",
}
MODULES = {
    "addresses": "ssrf",
    "asking": "requests",
    "cable": "tcp_proxy",
    "desk": "fake_hitl",
    "directory": "resolver",
    "feed": "event_follower",
    "figures": "metrics",
    "handling": "inbox",
    "house": "environment",
    "judging": "rules",
    "legs": "resumption",
    "lines": "exports or ndjson",
    "measures": "metrics",
    "outcomes": "outcome",
    "places": "slots",
    "receivers": "webhook_client",
    "refusals": "denials",
    "registry": "catalogue",
    "telling": "webhook_receiver",
    "writers": "replicas",
}
# In the name of whatever: a function, a method, a column.
WORDS = {
    "alive_until": "lease",
    "ending": "outcome",
    "endings": "outcomes",
    "leaving": "on_drain",
    "refusals": "denials",
    "settlement": "outcome",
    "wakeups": "waiters",
    "signs_of_life": "heartbeat",
}
# What the kit must not know: the nouns of the services. It may say what every service is about: callers, calls, keys.
DOMAIN_WORDS = re.compile(
    r"(?<![a-z])(tools?|hitl|invocations?|approvals?|webhooks?|questionnaires?|interviews?|documents?|templates?"
    r"|catalogues?|receipts?|checkpoints?)(?![a-z])",
    re.IGNORECASE,
)
# Words of the list that mean something else there, with what they mean.
GENERAL = {
    "servicekit/http_json/reading.py": "a JSON document",
    "servicekit/deep_json.py": "a JSON document",
    "servicekit/json_values.py": "a JSON document",
    "servicekit/schemas.py": "a JSON Schema, which its specification calls a document",
    "servicekit/search/vectors/words.py": "a text that is searched, as Qdrant calls it",
    "servicekit/webhooks/client.py": "an address that is told of things, as the Standard Webhooks specification has it",
    "servicekit/webhooks/signing.py": "the library of that specification",
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_are_those_of_the_table(folder: str) -> None:
    found = [wrong for name in tree.python() if name.startswith(folder) for wrong in _wrong(name, tree.text(name))]
    assert any(name.startswith(folder) for name in tree.python())
    assert not found


@pytest.mark.parametrize("folder", FOLDERS)
def test_columns_and_tables_are_named_so_too(folder: str) -> None:
    sql = [name for name in tree.files() if name.startswith(folder) and name.endswith(".sql")]
    words = [word for name in sql for word in re.findall(r"[a-z_]+", re.sub(r"--.*", "", tree.text(name)))]
    assert not (set(words) & (WORDS.keys() | {"writer", "writers"}))


@pytest.mark.parametrize(
    "source",
    [
        "MOST_ROWS = 3",
        "class Wakeups: ...",
        "def tell_refusals(): ...",
        "def is_leaving(): ...",
        "class A:\n    LONGEST_ID = 1",
        "DEEPEST: int = 3",
    ],
)
def test_a_name_that_is_not_said_would_be_found(source: str) -> None:
    assert list(_wrong("servicekit/new.py", source))
    assert list(_wrong("servicekit/registry.py", ""))
    assert not list(_wrong("servicekit/new.py", "MAX_ROWS = 3\nclass Waiters: ...\ndef lending(): ..."))


def test_the_kit_knows_no_service() -> None:
    code = [name for name in tree.python() if name.startswith("servicekit/") and name not in GENERAL]
    said = {name: sorted(_domain_words(tree.text(name))) for name in code}
    assert len(code) > 20
    assert not {name: words for name, words in said.items() if words}


def test_the_exceptions_are_needed() -> None:
    assert all(_domain_words(tree.text(name)) for name in GENERAL)


def _wrong(name: str, source: str) -> Iterator[str]:
    stem = PurePosixPath(name).stem.removeprefix("test_")
    if stem in MODULES:
        yield f"{name}: {stem}: say {MODULES[stem]}"
    for node in ast.walk(ast.parse(source)):
        for said, instead in _sayings(node, classes=name.startswith(OF_CLASSES)):
            yield f"{name}:{getattr(node, 'lineno', 0)}: {said}: say {instead}"


def _sayings(node: ast.AST, *, classes: bool) -> Iterator[tuple[str, str]]:
    match node:
        case ast.ClassDef(name=name):
            if classes and name in CLASSES:
                yield name, CLASSES[name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
            yield from _words(name)
        case ast.Name(id=name, ctx=ast.Store()):
            yield from _words(name)
            for pattern, instead in CONSTANTS.items():
                if re.fullmatch(pattern, name):
                    yield name, instead
        case _:
            pass


def _words(name: str) -> Iterator[tuple[str, str]]:
    for word, instead in WORDS.items():
        if re.search(rf"(^|_){word}(_|$)", name):
            yield name, instead


def _domain_words(source: str) -> set[str]:
    """In names; texts and comments may give an example. `invocation_metadata` is gRPC's own word."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                names.add(name)
            case _:
                pass
    return {
        match[0].lower()
        for name in names - {"invocation_metadata"}
        for match in DOMAIN_WORDS.finditer(name.replace("_", " "))
    }
