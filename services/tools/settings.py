"""The settings of the tools service; those that every service has stand in servicekit."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from servicekit.settings import Network, ServiceSettings
from services.tools.upstreams.models import may_pass


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`."""

    PEERS: ClassVar[tuple[str, ...]] = ("access", "hitl", "tasks")
    # It asks people in the name of its callers.
    KEY_ROLES: ClassVar[tuple[str, ...]] = ("service", "delegate")
    HOME_FILES: ClassVar[Mapping[str, str]] = {
        "tools_receipt_key_file": "receipt_key.pem",
        "tools_secrets_key_file": "tools_secrets_key",
    }

    # PEM file with the Ed25519 key that signs the checkpoints of receipts; the same for all replicas. It is made where
    # it does not exist and the folder may be written.
    tools_receipt_key_file: Path = Path("receipt-key.pem")
    # PEM file with the public keys that signed checkpoints before this one, one after the other: what they signed still
    # verifies after the key was changed. Empty: only the present key counts.
    tools_receipt_old_keys_file: Path | None = None
    # A checkpoint is signed when this many seconds have passed or this many receipts have been written since the last.
    tools_checkpoint_seconds: float = Field(default=5, gt=0)
    tools_checkpoint_rows: int = Field(default=10_000, ge=1)

    # How long a retry with the same idempotency_key gets the first outcome, days; of what has not ended, always.
    tools_idempotency_days: int = Field(default=30, ge=1)
    # How long invocations are kept, days; by whole months. 0: for ever. What is in no archive yet stays longer (`qmcp
    # receipts archive`), unless the second says that it need not be.
    tools_audit_days: int = Field(default=0, ge=0)
    tools_audit_drop_unarchived: bool = False

    # A folder of files: `${secret.NAME}` in a header of an HTTP tool, or the
    # metadata of a gRPC tool, is the content of the file NAME, `${basic.NAME}`
    # what HTTP's Basic authentication makes of it, `${oauth.NAME}` a token of the OAuth client that it declares. Empty:
    # none.
    tools_secrets_dir: Path | None = None
    # A file with the key that seals what authorization servers give and the service keeps: 32 bytes in URL-safe base64;
    # several lines: the first seals, all open. The same for all replicas; made where it is absent and the folder may be
    # written.
    tools_secrets_key_file: Path = Path("secrets-key")
    # JSON file with ways to servers, which tools may name as their `transport_profile`: authorities in place of the
    # system's, a certificate of ours, a proxy: `{"partner": {"ca_file": "/etc/ca.pem", "certificate_file": "…",
    # "key_file": "…", "proxy": "http://proxy:3128", "proxy_authorization": "${basic.NAME}"}}`. It is read at the start;
    # the files that it names count as they are at each moment. Empty: there are none.
    tools_transport_profiles_file: Path | None = None
    # Names of headers of callers that HTTP tools may send along, comma-separated; none of credentials or of the
    # connection. Empty: none pass.
    tools_caller_headers: Annotated[tuple[str, ...], NoDecode] = ()
    # Networks that HTTP and gRPC tools may reach although they are loopback, private or link-local; comma-separated
    # CIDRs such as `10.20.0.0/16`.
    tools_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    # The largest answer of an HTTP or gRPC tool that is taken, bytes.
    tools_max_response_bytes: int = 1024 * 1024

    # How often an MCP server's tools are listed again that announces no change, seconds.
    tools_mcp_refresh_seconds: float = Field(default=300, ge=1)
    # JSON file with the commands that may be run as MCP servers over their pipes, `{"files": {"command": ["mcp-files",
    # "/srv/files"], "env": {"TOKEN": "${secret.NAME}"}, "folder": "/srv"}}`: callers choose among these names and can
    # change nothing of a command. Each replica runs its own. Empty: none may be run.
    tools_stdio_commands_file: Path | None = None
    # How much memory such a process may take together with its children, bytes; one that takes more is ended.
    tools_stdio_max_memory_bytes: int = Field(default=1024 * 1024 * 1024, ge=16 * 1024 * 1024)

    # The hitl service, `host:port`, which asks humans for approvals. Where auth is on, it is asked with the key in
    # access_key_file. While it is away, approvals wait and all else goes on; empty: they wait for ever.
    hitl_address: str = "hitl:50051"

    # The tasks service, `host:port`, which says whether callers hold the leases that they name. Without it, calls that
    # name none go on, and those that do are refused.
    tasks_address: str = "tasks:50051"

    # After so many approvals by humans of an equal call, the next request proposes a grant for it. 0: none does.
    tools_propose_grant_after: int = Field(default=3, ge=0, le=100)

    # Invocations that wait for a free slot of their tool, per slot.
    tools_queue_per_slot: int = Field(default=10, ge=0)
    # Threads for tools that are plain (not async) Python functions.
    tools_threads: int = Field(default=16, ge=1)
    # A replica without a heartbeat for this long is taken for dead, and what it left open for interrupted, seconds.
    tools_lease_seconds: float = Field(default=10, ge=1)

    @field_validator("tools_allowed_networks", "tools_caller_headers", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("tools_caller_headers")
    @classmethod
    def _require_passable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) or not may_pass(name):
                raise ValueError(f"{name!r} is no header that may pass on to the servers of tools")
        return value
