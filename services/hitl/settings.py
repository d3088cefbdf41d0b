"""The settings of the hitl service; those that every service has stand in servicekit."""

from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from servicekit.search.settings import SearchSettings
from servicekit.settings import Network
from servicekit.smtp import is_mail_address, server_of


class Settings(SearchSettings):
    """Read from the environment, prefix `QMCP_`."""

    HOME_FILES: ClassVar[Mapping[str, str]] = {
        "hitl_secrets_key_file": "hitl_secrets_key",
        "hitl_callback_secret_file": "hitl_callback_secret",
    }

    PEERS: ClassVar[tuple[str, ...]] = ("access", "tasks")

    # The tasks service, `host:port`, which says whether callers hold the leases that they name. Without it, requests
    # that name none are made, and those that do are refused.
    tasks_address: str = "tasks:50051"

    # The longest time that a request may take, seconds. The API itself takes up to a year.
    hitl_max_timeout_seconds: int = Field(default=86_400, ge=60, le=31_536_000)
    # How often requests whose time is up are looked for, seconds. Reads do not depend on it.
    hitl_sweep_seconds: float = Field(default=1, gt=0)
    # Calls that wait for an answer and streams of events, in one replica at most.
    hitl_max_waiters: int = Field(default=20_000, ge=1)
    hitl_max_watchers: int = Field(default=1_000, ge=1)
    # How long requests are kept after they ended, days, with their answers, events and deliveries. 0: for ever.
    hitl_history_days: int = Field(default=0, ge=0)
    # Whether similar past requests are looked for: by what their prompts mean where there is an index (the settings of
    # the search), else by their words.
    hitl_similar_requests: bool = False

    # A file with the key that encrypts the secrets of webhooks (Fernet; several lines: the first encrypts, all
    # decrypt). The same for all replicas. It is made where it does not exist and the folder may be written.
    hitl_secrets_key_file: Path = Path("secrets-key")
    # A file with the secret, `whsec_...`, that signs what goes to the callbacks of requests. Made as above.
    hitl_callback_secret_file: Path = Path("callback-secret")
    # Networks that webhooks may reach although they are loopback, private or link-local; comma-separated CIDRs.
    hitl_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    # Tries of one delivery, with pauses that double from the first pause (seconds) up to six hours.
    hitl_delivery_attempts: int = Field(default=12, ge=1, le=50)
    hitl_delivery_first_pause_seconds: float = Field(default=5, gt=0)
    # How long one try may take, seconds.
    hitl_delivery_timeout_seconds: float = Field(default=10, gt=0)
    # Deliveries on their way at a time.
    hitl_deliveries_at_a_time: int = Field(default=32, ge=1)

    # The address of the edge as people reach it, `https://qmcp.example.com`: where the links lead that contacts are
    # sent. Without it there are no contacts.
    hitl_public_url: str = Field(default="", pattern=r"^(https?://[^/\s?#]+(/[^\s?#]*)?)?$")
    # The mail server: `smtp://user:password@host:port` (587; encrypted where it can be, and always where there is a
    # password) or `smtps://...` (465). Without it, and who mails come from, no contact is a mail address.
    hitl_smtp_url: SecretStr = SecretStr("")
    hitl_mail_from: str = Field(default="", pattern=r"^[^\x00-\x1f\x7f]*$")

    @field_validator("hitl_smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            server_of(value.get_secret_value())
        return value

    @field_validator("hitl_mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if value and not is_mail_address(parseaddr(value)[1]):
            raise ValueError("must be a mail address, or `Name <address>`")
        return value

    @field_validator("hitl_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
