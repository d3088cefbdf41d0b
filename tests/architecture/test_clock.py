"""No test judges by the clock: how long a thing took tells how fast the machine was, and belongs to benchmarks/."""

import ast

from tests.architecture import tree
from tests.assertions import every

CLOCKS = {"monotonic", "perf_counter", "time", "monotonic_ns", "perf_counter_ns"}
# What services and answers say of their own durations.
DURATIONS = {"duration_ms", "duration_seconds", "elapsed"}
TESTS = [name for name in tree.python() if name.startswith("tests/") and "/faults/" not in name]


@every({name: name for name in TESTS})
def test_no_assertion_says_that_something_was_quick(name: str) -> None:
    module = ast.parse(tree.text(name))
    assert not _judging(module), "a wait with a guard of 30 s or more tells the same, on any machine"


def test_an_assertion_about_elapsed_time_would_be_found() -> None:
    source = """
async def within(seconds):
    began = loop.time()
    return loop.time() - began

def test():
    began = time.monotonic()
    took = time.monotonic() - began
    assert took < 1
    assert 0 <= time.monotonic() - began <= 3, "quick"
    assert await within(3) < 2
    assert 1000 <= made.duration_ms < 2000
    assert 5 > took
    assert took > 1
    assert made.duration_ms >= 1000
"""
    assert _judging(ast.parse(source)) == [9, 10, 11, 12, 13]


def _judging(module: ast.Module) -> list[int]:
    """The lines of assertions that bound a time from above."""
    elapsed = _elapsed(module)
    return [node.lineno for node in ast.walk(module) if isinstance(node, ast.Assert) and _is_bounded(node, elapsed)]


def _elapsed(module: ast.Module) -> set[str]:
    """Names of the module that hold a difference of clocks, and its functions that return one."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and _is_duration(node.value, names):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
            if any(_is_duration(value, names) for value in returned):
                names.add(node.name)
    return names


def _is_duration(node: ast.expr, elapsed: set[str]) -> bool:
    for each in ast.walk(node):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub) and _reads_a_clock(each.left):
            return True
        if isinstance(each, ast.Name) and each.id in elapsed:
            return True
        if isinstance(each, ast.Attribute) and each.attr in DURATIONS:
            return True
    return False


def _reads_a_clock(node: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Call)
        and (getattr(each.func, "attr", None) in CLOCKS or getattr(each.func, "id", None) in CLOCKS)
        for each in ast.walk(node)
    )


def _is_bounded(node: ast.Assert, elapsed: set[str]) -> bool:
    for comparison in (each for each in ast.walk(node.test) if isinstance(each, ast.Compare)):
        sides = [comparison.left, *comparison.comparators]
        for left, operator, right in zip(sides, comparison.ops, sides[1:], strict=False):
            if isinstance(operator, ast.Lt | ast.LtE) and _is_duration(left, elapsed):
                return True
            if isinstance(operator, ast.Gt | ast.GtE) and _is_duration(right, elapsed):
                return True
    return False
