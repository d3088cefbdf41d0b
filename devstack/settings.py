"""What a person can choose about the system on one machine: environment variables, and a `.env` file beside them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from devstack.errors import CannotRunError
from servicekit.settings import LogLevel

PREFIX = "QMCP_"


class StackSettings(BaseModel):
    """Read from variables with the prefix `QMCP_`; services and edge read theirs themselves from what we pass on."""

    model_config = ConfigDict(extra="ignore", frozen=True, validate_default=True)

    # Where everything that is to stay is kept: the data of Postgres, the keys.
    home: Path = Path(".qmcp")
    # Where the edge listens.
    host: str = "127.0.0.1"
    port: int = Field(default=3333, ge=1, le=65535)
    # For the other processes QMCP_<NAME>_ADDRESS and QMCP_<NAME>_METRICS_ADDRESS choose (listeners.py).
    # With both, the edge speaks TLS; it reads them itself, here they decide how it is called.
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    # With all three, services and edge show each other certificates; they read them themselves, here they decide how a
    # service is asked whether it is ready.
    grpc_tls_certificate_file: Path | None = None
    grpc_tls_key_file: Path | None = None
    grpc_tls_ca_file: Path | None = None
    # The embedded Postgres; 0: any free port.
    postgres_port: int = Field(default=0, ge=0, le=65535)
    # A Postgres server of one's own instead; each service has its own database there, and makes it where it is missing.
    database_url: str = ""
    # console | json: how all processes log, and we; unset: console on a terminal, else json.
    log_format: str = ""
    debug: bool = False
    log_level: LogLevel = "INFO"
    # on: callers need an API key or a token; an admin key is made at the first start.
    auth: Literal["off", "on"] = "off"
    # Services tell the one that keeps metrics what they count. False: only where QMCP_OTLP_METRICS_ADDRESS says.
    own_metrics: bool = True
    otlp_metrics_address: str = ""
    # True: let others than this machine in although nothing checks who they are.
    allow_keyless: bool = False

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        # SQLAlchemy's form, which the original took.
        value = value.replace("postgresql+asyncpg://", "postgresql://", 1)
        if value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError(
                f"the data is kept in Postgres, so it begins with postgresql://, not {value.partition(':')[0]}:. Leave "
                "it out for the embedded Postgres, which needs no installation"
            )
        return value


def environment() -> dict[str, str]:
    """The environment of this process over the `.env` file of the working folder."""
    written = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**written, **os.environ}


def read(variables: Mapping[str, str]) -> StackSettings:
    """The settings from these variables; an empty one counts as unset."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in variables.items()
        if name.startswith(PREFIX) and value.strip()
    }
    try:
        return StackSettings.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise CannotRunError(f"The environment is not right. {faults}.") from None
