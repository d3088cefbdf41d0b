"""The settings that every service has; a service adds its own by inheriting from this class."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from servicekit.certificates import Certificates, certificates

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ServiceSettings(BaseSettings):
    """Read from the environment, prefix `QMCP_`; an unset variable has the default that stands here."""

    model_config = SettingsConfigDict(env_prefix="QMCP_", env_ignore_empty=True, extra="ignore", frozen=True)

    # What a service needs of others, said once, here; a service that needs something else says so in its own class.
    # The services that it calls: the order of starts and the network policies follow.
    PEERS: ClassVar[tuple[str, ...]] = ("access",)
    # The roles of the key by which it calls them. None: it needs no key.
    KEY_ROLES: ClassVar[tuple[str, ...]] = ("service",)
    # Its settings for files that outlive its processes, and what each file is called in the home folder of one machine.
    HOME_FILES: ClassVar[Mapping[str, str]] = {}
    # And for folders of what can be lost, since it is made again from the database: in each a service has its own.
    HOME_FOLDERS: ClassVar[Mapping[str, str]] = {}
    # Its settings for ports beside those of gRPC and of its metrics page, and the usual port of each.
    PORTS: ClassVar[Mapping[str, int]] = {}

    # Where gRPC listens. 0.0.0.0 in a container, and then see allow_keyless.
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 50051
    # PEM files for mutual TLS between services: this one's certificate and key, and the authority of all. With them
    # gRPC takes callers with a certificate of that authority only; all three or none. Renewed ones are taken at once.
    grpc_tls_certificate_file: Path | None = None
    grpc_tls_key_file: Path | None = None
    grpc_tls_ca_file: Path | None = None
    # Where gRPC health alone is answered in plain text, for probes, which can show no certificate; 0: nowhere.
    grpc_health_port: int = 0
    # Where Prometheus scrapes (`/metrics`, plain HTTP).
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464

    # postgresql://user:password@host:port/database: the service's own database.
    database_url: str
    # Connections at most; group committers and the listener take one each of their own besides.
    database_pool_size: int = Field(default=10, ge=2)
    # Exports and verifications at a time, each with a connection of its own; further ones are refused with OVERLOADED.
    database_long_reads: int = Field(default=4, ge=1)
    # Apply missing migrations at start. False where a job does it before the deployment.
    migrate_on_start: bool = True

    # True: console logs, level DEBUG.
    debug: bool = False
    log_level: LogLevel = "INFO"
    # json: one object a line; console: for people. Unset: console where debug is true, else json.
    log_format: Literal["json", "console"] | None = None
    # OTLP/gRPC address of a collector, `http://collector:4317`; empty: no tracing, and none of its cost.
    otlp_endpoint: str = ""
    # `host:port` of whoever takes what this service counts, OTLP over gRPC with the key of access_key_file: on one
    # machine the service that keeps metrics. Empty: nobody; its page has the same. And how often, seconds.
    otlp_metrics_address: str = ""
    otlp_metrics_interval_seconds: float = Field(default=10, gt=0)

    # Quick calls in flight at most, and as many long ones; further ones are refused with OVERLOADED instead of making
    # all late.
    max_concurrent_calls: int = Field(default=1000, ge=1)
    # Of these, of waits and of streams, so many of one caller at most where its key and its roles say nothing else, so
    # that nobody takes the places of all; further ones are refused with CONCURRENCY_LIMITED. Where callers are not
    # checked they cannot be told apart, and these do not count. What an invocation that was started goes on to do is a
    # long call of whoever started it.
    principal_max_quick_calls: int = Field(default=100, ge=1)
    principal_max_long_calls: int = Field(default=50, ge=1)
    principal_max_waits: int = Field(default=300, ge=1)
    principal_max_streams: int = Field(default=100, ge=1)
    # The deadline of a unary call whose caller gave none, seconds.
    default_deadline_seconds: float = 30
    # How long the reader of a stream may take for a message before the stream is ended, seconds.
    max_unread_seconds: float = Field(default=30, gt=0)
    # The largest message that is taken, and what a packed body of HTTP/JSON may grow to, bytes.
    max_message_bytes: int = 4 * 1024 * 1024
    # After SIGTERM: how long to answer "not serving" before connections are refused, seconds. A few where a
    # load balancer must notice, 0 on one machine.
    drain_seconds: float = 0
    # After that: how long calls in flight may take to end, seconds.
    shutdown_grace_seconds: float = 10
    # Connections are closed after this time so that new replicas get their share, seconds; 0: never.
    max_connection_age_seconds: int = 0

    # off: every caller is the principal `local` and may do everything. on: callers need an API key, or a token of the
    # issuer below.
    auth: Literal["off", "on"] = "off"
    # The access service, `host:port`, and the file with the key by which this service asks it.
    access_address: str = "access:50051"
    access_key_file: Path | None = None
    # How long an answer of access counts, and how long it goes on counting while access is away, seconds.
    access_remember_seconds: float = 30
    access_stale_seconds: float = 300
    # Credentials of one address that may be in the course of being checked, and how many a minute may turn out not to
    # be valid (0: no limit), before further ones of that address are refused unchecked. Those that are remembered as
    # valid always pass.
    address_max_checks: int = Field(default=50, ge=1)
    address_max_failures_per_minute: int = Field(default=6000, ge=0)
    # Quick calls of one address in flight here that came through the edge, and as many long ones, whoever makes them;
    # of IPv6 a network of 64 bits is one. 0: no limit, for callers behind one gateway or on one machine share theirs.
    address_max_calls: int = Field(default=0, ge=0)
    # OpenID Connect: the issuer of tokens and the audience they must name; empty: no tokens. Where the keys are: empty
    # asks the issuer. Which claim names the roles: by its whole name, dots and slashes included, or by the path to it.
    oidc_issuer: str = ""
    oidc_audience: str = ""
    # Tokens that name no audience at all are for us when their `client_id` or `azp` is this; empty: none of them is.
    oidc_client_id: str = ""
    oidc_jwks_url: str = ""
    oidc_roles_claim: str = "roles"

    # True: serve beyond loopback although callers are not authenticated. For networks that others guard.
    allow_keyless: bool = False

    @property
    def grpc_address(self) -> str:
        """`host:port` that gRPC binds."""
        host = f"[{self.grpc_host}]" if ":" in self.grpc_host else self.grpc_host
        return f"{host}:{self.grpc_port}"

    def certificates(self) -> Certificates | None:
        """The certificates of this service; None: plain text. SystemExit where they cannot be used."""
        return certificates(self.grpc_tls_certificate_file, self.grpc_tls_key_file, self.grpc_tls_ca_file)

    def require_guarded(self) -> None:
        """Refuses to serve strangers: without authentication only loopback is bound, unless told explicitly.

        Raises:
            SystemExit: with a sentence that says what to change.
        """
        if self.auth == "off" and not self.allow_keyless and not is_loopback(self.grpc_host):
            raise SystemExit(
                f"QMCP_GRPC_HOST={self.grpc_host} would serve callers beyond this machine, and nothing checks who they "
                "are. Set QMCP_AUTH=on, bind 127.0.0.1, or set QMCP_ALLOW_KEYLESS=true where the network is guarded."
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
