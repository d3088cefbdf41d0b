"""The settings of the documents service; those that every service has stand in servicekit."""

from typing import ClassVar, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings


def _either(name: str) -> AliasChoices:
    """Ours, and what the original called it."""
    return AliasChoices(f"QMCP_DOCUMENTS_{name}", f"DOCOPS_{name}")


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`; what the original had also by the name that it had there."""

    model_config = SettingsConfigDict(populate_by_name=True)

    PEERS: ClassVar[tuple[str, ...]] = ("access", "hitl", "questioning", "tasks")
    # It asks and interviews people in the names of its callers.
    KEY_ROLES: ClassVar[tuple[str, ...]] = ("service", "delegate", "interviewer")

    # What one call may send in all, bytes; more is 413.
    documents_max_upload_bytes: int = Field(
        default=25 * 1024 * 1024, ge=1, validation_alias=_either("MAX_UPLOAD_BYTES")
    )
    # What all calls that are sending may hold in one replica, bytes; further ones are 429.
    documents_max_held_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    # How long the process of a run may take before it is ended, seconds; then it is 408.
    documents_request_timeout_seconds: float = Field(
        default=60, gt=0, validation_alias=_either("REQUEST_TIMEOUT_SECONDS")
    )
    # Runs at a time in one replica. Those that go on without their calls have all of these but one, or the only one.
    documents_max_concurrency: int = Field(default=2, ge=1, validation_alias=_either("MAX_CONCURRENCY"))
    # How long a run waits for its turn, seconds; then it is 429. 0: not at all.
    documents_queue_timeout_seconds: float = Field(default=0, ge=0, validation_alias=_either("QUEUE_TIMEOUT_SECONDS"))
    # How the process of a run comes to be: forked from a warm one, or, as the original did, started anew.
    documents_mp_start: Literal["forkserver", "spawn"] = Field(
        default="forkserver", validation_alias=_either("MP_START")
    )
    # True: the service does not start on a machine that lacks one of the layers that keep the process of a run apart
    # (bounds of the kernel, another user, landlock, seccomp). False: it says which are missing, and goes on.
    documents_require_isolation: bool = False
    # True: archives have a trace.json.
    documents_debug_artifacts: bool = Field(default=False, validation_alias=_either("DEBUG_ARTIFACTS"))
    # False: /v1/meta is 404.
    documents_enable_meta: bool = Field(default=True, validation_alias=_either("ENABLE_META"))
    # `user:password` without which /v1/meta is 401; empty: it is for whoever may call. What is no such pair lets nobody
    # in.
    documents_web_basic_auth: str = Field(default="", validation_alias=_either("WEB_BASIC_AUTH"))
    # The commit that api_result.json names.
    documents_commit: str = Field(default="", validation_alias=AliasChoices("QMCP_DOCUMENTS_COMMIT", "COMMIT_SHA"))

    # The hitl service, `host:port`, which asks people about runs. Where auth is on, it is asked with the key in
    # access_key_file. While it is away, runs that wait for people wait on; empty: for ever.
    hitl_address: str = "hitl:50051"
    # The questioning service, `host:port`, which interviews about runs; the rest as of hitl.
    questioning_address: str = "questioning:50051"

    # The tasks service, `host:port`, which says whether callers hold the leases that they name. Without it, runs that
    # name one are refused: nobody says that it holds.
    tasks_address: str = "tasks:50051"

    # Runs that one caller has started and that have not ended, at most; those of batches are bounded as such.
    documents_max_open_runs: int = Field(default=100, ge=1)
    # Runs of one batch, and batches of one caller that have not ended, at most.
    documents_max_batch_items: int = Field(default=1000, ge=1, le=1000)
    documents_max_open_batches: int = Field(default=10, ge=1)

    # Versions of templates that one principal may have stored, and how many bytes of them together.
    documents_max_templates: int = Field(default=1000, ge=0)
    documents_max_templates_bytes: int = Field(default=256 * 1024 * 1024, ge=0)

    # How long archives are kept, hours; 0: not at all.
    documents_keep_archives_hours: float = Field(default=168, ge=0)
    # How large one may be to be kept, and all of them together, bytes; of these the oldest go first.
    documents_max_archive_bytes: int = Field(default=64 * 1024 * 1024, ge=0)
    documents_max_archives_bytes: int = Field(default=1024 * 1024 * 1024, ge=0)
    # How long runs stay on record, days.
    documents_keep_runs_days: float = Field(default=90, gt=0)
