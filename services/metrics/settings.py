"""The settings of the metrics service; those that every service has stand in servicekit."""

from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings

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


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`; those that the original had also by the names that they had there."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(populate_by_name=True)

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
    # How long single events are kept, days.
    metrics_retention_days: int = Field(default=90, ge=1, validation_alias=_as("METRICS_RETENTION_DAYS"))
