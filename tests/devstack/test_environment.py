"""What is installed is what the lock names, and a machine on which only pip is configured can install it."""

import re
import sys
from importlib.metadata import distribution, distributions

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devstack import environment
from tests.architecture.tree import ROOT

# Python brings these itself, or its virtual environments do.
SEEDS = {"pip", "setuptools", "wheel"}
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;]+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    """What a lock names for the Python that runs this."""
    found = PIN.findall((ROOT / file).read_text())
    return {name: version for name, version, marker in found if not marker or Marker(marker).evaluate()}


def test_what_is_installed_is_what_the_lock_names() -> None:
    wanted = pins("requirements.lock")
    installed = {re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version for each in distributions()}
    ours = {
        name: version for name, version in installed.items() if name in wanted or name not in SEEDS | {"uv", "qmcp"}
    }
    assert ours == wanted, f"run `make setup-dev` with {sys.executable}"


def test_what_runs_has_the_versions_that_are_tested() -> None:
    smaller = (ROOT / "requirements-run.lock").read_text()
    everything = (ROOT / "requirements.lock").read_text()
    assert set(PIN.findall(smaller)) < set(PIN.findall(everything))


def test_what_runs_has_all_that_the_project_requires() -> None:
    needed = required(Requirement("qmcp[laptop]"))
    assert needed > {"grpcio", "typing-extensions"}, "what is required, and what that requires in turn"
    assert needed <= pins("requirements-run.lock").keys(), "run `make lock`"


def required(by: Requirement) -> set[str]:
    """The names of all distributions that one needs to run with its extras."""
    found: set[str] = set()
    waiting, seen = [by], {str(by)}
    while waiting:
        current = waiting.pop()
        for text in distribution(current.name).requires or ():
            each = Requirement(text)
            extras = [{"extra": extra} for extra in ("", *current.extras)]
            if each.marker and not any(each.marker.evaluate(extra) for extra in extras):
                continue
            found.add(canonicalize_name(each.name))
            if str(each) not in seen:
                seen.add(str(each))
                waiting.append(each)
    return found


def test_uv_is_told_what_pip_is_configured_with() -> None:
    listed = (
        ":env:.find-links='/own'\nglobal.find-links='/a\\n/b'\nglobal.index-url='file:///one'\n"
        "install.index-url='file:///two'\n"
    )
    assert environment.uv_settings(listed) == {
        "UV_DEFAULT_INDEX": "file:///two",
        "UV_FIND_LINKS": "/own",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
