"""Which promises of docs/compatibility.md a test proves: `python -m tests.promises`.

The page has a table a system: id, mark, promise, how ours keeps it, proof. Where the proof is `test`, a test carries the id,
`@pytest.mark.promise("Q25")`. Other rows wait for a service (`with hitl`), for somebody to keep them (`not yet`), or are advice.
Ends with 1 where page and tests disagree.
"""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
SYSTEM = re.compile(r"^## (.+)$")
ID = re.compile(r"[A-Z]\d{2}")
TESTED = "test"


@dataclass(frozen=True)
class Promise:
    """A row of the page."""

    id: str
    system: str
    mark: str
    text: str
    kept: str
    proof: str


def promises() -> dict[str, Promise]:
    """The rows by id, in the page's order."""
    found: dict[str, Promise] = {}
    system = ""
    for line in PAGE.read_text().splitlines():
        heading = SYSTEM.match(line)
        system = heading[1] if heading else system
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else [""]
        if ID.fullmatch(cells[0]):
            identity, mark, text, kept, proof = cells
            found[identity] = Promise(identity, system, mark, text, kept, proof)
    return found


def proofs() -> dict[str, list[str]]:
    """The tests by the promise that they prove, `tests/edge/test_ids.py::test_name`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, promise in _marks(ast.parse(path.read_text())):
            found[promise].append(f"{path.relative_to(ROOT)}{f'::{name}' if name else ''}")
    return found


def disagreements() -> list[str]:
    """Sentences on where the page claims a proof that is not there, or a test one that the page does not know."""
    promised, proven = promises(), proofs()
    found = [
        f"{each.id} says that a test proves it, but none carries its id"
        for each in promised.values()
        if each.proof == TESTED and each.id not in proven
    ]
    for identity, tests in sorted(proven.items()):
        promise = promised.get(identity)
        if promise is None:
            found.append(f"{identity} has no row, but {', '.join(tests)} claims to prove it")
        elif promise.proof != TESTED:
            found.append(f"{identity} says {promise.proof!r}, but {', '.join(tests)} proves it: make the row say so")
    return found


def main() -> int:
    """Prints, for each system, how many promises are proven and which are not."""
    promised, proven = promises(), proofs()
    systems = dict.fromkeys(each.system for each in promised.values())
    for system in systems:
        rows = [each for each in promised.values() if each.system == system]
        counts = Counter(each.proof for each in rows)
        needed = len(rows) - counts["advice"]
        tested = sum(each.proof == TESTED and each.id in proven for each in rows)
        print(f"{system}: {tested} of {needed} proven by tests, {counts['advice']} are advice")
        for each in rows:
            if each.proof == "not yet":
                print(f"  {each.id} not yet: {each.text}")
        for proof, count in sorted(counts.items()):
            if proof.startswith("with "):
                ids = ", ".join(each.id for each in rows if each.proof == proof)
                print(f"  {count} {proof}: {ids}")
    faults = disagreements()
    print("\n".join(faults) or "The page and the tests agree.")
    return 1 if faults else 0


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The name of the test (empty for a whole module) and the id, for every mark."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                yield from ((node.name, each) for each in _ids(decorator))
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from (("", each) for mark in marks for each in _ids(mark))


def _ids(mark: ast.expr) -> Iterator[str]:
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise":
        yield from (str(argument.value) for argument in mark.args if isinstance(argument, ast.Constant))


if __name__ == "__main__":
    sys.exit(main())
