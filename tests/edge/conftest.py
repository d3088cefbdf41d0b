"""An edge of one's own: real Envoy and real pages in front of a service that does what it is told."""

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devstack import ports
from gateway import services

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 60.0


@dataclass
class Edge:
    port: int
    backend_port: int
    environment: dict[str, str]
    # Where the edge speaks TLS: the file with those whom to believe.
    authority: Path | None
    envoy: subprocess.Popen[str]
    backend: subprocess.Popen[str]
    log: Path

    @property
    def url(self) -> str:
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self.port}"

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def admin_socket(self) -> Path:
        """In the folder that the launcher made: Envoy was told of it on its command line."""
        (envoy,) = Path(f"/proc/{self.envoy.pid}/task/{self.envoy.pid}/children").read_text().split()
        line = Path(f"/proc/{envoy}/cmdline").read_text().split("\0")
        return Path(line[line.index("-c") + 1]).with_name("admin")

    def stat(self, name: str) -> int:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.admin_socket))) as admin:
            answer = admin.get(f"http://admin/stats?filter=^{name}$")
        return int(answer.text.rpartition(":")[2] or 0)


@contextmanager
def process(*arguments: str, log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client"))
    with log.open("a") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            # A developer's own settings are not what is tested.
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("QMCP_")},
                "PYTHONPATH": paths,
                **environment,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@dataclass(frozen=True)
class Upstreams:
    """What stands behind an edge: one process for all services, and the pages."""

    backend: subprocess.Popen[str]
    port: int
    # Where they are, for whoever is to reach them.
    environment: dict[str, str]
    log: Path


@contextmanager
def running_upstreams(log: Path, **settings: object) -> Iterator[Upstreams]:
    """Both processes, until the context ends."""
    grpc_port, metrics, access_metrics, hitl_metrics, web = (ports.free() for _ in range(5))
    environment = {
        # One process stands in for all services, and answers for the health of each.
        **{f"QMCP_{name.upper()}_ADDRESS": f"127.0.0.1:{grpc_port}" for name in services.names()},
        **{f"QMCP_{name.upper()}_METRICS_ADDRESS": f"127.0.0.1:{metrics}" for name in services.names()},
        "QMCP_ACCESS_METRICS_ADDRESS": f"127.0.0.1:{access_metrics}",
        "QMCP_HITL_METRICS_ADDRESS": f"127.0.0.1:{hitl_metrics}",
        "QMCP_WEB_ADDRESS": f"127.0.0.1:{web}",
        "QMCP_WEB_PORT": str(web),
    }
    own = (str(port) for port in (grpc_port, metrics, access_metrics, hitl_metrics))
    with (
        process("tests.edge.backend", *own, log=log, environment={}) as backend,
        process("gateway.web", log=log, environment=environment | variables(settings)),
    ):
        yield Upstreams(backend, grpc_port, environment, log)


def variables(settings: Mapping[str, object]) -> dict[str, str]:
    return {f"QMCP_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def running_edge(
    folder: Path,
    upstreams: Upstreams | None = None,
    *,
    authority: Path | None = None,
    elsewhere: Mapping[str, int] | None = None,
    **settings: object,
) -> Iterator[Edge]:
    """Envoy before these upstreams, or before some of its own, until the context ends.

    `settings` are fields of gateway/settings.py; upstreams of its own have them too. `authority` is the file with those
    whom to believe where the settings make the edge speak TLS; `elsewhere` has the ports of services that are a test's
    own, for Envoy alone: nobody waits for their health.
    """
    with ExitStack() as started:
        behind = upstreams or started.enter_context(running_upstreams(folder / "log", **settings))
        port = ports.free()
        own = {f"QMCP_{name.upper()}_ADDRESS": f"127.0.0.1:{each}" for name, each in (elsewhere or {}).items()}
        environment = {"QMCP_PORT": str(port), **behind.environment, **variables(settings), **own}
        envoy = started.enter_context(process("gateway.envoy", log=folder / "envoy", environment=environment))
        edge = Edge(port, behind.port, environment, authority, envoy, behind.backend, folder / "envoy")
        until = time.monotonic() + STARTS_WITHIN
        while not healthy(edge):
            if time.monotonic() > until or envoy.poll() is not None:
                raise RuntimeError(f"the edge did not start: {behind.log.read_text()}\n{edge.log.read_text()}")
            time.sleep(0.05)
        yield edge


def healthy(edge: Edge) -> bool:
    trusted = ssl.create_default_context(cafile=edge.authority) if edge.authority else True
    try:
        with httpx.Client(base_url=edge.url, verify=trusted) as http:
            return all(http.get(path).status_code == 200 for path in ("/health", "/v1/tools"))
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstreams]:
    """What may stand behind every edge of a test that leaves it as it was."""
    with running_upstreams(tmp_path_factory.mktemp("upstreams") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """The edge with times and limits short enough to be met in a test."""
    with running_edge(
        tmp_path_factory.mktemp("edge"),
        edge_timeout_seconds=1,
        edge_body_seconds=3,
        edge_long_timeout_seconds=3,
        max_body_bytes=1_000_000,
        cors_origins="https://app.example.com",
    ) as running:
        yield running


@pytest.fixture
def http(edge: Edge) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=edge.url, timeout=60) as client:
        yield client
