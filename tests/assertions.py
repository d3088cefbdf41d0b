"""A test that evaluated no assertion fails: it would pass whatever the code did."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.assertion import util

# pytest counts asserts only where it has rewritten them: in the modules that tests share too, before one is imported.
_HERE = Path(__file__).resolve()
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in _HERE.parent.iterdir() if path.stem != _HERE.stem))

NOTHING = "evaluated no assertion, so it cannot fail: parametrise over what it applies to, or assert what must hold"


Case = TypeVar("Case")


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
    before = _begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.RaisesExc, "__exit__", _raises)
        result = yield
    if _Evaluated.number == before:
        pytest.fail(NOTHING, pytrace=False)
    return result


def _begin() -> int:
    """Listens for the next assertion; gives how many there were."""
    util._assertion_pass = util._assertion_pass or _Evaluated.set_aside
    return _Evaluated.number


def every(cases: Mapping[str, Case]) -> Callable[[Callable[[Case], None]], Callable[[], None]]:
    """Makes one test of what is to hold for every case; those for which it does not are named, with what each says.

    For thousands of cases that take no time: a test of its own costs each of them ten times what it does.
    """

    def over(holds: Callable[[Case], None]) -> Callable[[], None]:
        def test() -> None:
            failed: list[Exception] = []
            for name, case in cases.items():
                before = _begin()
                error: Exception | None = None
                try:
                    holds(case)
                except Exception as raised:  # noqa: BLE001 - whatever it is, the others are tried too
                    error = raised
                if error is None and _Evaluated.number == before:
                    error = AssertionError(NOTHING)
                if error is not None:
                    error.add_note(f"That was {name}.")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{holds.__name__}: {len(failed)} of {len(cases)} do not", failed)

        test.__name__, test.__doc__, test.__module__ = holds.__name__, holds.__doc__, holds.__module__
        return test

    return over


_exit = pytest.RaisesExc.__exit__


def _raises(self: "pytest.RaisesExc[Any]", *exception: Any) -> bool:
    """`pytest.raises` that met what it expects says as much as an assert that held."""
    met = _exit(self, *exception)
    _Evaluated.number += 1
    return met
