"""The table of what runs on one machine: name, command, ports, environment, what it needs, when it is ready."""

import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack import databases, keys, postgres
from devstack.settings import StackSettings
from servicekit.certificates import Certificates, certificates
from servicekit.channels import channel

PROBE_SECONDS = 2.0
SERVICES = ("tools", "access", "hitl")


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a process listens on, and the variable that chooses another."""

    host: str
    port: int
    variable: str


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the table."""

    name: str
    command: Callable[[], list[str]]
    # Whether the process with this id does its work.
    ready: Callable[[int], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    needs: tuple[str, ...] = ()
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
    """The embedded Postgres. Ready means: the services' databases are there."""

    async def ready(pid: int) -> bool:
        if not engine.ready(pid):
            return False
        await databases.make_missing(engine.url(), SERVICES)
        return True

    return Process(
        name="postgres",
        command=engine.command,
        ready=ready,
        stop=postgres.STOP,
        recover=lambda: postgres.clear_leftovers(engine.data, say),
        explain=postgres.explain,
        notice=postgres.notice,
    )


def table(settings: StackSettings, database_server: str) -> list[Process]:
    """Everything but Postgres, which is embedded only where no other server is given."""
    return [
        access(settings, database_server),
        hitl(settings, database_server),
        tools(settings, database_server),
        web(settings),
        envoy(settings),
    ]


def access(settings: StackSettings, database_server: str) -> Process:
    """The access service: who may do what."""
    own = {}
    if settings.auth == "on":
        own = {
            "QMCP_ACCESS_BOOTSTRAP_KEY_FILE": str(keys.admin_file(settings.home)),
            "QMCP_ACCESS_PRESHARED_KEYS_FILE": str(keys.preshared_file(settings.home)),
        }
    return _service("access", settings, database_server, own)


def hitl(settings: StackSettings, database_server: str) -> Process:
    """The hitl service: questions to people."""
    own = {
        "QMCP_HITL_SECRETS_KEY_FILE": str(settings.home / "hitl_secrets_key"),
        "QMCP_HITL_CALLBACK_SECRET_FILE": str(settings.home / "hitl_callback_secret"),
    }
    return _service("hitl", settings, database_server, own, needs=("access",))


def tools(settings: StackSettings, database_server: str) -> Process:
    """The tools service, which asks access who its callers are, and hitl what people say."""
    own = {
        "QMCP_TOOLS_RECEIPT_KEY_FILE": str(settings.home / "receipt_key.pem"),
        "QMCP_HITL_ADDRESS": settings.hitl_address,
    }
    return _service("tools", settings, database_server, own, needs=("access", "hitl"))


def _service(
    name: str,
    settings: StackSettings,
    database_server: str,
    environment: Mapping[str, str],
    needs: tuple[str, ...] = (),
) -> Process:
    """A gRPC service; `environment` is what it alone takes."""
    address, metrics = f"{name}_address", f"{name}_metrics_address"
    target = str(getattr(settings, address))
    grpc_port = _port(target, f"QMCP_{address.upper()}")
    metrics_port = _port(getattr(settings, metrics), f"QMCP_{metrics.upper()}")
    guarded = {}
    if settings.auth == "on" and name in keys.ASKING:
        guarded["QMCP_ACCESS_KEY_FILE"] = str(keys.service_file(settings.home, name))
    return Process(
        name=name,
        command=_module(f"services.{name}", "serve"),
        ready=lambda _: _serving(
            target,
            certificates(settings.grpc_tls_certificate_file, settings.grpc_tls_key_file, settings.grpc_tls_ca_file),
        ),
        environment={
            "QMCP_GRPC_HOST": grpc_port.host,
            "QMCP_GRPC_PORT": str(grpc_port.port),
            "QMCP_METRICS_HOST": metrics_port.host,
            "QMCP_METRICS_PORT": str(metrics_port.port),
            "QMCP_DATABASE_URL": databases.url_of(database_server, name),
            "QMCP_AUTH": settings.auth,
            **guarded,
            **environment,
        },
        ports=(grpc_port, metrics_port),
        needs=("postgres", *needs),
        reloads=True,
    )


def web(settings: StackSettings) -> Process:
    """The plain pages of the edge: health, metrics, the API's documentation."""
    port = _port(settings.web_address, "QMCP_WEB_ADDRESS")
    return Process(
        name="web",
        command=_module("gateway.web"),
        ready=lambda _: _answers(f"http://{settings.web_address}/health"),
        environment={"QMCP_WEB_HOST": port.host, "QMCP_WEB_PORT": str(port.port)},
        ports=(port,),
        reloads=True,
    )


def envoy(settings: StackSettings) -> Process:
    """The edge. Ready means: a request has gone all the way through."""
    return Process(
        name="envoy",
        command=_module("gateway.envoy"),
        ready=lambda _: _answers(f"{edge_url(settings)}/health"),
        environment={"QMCP_HOST": settings.host, "QMCP_PORT": str(settings.port), "QMCP_AUTH": settings.auth},
        ports=(
            Port(settings.host, settings.port, "QMCP_PORT"),
            Port("127.0.0.1", settings.envoy_admin_port, "QMCP_ENVOY_ADMIN_PORT"),
        ),
        needs=("access", "hitl", "tools", "web"),
    )


def edge_url(settings: StackSettings) -> str:
    """Where this machine reaches the edge."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 -- compared, not bound
    scheme = "https" if settings.tls_certificate_file else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _module(name: str, *arguments: str) -> Callable[[], list[str]]:
    return lambda: [sys.executable, "-m", name, *arguments]


def _port(address: str, variable: str) -> Port:
    host, _, port = address.rpartition(":")
    return Port(host.strip("[]"), int(port), variable)


async def _serving(target: str, own: Certificates | None) -> bool:
    async with channel(target, own) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _answers(url: str) -> bool:
    try:
        # Not through a proxy that the environment names. The certificate may be for the name by which others call the
        # edge; who answers on our own port is no question.
        async with httpx.AsyncClient(trust_env=False, timeout=PROBE_SECONDS, verify=False) as client:  # noqa: S501
            return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
