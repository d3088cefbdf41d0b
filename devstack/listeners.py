"""Where each process listens: where a variable says, else at the usual port, else at a free one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from devstack import ports
from devstack.errors import CannotRunError
from devstack.services import Service
from devstack.settings import StackSettings

HOST = "127.0.0.1"
# A service's port is the first one and its place among the names of all services; metrics pages leave out those that
# some service has besides.
FIRST_GRPC_PORT = 50051
FIRST_METRICS_PORT = 9464
WEB_PORT = 3380
MCP_PORT = 3381
# Beyond those of the services.
MCP_METRICS_PORT = 9480
ENVOY_METRICS_PORT = 9902


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a process listens, and the variable that chooses another place."""

    host: str
    port: int
    variable: str

    @property
    def address(self) -> str:
        """`host:port`, with brackets around an IPv6 host."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listeners:
    """All of them but Postgres."""

    grpc: Mapping[str, Listener]
    metrics: Mapping[str, Listener]
    # Of each service those that it has besides.
    further: Mapping[str, Sequence[Listener]]
    web: Listener
    mcp: Listener
    mcp_metrics: Listener
    edge: Listener
    # What Envoy counts.
    envoy_metrics: Listener

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the processes find one another; the same for all."""
        addressed = (*self.grpc.values(), *self.metrics.values(), self.web, self.mcp, self.mcp_metrics)
        return {listener.variable: listener.address for listener in addressed}


def choose(settings: StackSettings, services: Sequence[Service], variables: Mapping[str, str]) -> Listeners:
    """Where everything listens.

    What a person has chosen must be free. The usual ports are for the usual edge: a system with another has free ones,
    so that it stands beside the first without further choices, however close to one another they start.

    Raises:
        CannotRunError: where a chosen port is taken, or a variable holds no address.
    """
    usual = settings.port == StackSettings.model_fields["port"].default

    kept = {port for service in services for port in service.ports.values()}

    def further(service: Service) -> list[Listener]:
        chosen = {
            variable: next(
                (text for name in service.names_of(variable) if (text := variables.get(name, "").strip())), ""
            )
            for variable in service.ports
        }
        return [
            _chosen(variable, f"{HOST}:{chosen[variable] or near(port)}") for variable, port in service.ports.items()
        ]

    def near(preferred: int) -> int:
        return preferred if usual and ports.is_free(HOST, preferred) else ports.free(HOST)

    def listener(variable: str, preferred: int) -> Listener:
        if chosen := variables.get(variable, "").strip():
            return _chosen(variable, chosen)
        return Listener(HOST, near(preferred), variable)

    def envoy_metrics() -> Listener:
        port = variables.get("QMCP_ENVOY_METRICS_PORT", "").strip() or str(near(ENVOY_METRICS_PORT))
        host = variables.get("QMCP_ENVOY_METRICS_HOST", "").strip() or HOST
        return _chosen("QMCP_ENVOY_METRICS_PORT", f"{host}:{port}")

    ranked = list(enumerate(sorted(services, key=lambda service: service.name)))
    listeners = Listeners(
        grpc={each.name: listener(each.address_variable, FIRST_GRPC_PORT + rank) for rank, each in ranked},
        metrics={
            each.name: listener(each.metrics_variable, port)
            for (_, each), port in zip(
                ranked, (port for port in count(FIRST_METRICS_PORT) if port not in kept), strict=False
            )
        },
        further={each.name: further(each) for each in services},
        web=listener("QMCP_WEB_ADDRESS", WEB_PORT),
        mcp=listener("QMCP_MCP_ADDRESS", MCP_PORT),
        mcp_metrics=listener("QMCP_MCP_METRICS_ADDRESS", MCP_METRICS_PORT),
        edge=Listener(settings.host, settings.port, "QMCP_PORT"),
        envoy_metrics=envoy_metrics(),
    )
    ports.require_free((each.host, each.port, name, each.variable) for name, each in _named(listeners))
    return listeners


def _chosen(variable: str, text: str) -> Listener:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:  # noqa: PLR2004 -- what TCP has
        raise CannotRunError(f"The environment is not right. {variable}: {text!r} is not host:port.")
    return Listener(host.strip("[]"), int(port), variable)


def _named(listeners: Listeners) -> Iterator[tuple[str, Listener]]:
    """Each with the name of the process that needs it."""
    yield from (("envoy", listeners.edge), ("envoy", listeners.envoy_metrics), ("web", listeners.web))
    yield from (("mcp", listeners.mcp), ("mcp", listeners.mcp_metrics))
    yield from listeners.grpc.items()
    yield from listeners.metrics.items()
    yield from ((name, each) for name, more in listeners.further.items() for each in more)
