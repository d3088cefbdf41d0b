"""Every setting of the edge: what Envoy is told, and what the pages need to know."""

import ipaddress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway import mcp_limits, services

# Addresses of what need not be there.
MAY_BE_EMPTY = ("edge_metrics_address", "mcp_address", "mcp_metrics_address")
DEFAULT_PORT = {"http": 4317, "https": 443}
# Where the original's metrics service listened.
ORIGINAL_METRICS_PORT = 8890


def host_and_port(address: str) -> tuple[str, int]:
    """Takes `host:port` or `[ipv6]:port` apart.

    Raises ValueError where it is neither.
    """
    parts = urlsplit(f"//{address}")
    if not parts.hostname or parts.port is None or parts.path:
        raise ValueError(f"{address!r} is not host:port")
    return parts.hostname, parts.port


class PeerSettings(BaseSettings):
    """Where the services are."""

    model_config = SettingsConfigDict(env_prefix="QMCP_", env_ignore_empty=True, extra="ignore")

    # host:port of each service's gRPC, from variables that gateway/services.py names.
    service_addresses: dict[str, str] = Field(default_factory=services.addresses)

    # PEM files for mutual TLS with the services: the certificate and key that are shown to them, and the authority
    # whose certificates they must show, each for the host of its address above. All three or none; none: plain text.
    grpc_tls_certificate_file: Path | None = None
    grpc_tls_key_file: Path | None = None
    grpc_tls_ca_file: Path | None = None

    @field_validator("*", mode="after")
    @classmethod
    def _is_an_address(cls, value: object, info: object) -> object:
        name = getattr(info, "field_name", "")
        if name.endswith("_address") and isinstance(value, str) and (value or name not in MAY_BE_EMPTY):
            host_and_port(value)
        if name.endswith("_addresses") and isinstance(value, dict):
            for each in value.values():
                host_and_port(each)
        return value


class CallSettings(PeerSettings):
    """What holds for calls whether Envoy or the MCP endpoint passes them on."""

    # Whether services check who calls; the edge passes credentials on and checks nothing itself.
    auth: Literal["off", "on"] = "off"
    # Origins whose pages a browser lets call the edge, separated by commas; `*` for all; empty for the edge's own only.
    cors_origins: str = ""
    # The same by the variables of the original that made documents: whether, and which, all where it does not say.
    original_cors: bool = Field(default=False, validation_alias="DOCOPS_ENABLE_CORS")
    original_cors_origins: str = Field(default="*", validation_alias="DOCOPS_CORS_ALLOW_ORIGINS")
    # Larger bodies over HTTP/JSON are 413. Bytes.
    max_body_bytes: int = 4 * 1024 * 1024
    # How long a call may take that names no deadline, in seconds.
    edge_timeout_seconds: int = Field(default=30, ge=1)
    # The same for calls that wait for a tool; the longest that a tool may run.
    edge_long_timeout_seconds: int = Field(default=3600, ge=1)

    @model_validator(mode="after")
    def _takes_the_originals_origins(self) -> Self:
        if self.original_cors and not self.cors_origins:
            self.cors_origins = self.original_cors_origins
        return self


class EdgeSettings(CallSettings):
    """What Envoy is told. A field's name in envoy.yaml is its name here."""

    # Where the edge listens.
    host: str = "127.0.0.1"
    port: int = 3333
    # Whether these pages may send what the browser keeps for the edge, and how long a browser remembers what they may,
    # in seconds; by the original's variables too.
    cors_allow_credentials: bool = Field(
        default=False, validation_alias=AliasChoices("QMCP_CORS_ALLOW_CREDENTIALS", "DOCOPS_CORS_ALLOW_CREDENTIALS")
    )
    cors_max_age: int = Field(
        default=600, ge=0, validation_alias=AliasChoices("QMCP_CORS_MAX_AGE", "DOCOPS_CORS_MAX_AGE")
    )
    # Where it listens besides, host:port, separated by commas.
    further_addresses: str = ""
    # The same by the variables of the original metrics service, for clients that know it at its own port. Either of
    # them is enough: the host is else the one above, the port 8890. Neither: nowhere.
    metrics_service_host: str = Field(default="", validation_alias="METRICS_SERVICE_HOST")
    metrics_service_port: int | None = Field(default=None, ge=1, le=65535, validation_alias="METRICS_SERVICE_PORT")
    # The same by those of the original project manager: where its API and its MCP were. Everything is at each.
    default_port: int | None = Field(default=None, ge=1, le=65535, validation_alias="DEFAULT_PORT")
    mcp_port: int | None = Field(default=None, ge=1, le=65535, validation_alias="MCP_PORT")
    # True: listen beyond loopback although callers are not authenticated. For networks that others guard.
    allow_keyless: bool = False
    # PEM files by which the edge speaks TLS, and nothing else, to its callers; both or neither. New ones are taken
    # without a restart when they are moved into their place, as Kubernetes and `mv` do.
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    # host:port of the pages (gateway.web).
    web_address: str = "127.0.0.1:3380"
    # host:port of the MCP endpoint (gateway.mcp).
    mcp_address: str = "127.0.0.1:3381"

    # Where Prometheus may read Envoy's own figures, at /metrics; 0 means nowhere.
    envoy_metrics_host: str = "127.0.0.1"
    envoy_metrics_port: int = 0
    # Threads that carry traffic. One suffices for about three service processes.
    envoy_concurrency: int = Field(default=1, ge=1)
    # From 95 % of this on Envoy gives memory back, from 98 % on it refuses requests. Bytes.
    envoy_max_heap_bytes: int = 512 * 1024 * 1024
    # Envoy's own log on stderr.
    envoy_log_level: str = "warning"
    # How long a stop waits for calls in flight, in seconds.
    envoy_drain_seconds: float = 10.0

    # Hosts, without a port, by which callers may name the edge where QMCP_AUTH=off, beside those of this machine,
    # separated by commas; others are 403. Empty: this machine's alone, or all where it listens beyond loopback.
    allowed_hosts: str = ""
    # Networks whose callers are let in, as 10.1.0.0/16, separated by commas; others are 403. Empty: all.
    allowed_client_networks: str = ""
    # The largest message that services take over gRPC, by the same name as theirs; the edge holds a request until all
    # of it is here. Bytes.
    max_message_bytes: int = 4 * 1024 * 1024
    # How long a request may take to arrive, its body too, in seconds; then it is 408. Until all of it is here it takes
    # no place of the calls in flight.
    edge_body_seconds: int = Field(default=10, ge=1)
    # Calls in flight towards one service, by each Envoy; those past it are 429 at once. Quick ones; those that wait for
    # a tool; streams, and waits for people. Where tools are slow, raise the second, or let agents use StartInvocation,
    # which waits for none.
    edge_max_quick_calls: int = Field(default=1024, ge=1)
    edge_max_invocations: int = Field(default=100, ge=1)
    edge_max_streams: int = Field(default=4096, ge=1)
    # Connections of callers; those past it are closed.
    edge_max_connections: int = Field(default=10000, ge=1)
    # Requests a minute from one address, by each Envoy; 0 for no limit.
    edge_rate_limit_per_minute: int = Field(default=0, ge=0)
    # Requests a minute of MCP from one address, by each Envoy, by method and by tool, separated by commas:
    # `tools/call=600, tools/call:send_mail=10, unnamed=60`. Clients of 2025-11-25 name neither: `unnamed` is for what
    # they send, and must be there. Empty: no limit but the one above.
    edge_mcp_limits: str = ""
    # Proxies in front whose X-Forwarded-For is believed.
    edge_trusted_hops: int = Field(default=0, ge=0)
    # One line of JSON on stdout for each request.
    edge_access_log: bool = True

    # http(s)://host:port of an OpenTelemetry collector (OTLP over gRPC); empty for no traces.
    otlp_endpoint: str = ""
    # How many of the traces that begin here are kept, in percent.
    otlp_sample_percent: float = Field(default=100.0, ge=0, le=100)

    @property
    def addresses(self) -> list[tuple[str, int, str]]:
        """Everywhere it listens, the first of them first: host, port, and the variable that says so."""
        found = [(self.host, self.port, "QMCP_PORT")]
        further = [each.strip() for each in self.further_addresses.split(",") if each.strip()]
        found += [(*host_and_port(each), "QMCP_FURTHER_ADDRESSES") for each in further]
        if self.metrics_service_host or self.metrics_service_port:
            port = self.metrics_service_port or ORIGINAL_METRICS_PORT
            found.append((self.metrics_service_host or self.host, port, "METRICS_SERVICE_PORT"))
        originals = (("DEFAULT_PORT", self.default_port), ("MCP_PORT", self.mcp_port))
        found += [(self.host, port, variable) for variable, port in originals if port]
        return found

    @field_validator("further_addresses")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for each in value.split(","):
            if each.strip():
                host_and_port(each.strip())
        return value

    @field_validator("edge_mcp_limits")
    @classmethod
    def _are_limits(cls, value: str) -> str:
        mcp_limits.parsed(value)
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_a_url(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in DEFAULT_PORT or not urlsplit(value).hostname):
            raise ValueError(f"{value!r} is not http://host:port or https://host:port")
        return value

    @field_validator("allowed_client_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    def refusal(self) -> str:
        """A sentence on why the edge should not listen where it is told to; empty where it may."""
        strangers = [(variable, host) for host, _, variable in self.addresses if not is_loopback(host)]
        if self.auth == "on" or self.allow_keyless or not strangers:
            return ""
        variable, host = strangers[0]
        return (
            f"{variable.replace('PORT', 'HOST')}={host} would let in callers from beyond this machine, and nothing "
            "checks who they are. Set QMCP_AUTH=on, keep 127.0.0.1, or set QMCP_ALLOW_KEYLESS=true where the network "
            "itself is guarded."
        )


def networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Takes networks apart that are separated by commas.

    Raises ValueError where one is none, or has bits beyond its prefix.
    """
    return [ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip()]


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WebSettings(PeerSettings):
    """What the pages need to know."""

    # Where the pages listen; only Envoy has to reach it.
    web_host: str = "127.0.0.1"
    web_port: int = 3380
    # host:port of each service's Prometheus page, from variables that gateway/services.py names.
    metrics_addresses: dict[str, str] = Field(default_factory=services.metrics_addresses)
    # host:port of Envoy's own figures (QMCP_ENVOY_METRICS_PORT), of which /metrics shows what the edge answered itself;
    # every address behind the name is read. Empty: /metrics is without it.
    edge_metrics_address: str = ""
    # host:port of the MCP endpoint, for /health, and of its Prometheus page, for /metrics. Empty: they are without it.
    mcp_address: str = ""
    mcp_metrics_address: str = ""
    # How long a service may take to answer for its health or its figures, in seconds.
    web_probe_seconds: float = 2.0


class McpSettings(CallSettings):
    """What the MCP endpoint needs to know."""

    # Where it listens; only Envoy has to reach it.
    mcp_host: str = "127.0.0.1"
    mcp_port: int = 3381
    # Where its Prometheus page is.
    mcp_metrics_host: str = "127.0.0.1"
    mcp_metrics_port: int = 9480
    # How long a call waits for a human who must approve it, in seconds; then it says how to follow the invocation,
    # which goes on. Many clients give up after a minute.
    mcp_wait_seconds: int = Field(default=50, ge=1)
    # After how long a run that has not ended becomes a task, for clients that take tasks, in seconds.
    mcp_task_after_seconds: float = Field(default=2.0, ge=0)
    # How often is looked, for clients that listen, whether what they listen to has changed, in seconds.
    mcp_watch_seconds: float = Field(default=5.0, gt=0)
    # What seals the state that clients say again with their user's answer: 32 random characters or more, one key a
    # line, the first of which seals; the same for all replicas. Made where there is none. No file, or none that
    # can be made: a key of the process's own, so that what it or another replica sealed before is refused.
    mcp_state_key_file: Path | None = None
    # How long a stop waits for calls in flight, in seconds.
    mcp_shutdown_grace_seconds: int = Field(default=10, ge=1)
    # Who issues the tokens that services take (theirs to check): clients without a credential are told. Empty: API
    # keys alone.
    oidc_issuer: str = ""
    # As with the services: debug stands for console and DEBUG where nothing else is said.
    debug: bool = False
    log_format: Literal["json", "console"] | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
