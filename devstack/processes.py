"""The table of what runs on one machine: name, command, ports, environment, what it needs, when it is ready."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack import postgres, probing
from devstack.keys import mcp_state_file
from devstack.listeners import Listener, Listeners
from devstack.services import KEYS, Service, taker_of
from devstack.settings import StackSettings
from servicekit.certificates import Certificates, certificates
from servicekit.channels import channel

# What those who keep metrics take.
EXPORT = "opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
PROBE_SECONDS = 2.0
POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the table."""

    name: str
    command: Callable[[], list[str]]
    # Whether the process with this id does its work.
    ready: Callable[[int], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    needs: tuple[str, ...] = ()
    # Whose readiness its own includes: it starts beside them, and is not asked before they are.
    asked_after: tuple[str, ...] = ()
    stop: signal.Signals = signal.SIGTERM
    # Runs code of this tree, which `--reload` watches.
    reloads: bool = False
    # Its death is recovered from instead of ending all: runs before the next start.
    recover: Callable[[], None] | None = None
    # Why it ended, from its last lines.
    explain: Callable[[list[str]], str] = "\n".join
    # What a line of its log means for the person at the keyboard; mostly nothing.
    notice: Callable[[str], str] = lambda _: ""


def embedded_postgres(engine: postgres.Postgres, say: postgres.Say) -> Process:
    """The embedded Postgres; each service makes its database there."""

    async def ready(pid: int) -> bool:
        return engine.ready(pid)

    return Process(
        name=POSTGRES,
        command=engine.command,
        ready=ready,
        stop=postgres.STOP,
        recover=lambda: postgres.clear_leftovers(engine.data, say),
        explain=postgres.explain,
        notice=postgres.notice,
    )


def table(
    settings: StackSettings, services: Sequence[Service], listeners: Listeners, database_server: str
) -> list[Process]:
    """Everything but Postgres, which is embedded only where no other server is given."""
    behind = [
        *(service(each, settings, listeners, database_server) for each in services),
        web(listeners.web, listeners.envoy_metrics),
        mcp(settings, listeners),
    ]
    return [*behind, envoy(settings, listeners, tuple(row.name for row in behind))]


def service(which: Service, settings: StackSettings, listeners: Listeners, database_server: str) -> Process:
    """A gRPC service, with the keys and files that it declares."""
    name = which.name
    grpc_at, metrics_at = listeners.grpc[name], listeners.metrics[name]
    return Process(
        name=name,
        command=_module(f"services.{name}", "serve"),
        ready=lambda _: _serving(
            grpc_at,
            certificates(settings.grpc_tls_certificate_file, settings.grpc_tls_key_file, settings.grpc_tls_ca_file),
        ),
        environment={
            "QMCP_GRPC_HOST": grpc_at.host,
            "QMCP_GRPC_PORT": str(grpc_at.port),
            "QMCP_METRICS_HOST": metrics_at.host,
            "QMCP_METRICS_PORT": str(metrics_at.port),
            "QMCP_DATABASE_URL": which.database_url(database_server),
            "QMCP_AUTH": settings.auth,
            **{each.variable: str(each.port) for each in listeners.further[name]},
            **_told_to(which, settings, listeners),
            # Keys are read where callers are checked, and the rest is made by the service itself.
            **{variable: str(file) for variable, file in which.files(settings.home, settings.home / KEYS).items()},
            **{variable: str(folder) for variable, folder in which.folders(settings.home).items()},
        },
        listeners=(grpc_at, metrics_at, *listeners.further[name]),
        # Not its peers: as in a cluster services start in any order, and beside each other they start in less time.
        needs=(POSTGRES,),
        reloads=True,
    )


def _told_to(which: Service, settings: StackSettings, listeners: Listeners) -> dict[str, str]:
    """Who hears what a service counts: the one that keeps metrics, which needs not be told of itself."""
    keeper = taker_of(EXPORT)
    if not settings.own_metrics or settings.otlp_metrics_address or keeper in ("", which.name):
        return {}
    return {"QMCP_OTLP_METRICS_ADDRESS": listeners.grpc[keeper].address}


def web(at: Listener, envoy_metrics: Listener) -> Process:
    """The plain pages of the edge: health, metrics, the API's documentation."""
    return Process(
        name="web",
        command=_module("gateway.web"),
        # Not its health, which is that of all services: each time it is asked it asks them all.
        ready=lambda _: _answers(f"http://{at.address}/docs"),
        environment={
            "QMCP_WEB_HOST": at.host,
            "QMCP_WEB_PORT": str(at.port),
            "QMCP_EDGE_METRICS_ADDRESS": f"{on_this_machine(envoy_metrics.host)}:{envoy_metrics.port}",
        },
        listeners=(at,),
        reloads=True,
    )


def mcp(settings: StackSettings, listeners: Listeners) -> Process:
    """The MCP endpoint."""
    at, metrics_at = listeners.mcp, listeners.mcp_metrics
    return Process(
        name="mcp",
        command=_module("gateway.mcp"),
        ready=lambda _: _answers(f"http://{at.address}/health"),
        environment={
            "QMCP_MCP_HOST": at.host,
            "QMCP_MCP_PORT": str(at.port),
            "QMCP_MCP_METRICS_HOST": metrics_at.host,
            "QMCP_MCP_METRICS_PORT": str(metrics_at.port),
            "QMCP_MCP_STATE_KEY_FILE": str(mcp_state_file(settings.home)),
            "QMCP_AUTH": settings.auth,
        },
        listeners=(at, metrics_at),
        reloads=True,
    )


def envoy(settings: StackSettings, listeners: Listeners, behind: tuple[str, ...]) -> Process:
    """The edge. Ready means: a request has gone all the way through to what is behind it."""
    return Process(
        name="envoy",
        command=_module("gateway.envoy"),
        ready=lambda _: _answers(f"{edge_url(settings)}/health"),
        environment={
            "QMCP_HOST": settings.host,
            "QMCP_PORT": str(settings.port),
            "QMCP_AUTH": settings.auth,
            "QMCP_ENVOY_METRICS_HOST": listeners.envoy_metrics.host,
            "QMCP_ENVOY_METRICS_PORT": str(listeners.envoy_metrics.port),
        },
        listeners=(listeners.edge, listeners.envoy_metrics),
        asked_after=behind,
    )


def edge_url(settings: StackSettings) -> str:
    """Where this machine reaches the edge."""
    scheme = "https" if settings.tls_certificate_file else "http"
    return f"{scheme}://{on_this_machine(settings.host)}:{settings.port}"


def on_this_machine(host: str) -> str:
    """Where this machine reaches what listens on a host, in the form of addresses."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"[{host}]" if ":" in host else host


def _module(name: str, *arguments: str) -> Callable[[], list[str]]:
    return lambda: [sys.executable, "-m", name, *arguments]


async def _serving(at: Listener, own: Certificates | None) -> bool:
    # A channel costs a hundred times as much, and most of the time nobody listens yet.
    if not await probing.listens(on_this_machine(at.host).strip("[]"), at.port):
        return False
    async with channel(at.address, own) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _answers(url: str) -> bool:
    try:
        code, _ = await asyncio.to_thread(probing.ask, url, PROBE_SECONDS)
    except OSError:
        return False
    return code == HTTPStatus.OK
