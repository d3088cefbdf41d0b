"""The settings of the access service; those that every service has stand in servicekit."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`."""

    # It asks nobody who its callers are.
    PEERS: ClassVar[tuple[str, ...]] = ()
    # By it, it tells what it counts.
    KEY_ROLES: ClassVar[tuple[str, ...]] = ("ingest",)
    HOME_FILES: ClassVar[Mapping[str, str]] = {
        "access_bootstrap_key_file": "admin-key",
        "access_preshared_keys_file": "keys/preshared",
    }

    # Where an admin key is written when the service starts, callers need keys, and nobody has one. Empty: none is made.
    access_bootstrap_key_file: Path | None = None
    # Keys that shall exist without being created, a line each: `<key> <owner> <role>[,<role>]`. So services get theirs,
    # with the role `service`, which lets them ask who their callers are. Read where callers need keys. Empty: none.
    access_preshared_keys_file: Path | None = None
    # How long denials are kept, days.
    access_denials_days: int = Field(default=90, ge=1)
