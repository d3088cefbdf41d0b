"""A test that evaluated no assertion fails: it would pass whatever the code did."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.assertion import util

# pytest counts asserts only where it has rewritten them: in the modules that tests share too, before one is imported.
_HERE = Path(__file__).resolve()
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in _HERE.parent.iterdir() if path.stem != _HERE.stem))

NOTHING = "evaluated no assertion, so it cannot fail: parametrise over what it applies to, or assert what must hold"


class _Evaluated:
    """How many assertions this process has evaluated."""

    number = 0
    # What pytest calls for each assertion, while it is not called.
    set_aside: Any = None


def pytest_assertion_pass() -> None:
    _Evaluated.number += 1
    # One is enough, and each would be described in words for nobody to read: that made tests with many take ten times
    # as long. pytest begins to tell anew with each test, and its call must be heard whatever its fixtures asserted.
    _Evaluated.set_aside, util._assertion_pass = util._assertion_pass, None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    before = _Evaluated.number
    util._assertion_pass = util._assertion_pass or _Evaluated.set_aside
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.RaisesExc, "__exit__", _raises)
        result = yield
    if _Evaluated.number == before:
        pytest.fail(NOTHING, pytrace=False)
    return result


_exit = pytest.RaisesExc.__exit__


def _raises(self: "pytest.RaisesExc[Any]", *exception: Any) -> bool:
    """`pytest.raises` that met what it expects says as much as an assert that held."""
    met = _exit(self, *exception)
    _Evaluated.number += 1
    return met
