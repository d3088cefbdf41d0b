"""Which tests go to one process together: those that share a running system, else those of a file."""

from pathlib import Path

import pytest
from _pytest.nodeid import NodeId
from xdist.scheduler import LoadGroupScheduling

TESTS = Path(__file__).resolve().parent
# Fixtures that cost seconds of a core to start and some of it for as long as they run, in every process that meets one.
SHARED = ("guarded", "stack", "edge")
# Of these the whole systems, which take a twentieth of a core each when nobody calls.
SYSTEMS = ("guarded", "stack")
# Those groups and folders that take long come first, so that none begins when the other processes have nothing left.
LONG = ("stack", "guarded", "faults", "system", "edge", "k8s", "access")


class Together(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """By the shared fixture that the id names (`…::test_x@stack`), else by the file."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if scope == nodeid else scope


def _shared(item: pytest.Item) -> str:
    """What it shares, by its fixtures; by its mark where it asks for the fixture by itself."""
    used: tuple[str, ...] = tuple(getattr(item, "fixturenames", ()))
    if name := next((name for name in SHARED if name in used), ""):
        return name
    marked = item.get_closest_marker("xdist_group")
    return marked.args[0] if marked else ""


def distribute(items: list[pytest.Item]) -> None:
    """Marks the tests that share something, and puts all in the order in which they are to begin."""

    def place(item: pytest.Item) -> int:
        name = _shared(item)
        if name in SHARED:
            item.add_marker(pytest.mark.xdist_group(name))
        if name and hasattr(item.config, "workerinput"):
            # xdist 3.8 adds it to `_nodeid`, which pytest 9.2 reads no more.
            item._id = NodeId.parse(f"{item.nodeid}@{name}")
        name = name or item.path.relative_to(TESTS).parts[0]
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


def end_systems(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stops the system that this test shares where the next does not: those that do stand together."""
    name = _shared(item)
    if name in SYSTEMS and nextitem is not None and _shared(nextitem) != name:
        for fixture in item.session._fixturemanager.getfixturedefs(name, item) or ():
            fixture.finish(item._request)  # type: ignore[attr-defined]  # every test of ours is a function
