"""The settings of the tasks service; those that every service has stand in servicekit."""

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from servicekit.settings import LogLevel, Network, ServiceSettings


def _upper(level: str) -> str:
    # In the original's guide it is in small letters.
    return level.upper()


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`; what the original had also by the name that it had there."""

    model_config = SettingsConfigDict(populate_by_name=True)

    # As all services have them, and by the names that the original had.
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        default="INFO", validation_alias=AliasChoices("QMCP_LOG_LEVEL", "LOG_LEVEL")
    )
    database_pool_size: int = Field(
        default=10, ge=2, validation_alias=AliasChoices("QMCP_DATABASE_POOL_SIZE", "DATABASE_POOL_SIZE")
    )

    # How often leases that have expired are looked for, seconds. No read and no write depends on it: it says how soon
    # the board and whoever waits hear of them.
    tasks_sweep_seconds: float = Field(
        default=5, gt=0, validation_alias=AliasChoices("QMCP_TASKS_SWEEP_SECONDS", "LOCK_CLEANUP_INTERVAL")
    )
    # How many attempts of a task may fail before it is blocked, where the task does not say.
    tasks_max_attempts: int = Field(default=5, ge=1, le=100)
    # How long what another service does under a lease (a tool, a question to a human) keeps it at most, seconds, where
    # nobody says that it has ended.
    tasks_max_park_seconds: int = Field(default=86_400, ge=60, le=31_536_000)
    # Calls that wait for a task in one replica at most.
    tasks_max_waiters: int = Field(default=1_000, ge=1)
    # Networks where what is shown as evidence may stand although they are loopback, private or link-local;
    # comma-separated CIDRs.
    tasks_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    # How much is read of one URL that is shown as evidence, bytes, and how long reading those of one completion may
    # take, seconds.
    tasks_evidence_max_bytes: int = Field(default=16 * 1024 * 1024, ge=1)
    tasks_evidence_timeout_seconds: float = Field(default=5, gt=0, le=8)
    # How long what happened on boards is kept, days: whoever was away for longer begins with what there is. The last
    # event of a board stays.
    tasks_event_days: int = Field(default=90, ge=1)
    # The folder of planning files, with `prds`, `epics`, `tasks` and `archive` in it; empty: there are none. Replicas
    # share it.
    tasks_planning_folder: str = ""
    # Calls that watch boards in one replica at most; one more is told so.
    tasks_max_watchers: int = Field(
        default=1_000, ge=1, validation_alias=AliasChoices("QMCP_TASKS_MAX_WATCHERS", "WEBSOCKET_MAX_CONNECTIONS")
    )

    @field_validator("tasks_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
