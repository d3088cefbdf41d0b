"""Which rows of docs/compatibility.md a test proves: `python -m tests.promises`.

A row is a line of a table that begins with an id, `| Q25 | ✔ … |`. One that carries only `—` is advice to an operator
and needs no test. Ends with 1 where a test claims to prove a row that is not there.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
ROW = re.compile(r"^\|\s*\**([A-Z]\d{2})\**\s*\|(.*)$", re.MULTILINE)
NEEDS_PROOF = re.compile("[✔◐✘]")


def rows() -> dict[str, str]:
    """The promises by id."""
    return dict(ROW.findall(PAGE.read_text())) if PAGE.exists() else {}


def proofs() -> dict[str, list[str]]:
    """The tests by the promise that they prove, `tests/edge/test_ids.py::test_name`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, promise in _marks(ast.parse(path.read_text())):
            found[promise].append(f"{path.relative_to(ROOT)}{f'::{name}' if name else ''}")
    return found


def main() -> int:
    """Prints what is proven, what is not, and what is claimed without a row."""
    promised, proven = rows(), proofs()
    if not promised:
        print(f"{PAGE.relative_to(ROOT)} has no rows yet; {len(proven)} ids stand in tests.")
    needed = {each for each, text in promised.items() if NEEDS_PROOF.search(text)}
    missing = sorted(needed - proven.keys())
    unknown = sorted(proven.keys() - promised.keys()) if promised else []
    for each in missing:
        print(f"{each} not proven: {promised[each].strip(' |')}")
    for each in unknown:
        print(f"{each} has no row, but {', '.join(proven[each])} claims to prove it")
    print(f"{len(needed) - len(missing)} of {len(needed)} promises proven")
    return 1 if unknown else 0


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
        yield from (argument.value for argument in mark.args if isinstance(argument, ast.Constant))


if __name__ == "__main__":
    sys.exit(main())
