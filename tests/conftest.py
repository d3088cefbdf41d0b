"""The fixtures that all tests share: a real Postgres, and a database of one's own on it."""

import gc
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from xdist.remote import Producer

from devstack import ports
from servicekit.launch import COLLECT_AFTER
from tests.assertions import pytest_assertion_pass, pytest_runtest_call  # noqa: F401 - hooks
from tests.collector import Collector, running_collector
from tests.distribution import Together, distribute, end_systems
from tests.memory import folder as folder_in_memory
from tests.rewriting import make_part
from tests.servicekit.issuer import AUDIENCE, Issuer, publishing_issuer
from tests.stack import ROOT, Server, Stack, running_postgres, running_stack
from tests.watching import pytest_addoption, pytest_cmdline_main  # noqa: F401 - hooks

# structlog's own default renders tracebacks with all local variables, which takes minutes for deep documents.
structlog.configure(
    processors=[structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
)


# Whom HTTP clients trust that are told nothing, here and in what is started from here: an authority whose key nobody has.
# The usual ones are 150, and each client reads them all when it is made: 28 ms of a core, thousands of times.
os.environ["SSL_CERT_FILE"] = str(ROOT / "tests" / "nobody.pem")


def pytest_sessionstart(session: pytest.Session) -> None:
    if told := getattr(session.config, "workerinput", None):
        make_part(session.config, int(told["workerid"].removeprefix("gw")), told["workercount"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    distribute(items)


def pytest_collection_finish() -> None:
    """Lets the cycle collector run as rarely as services have it run, and never over all that was imported.

    They run in this process in most tests, which took a tenth longer, for cycles that there are hardly any of.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    end_systems(item, nextitem)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres server for the whole session; `postgres.url(database)`, `postgres.database(service)`."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
async def database(postgres: Server, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a fresh database with the tables of the service that the test's folder is named after."""
    service = Path(request.path).relative_to(ROOT / "tests").parts[0]
    async with postgres.database(service) as url:
        yield url


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system for the whole session: embedded Postgres, every service, the pages, Envoy."""
    with (
        folder_in_memory(tmp_path_factory.mktemp("stack")) as place,
        running_stack(
            place / "home",
            QMCP_MAX_UNREAD_SECONDS="3",
            QMCP_TASKS_PLANNING_FOLDER=str(place / "planning"),
            METRICS_SERVICE_PORT=str(ports.free()),
            DEFAULT_PORT=str(ports.free()),
            MCP_PORT=str(ports.free()),
        ) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where `guarded` sends its traces."""
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """Whose tokens `guarded` takes."""
    with publishing_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="session")
def upstream_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets of the tools of `guarded`."""
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="session")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector, issuer: Issuer, upstream_secrets: Path
) -> Iterator[Stack]:
    """The same with auth on: callers need a key, and `guarded.admin_key` may make them. Its log has everything.

    What services know of callers they remember for long, so that only the announcement of a change explains its effect.
    """
    variables = {
        "QMCP_AUTH": "on",
        "QMCP_LOG_LEVEL": "DEBUG",
        "QMCP_ACCESS_REMEMBER_SECONDS": "600",
        "QMCP_OIDC_ISSUER": issuer.url,
        "QMCP_OIDC_AUDIENCE": AUDIENCE,
        "QMCP_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        # Else spans are kept for five seconds.
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "QMCP_TOOLS_SECRETS_DIR": str(upstream_secrets),
        "QMCP_TOOLS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "QMCP_HITL_ALLOWED_NETWORKS": "127.0.0.0/8",
        "QMCP_METRICS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "QMCP_MCP_TASK_AFTER_SECONDS": "0.5",
        "QMCP_MCP_WATCH_SECONDS": "0.2",
    }
    with (
        folder_in_memory(tmp_path_factory.mktemp("guarded")) as place,
        running_stack(place / "home", **variables) as stack,
    ):
        yield stack


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what could not be tested here, each reason once: a skip that nobody sees looks like a success."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    for reason, tests in sorted(reasons.items()):
        text = reason.removeprefix("Skipped: ").removeprefix("NOT TESTED: ")
        terminalreporter.write_line(f"NOT TESTED ({tests}): {text}", yellow=True)
