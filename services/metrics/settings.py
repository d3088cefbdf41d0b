"""The settings of the metrics service; those that every service has stand in servicekit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, ModelWrapValidatorHandler, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from servicekit.settings import Network, ServiceSettings

# What the original's guide sets in each of its places.
PROFILES: Mapping[str, Mapping[str, float]] = {
    name: {"metrics_rate_limit": rate, "metrics_batch_size": batch, "metrics_flush_interval_seconds": seconds}
    for name, rate, batch, seconds in (
        ("development", 100, 10, 5),
        ("staging", 1000, 100, 15),
        ("production", 5000, 500, 10),
        ("tuning", 10_000, 1000, 5),
    )
}
UNITS = {"KB": 1024, "MB": 1024**2, "GB": 1024**3, "B": 1}


def _bytes(value: Any) -> Any:
    """`10MB` as the original's guide writes sizes, or a number."""
    if isinstance(value, str):
        for unit, factor in UNITS.items():
            number = value.strip().upper().removesuffix(unit).strip()
            if number.isdecimal() and value.strip().upper() != number:
                return int(number) * factor
    return value


def _as(original: str) -> AliasChoices:
    """A setting by our name, or by the one that the original's guide gives it."""
    return AliasChoices(f"QMCP_METRICS_{original.removeprefix('METRICS_')}", original)


def _named(ours: str, original: str) -> AliasChoices:
    return AliasChoices(f"QMCP_METRICS_{ours}", original)


def _words(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _numbers(value: Any) -> Any:
    return tuple(sorted(float(part) for part in _words(value))) if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`; those that the original had also by the names that they had there."""

    # Monitors ask people and pause tools.
    PEERS: ClassVar[tuple[str, ...]] = ("access", "hitl", "tools")
    KEY_ROLES: ClassVar[tuple[str, ...]] = ("service", "delegate", "monitor")
    HOME_FILES: ClassVar[Mapping[str, str]] = {"metrics_secrets_key_file": "metrics_secrets_key"}
    PORTS: ClassVar[Mapping[str, int]] = {"metrics_prometheus_port": 9465}

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(populate_by_name=True)

    # A name for the next setting and the two of buffered events, with the numbers that the original's guide has for
    # such a place (docs/metrics.md). Whichever is set itself goes before it.
    metrics_profile: Literal["", "development", "staging", "production", "tuning"] = ""
    # Calls a minute that a caller may make, over all replicas, where its key names no rate; 0: as many as it likes.
    metrics_rate_limit: int = Field(default=1000, ge=0, le=1_000_000, validation_alias=_as("METRICS_RATE_LIMIT"))
    # The largest request that is taken, bytes or as `10MB`; over HTTP the edge has a bound of its own. As all services
    # have it, and by the name that the original had.
    max_message_bytes: Annotated[int, BeforeValidator(_bytes)] = Field(
        default=4 * 1024 * 1024, ge=1024, validation_alias=AliasChoices("QMCP_MAX_MESSAGE_BYTES", "MAX_REQUEST_SIZE")
    )
    # Of events that were taken in with `ack: buffered`: how many are written at once, without waiting for more.
    metrics_batch_size: int = Field(default=100, ge=1, validation_alias=_as("BATCH_SIZE"))
    # How long these wait at most, seconds.
    metrics_flush_interval_seconds: float = Field(default=30, gt=0, validation_alias=_as("FLUSH_INTERVAL_SECONDS"))
    # What waits to be written in one replica at most, bytes as it came; more is refused with OVERLOADED.
    metrics_max_queued_bytes: int = Field(default=32 * 1024 * 1024, ge=1024 * 1024)
    # What is remembered of the series that one caller sends by OTLP: how many, and bytes. Of more, those are let go
    # that were told of longest ago.
    metrics_otlp_max_series: int = Field(default=200_000, ge=1)
    metrics_otlp_max_state_bytes: int = Field(default=128 * 1024 * 1024, ge=1024)
    # How long single events and roll-ups by minute are kept, days, unless an administrator says otherwise.
    metrics_retention_days: int = Field(default=90, ge=1, validation_alias=_as("METRICS_RETENTION_DAYS"))
    # The same of roll-ups by hour, and by day.
    metrics_hourly_retention_days: int = Field(default=365, ge=1)
    metrics_daily_retention_days: int = Field(default=1095, ge=1)
    # The dimensions by which roll-ups tell values apart, comma-separated; what is asked by others, events answer.
    metrics_rollup_dimensions: str = (
        "metric_name,tool_name,server_name,server_path,client_name,client_version,method,success,status,operation,"
        "resource_type,gen_ai.operation.name,gen_ai.provider.name,gen_ai.request.model,gen_ai.token.type"
    )

    # The services that monitors act on, `host:port`. Where auth is on, they are called with the key in access_key_file.
    hitl_address: str = "hitl:50051"
    tools_address: str = "tools:50051"
    # A file with the key that encrypts the secrets of monitors (Fernet, in lines: the first encrypts, all decrypt).
    # The same for all replicas. It is made where it does not exist and the folder may be written.
    metrics_secrets_key_file: Path = Path("secrets-key")
    # Networks that these webhooks may reach although they are loopback, private or link-local; comma-separated CIDRs.
    metrics_allowed_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_words)] = ()

    # Whether Prometheus may scrape the original's instruments, and where: on the host of the other page, at this port.
    metrics_prometheus_enabled: bool = Field(
        default=True, validation_alias=_named("PROMETHEUS_ENABLED", "OTEL_PROMETHEUS_ENABLED")
    )
    metrics_prometheus_port: int = Field(
        default=9465, validation_alias=_named("PROMETHEUS_PORT", "OTEL_PROMETHEUS_PORT")
    )
    # The upper bounds of the buckets of its histograms, seconds, separated by commas.
    metrics_histogram_buckets: Annotated[tuple[float, ...], NoDecode, BeforeValidator(_numbers)] = Field(
        default=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
        validation_alias=_named("HISTOGRAM_BUCKETS", "HISTOGRAM_BUCKET_BOUNDARIES"),
    )
    # Which dimensions are labels there, besides the service and the type; and of each label how many values, and of how
    # many characters: the rest share `_other`. And how many combinations of them there may be.
    metrics_label_keys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        default=("success", "method", "server", "server_name", "tool_name", "client_name", "client_version"),
        validation_alias=_as("METRICS_LABEL_KEYS"),
    )
    metrics_max_label_cardinality: int = Field(default=150, ge=1, validation_alias=_as("METRICS_MAX_LABEL_CARDINALITY"))
    metrics_max_label_length: int = Field(default=96, ge=1, validation_alias=_as("METRICS_MAX_LABEL_LENGTH"))
    metrics_max_label_combinations: int = Field(default=5_000, ge=1)
    # Where the same goes by OTLP over HTTP, `http://collector:4318`; empty: nowhere. How often, under which name, with
    # which headers (`name=value,name=value`), and as totals or as what each interval added.
    metrics_otlp_endpoint: str = Field(default="", validation_alias=_named("OTLP_ENDPOINT", "OTEL_OTLP_ENDPOINT"))
    metrics_otlp_export_interval_ms: int = Field(
        default=30_000, ge=1, validation_alias=_named("OTLP_EXPORT_INTERVAL_MS", "OTEL_OTLP_EXPORT_INTERVAL_MS")
    )
    metrics_otlp_service_name: str = Field(
        default="qmcp-metrics", validation_alias=_named("OTLP_SERVICE_NAME", "OTEL_SERVICE_NAME")
    )
    metrics_otlp_headers: str = Field(default="", validation_alias=_named("OTLP_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"))
    metrics_otlp_temporality: Annotated[Literal["cumulative", "delta"], BeforeValidator(_lower)] = Field(
        default="cumulative",
        validation_alias=_named("OTLP_TEMPORALITY", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"),
    )

    @model_validator(mode="wrap")
    @classmethod
    def _by_profile(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """What a profile says of settings that are not set themselves."""
        settings = handler(given)
        named = PROFILES.get(settings.metrics_profile, {})
        unset = {name: value for name, value in named.items() if name not in settings.model_fields_set}
        return handler({**given, **unset}) if unset else settings

    @property
    def rollup_dimensions(self) -> Sequence[str]:
        """The names in that list."""
        return [name.strip() for name in self.metrics_rollup_dimensions.split(",") if name.strip()]

    @property
    def retention_days(self) -> Mapping[str, int]:
        """Of each table, as the routes of the original call it."""
        return {
            "metrics": self.metrics_retention_days,
            "metrics_minutely": self.metrics_retention_days,
            "metrics_hourly": self.metrics_hourly_retention_days,
            "metrics_daily": self.metrics_daily_retention_days,
        }
