"""The renderings that every check looks at: the overlays, and those of them that have a feature."""

import pytest

from tests.k8s.objects import System
from tests.k8s.render import OVERLAYS, NoRendererError, overlay, overlays_with, renderers

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


@pytest.fixture(scope="session", params=OVERLAYS)
def system(request: pytest.FixtureRequest, renderer: str) -> System:
    assert renderer
    return System(request.param, overlay(request.param))


@pytest.fixture(scope="session", params=overlays_with("availability"))
def replicated(request: pytest.FixtureRequest, renderer: str) -> System:
    """A system of which no replica is the only one."""
    assert renderer
    return System(request.param, overlay(request.param))


@pytest.fixture(scope="session", params=overlays_with("mtls"))
def encrypted(request: pytest.FixtureRequest, renderer: str) -> System:
    """A system whose services know each other by certificates."""
    assert renderer
    return System(request.param, overlay(request.param))
