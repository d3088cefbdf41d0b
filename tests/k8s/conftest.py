"""The renderings that every check looks at: each overlay, and all components together."""

import pytest

from tests.k8s.objects import System
from tests.k8s.render import OPTIONAL, OVERLAYS, NoRendererError, combination, overlay, renderers

REASON = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def renderer(pytestconfig: pytest.Config) -> str:
    """The name of what renders here; where nothing can, what needs it is skipped, and the summary says so."""
    try:
        return next(iter(renderers()))
    except NoRendererError as error:
        pytestconfig.stash[REASON] = str(error)
        pytest.skip(str(error))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if reason := config.stash.get(REASON, ""):
        terminalreporter.write_line(f"NOT TESTED: what k8s/ renders into. {reason}", yellow=True)


@pytest.fixture(scope="session", params=[*OVERLAYS, "every component"])
def system(request: pytest.FixtureRequest, renderer: str) -> System:
    assert renderer
    name = request.param
    return System(name, overlay(name) if name in OVERLAYS else combination(OPTIONAL))
