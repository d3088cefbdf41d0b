# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of documents as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecheckSummary:
    """How much a precheck found."""

    # Placeholders of different names.
    template_field_count: int = 0
    # Placeholders that cannot be replaced.
    unsupported_count: int = 0
    # Required values that are missing.
    missing_required_count: int = 0
    # Other values that are missing.
    missing_optional_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Precheck:
    """What PrecheckForm answers."""

    # True where a run is to be expected to end with 0.
    ok: bool = False
    # 0, 2 or 3, as of runs.
    expected_exit_code: int = 0
    # The id of the request.
    request_id: str = ""
    # The numbers of what follows.
    summary: PrecheckSummary | None = None
    # The names of the placeholders that the template has, in their order.
    template_fields: tuple[str, ...] = ()
    # Required values that the template asks for and the task does not have.
    missing_required: tuple[str, ...] = ()
    # Other values that the template asks for and the task does not have.
    missing_optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run, by the names and with the values of the form's fields; what is empty is as if it were not sent."""

    # The kind of document; empty: meeting_notice.
    skill: str = ""
    # quick, template or strict.
    preset: str = ""
    # Turns the mode to strict.
    strict: bool | None = None
    # report, strict or off.
    format_mode: str = ""
    # template or policy.
    format_baseline: str = ""
    # none or safe.
    format_fix_mode: str = ""
    # human, json or both.
    format_report: str = ""
    # The policy, as YAML. At most 65,536 characters.
    policy_yaml: str = ""
    # Whether the archive shall have a policy that fits the template.
    export_suggested_policy: bool | None = None
    # In place of a template: a stored one, by its id, `name@version`, or `name` for the newest version.
    stored_template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocumentStart:
    """How RunDocument is to run."""

    # The form's fields.
    options: RunOptions | None = None
    # Makes a retry return the first archive, for as long as that is kept. At most 128 characters.
    idempotency_key: str = ""
    # The task for which it is done, by an agent that holds its lease; empty: for none. Stands with `fencing_token`.
    task_id: str = ""
    # The `fencing_token` of that lease. FAILED_PRECONDITION/`LEASE_LOST`, and nothing is done, where the lease has
    # expired, was given back, or is another's.
    fencing_token: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run: a template filled with the values of a task.

    What it was made of is here as digests; what came of it is its archive.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # `pending` and `running` of one that was started; `waiting` where people are asked for values that it lacks,
    # `held` where it is rendered and people are asked whether it may be given out; `completed` where there is a
    # document, whatever its exit code; `failed` where there is none.
    status: str = ""
    # 0 all is well, 2 required fields are missing, 3 the template has placeholders that cannot be replaced and is
    # returned as it is, 4 the format is not as the policy wants it; absent before it has ended, and where it
    # failed.
    exit_code: int | None = None
    # `ok`, `missing_required`, `strict_failed`, `other_exit_code`; of failed ones `timeout`, `bad_request`,
    # `internal_error`, `unanswered`, `not_released` or `cancelled`. Empty before.
    outcome: str = ""
    # The reason why it failed; else empty.
    error_code: str = ""
    # The kind of document.
    skill: str = ""
    # The preset that it was asked for; empty where it was none.
    preset: str = ""
    # SHA-256 of the template, in hexadecimal digits.
    template_sha256: str = ""
    # SHA-256 of the task, in hexadecimal digits.
    task_sha256: str = ""
    # SHA-256 of the policy, in hexadecimal digits; empty where none was sent.
    policy_sha256: str = ""
    # SHA-256 of the document, in hexadecimal digits; empty where it failed.
    document_sha256: str = ""
    # The required fields that were missing.
    missing_required: tuple[str, ...] = ()
    # How long it waited for its turn, milliseconds.
    queue_wait_ms: int = 0
    # How long its process took, milliseconds.
    subprocess_ms: int = 0
    # How long all of it took, milliseconds.
    total_ms: int = 0
    # The principal that asked for it.
    created_by: str = ""
    # The id of the piece of work that it belongs to; empty where nobody gave one.
    correlation_id: str = ""
    # The id of the request that asked for it.
    request_id: str = ""
    # When it was put on record: started, or, of those that are answered with their archive, ended.
    created_at: datetime | None = None
    # How large its archive is, bytes; 0 where there is none any more.
    archive_bytes: int = 0
    # When its archive is let go of; absent where there is none.
    archived_until: datetime | None = None
    # The human request that it waits for, `waiting` or `held`; empty otherwise.
    human_request_id: str = ""
    # The task for which it was done; empty where it was none.
    task_id: str = ""
    # The `fencing_token` of the lease under which it was done; 0 where there was none.
    fencing_token: int = 0
    # The batch that it belongs to; empty where it was asked for alone.
    batch_id: str = ""
    # Its number in that batch, from 1, as the payloads came; 0 where it belongs to none.
    batch_item: int = 0
    # The interview that it waits for: a conversation of its caller's, by which the questions are put and answered.
    # Empty where it waits for none, and before it has begun.
    conversation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPeople:
    """Who is asked about a run that goes on without its call, and for what."""

    # True: where required values are missing, people are asked for them, and the run goes on with what they say.
    ask_missing: bool = False
    # True: what was rendered is held back until people have approved that it is given out.
    approve_release: bool = False
    # The principals that are asked, at most 100; with these or `groups`, nobody else may answer.
    assignees: tuple[str, ...] = ()
    # The roles whose holders are asked, at most 100.
    groups: tuple[str, ...] = ()
    # True: whoever starts the run may not approve its release.
    four_eyes: bool = False
    # How long they have each time, in seconds, 60 to 86,400; 0 means 3,600.
    timeout_seconds: int = 0
    # How missing values are asked for: `human_request`, of people, or `interview`, in a conversation of the
    # caller's own, whose questions the caller puts to whom it likes (`conversation_id` of the run). Empty:
    # human_request.
    ask_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """One state of a run."""

    # 1, 2, … of this stream.
    sequence: int = 0
    # How it is.
    run: Run | None = None
    # True on the last one: it has ended.
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What the service can do."""

    # The kinds of documents, in order of their names.
    supported_skills: tuple[str, ...] = ()
    # What `task_type` may be; each skill takes the one of its own name.
    supported_task_types: tuple[str, ...] = ()
    # What `preset` may be.
    supported_presets: tuple[str, ...] = ()
    # The JSON Schema of each kind's payload.
    task_payload_schemas: dict[str, Any] | None = None
    # True: there is PrecheckForm.
    supports_precheck: bool = False
    # False: no language model answers here.
    supports_assist: bool = False
    # The version of the product.
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Many runs of one template that were started together.

    Each is a run of its own, which ends well or badly for itself: ListRuns with `batch_id` lists them.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # `running` until each of its runs has ended; `completed` then, whatever became of them; `cancelled` where
    # somebody stopped it.
    status: str = ""
    # How many runs it has.
    item_count: int = 0
    # How many of these have ended.
    ended_count: int = 0
    # How many of these ended how, by the outcomes of runs: `{"ok": 990, "missing_required": 8, "timeout": 2}`.
    outcomes: dict[str, int] = field(default_factory=dict)
    # The kind of document.
    skill: str = ""
    # The preset that it was asked for; empty where it was none.
    preset: str = ""
    # SHA-256 of the template, in hexadecimal digits.
    template_sha256: str = ""
    # The principal that started it.
    created_by: str = ""
    # The id of the piece of work that it belongs to; empty where nobody gave one.
    correlation_id: str = ""
    # The id of the request that started it.
    request_id: str = ""
    # When it was started.
    created_at: datetime | None = None
    # When the last of its runs ended; absent before.
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEvent:
    """One state of a batch."""

    # 1, 2, … of this stream.
    sequence: int = 0
    # How far it is.
    batch: Batch | None = None
    # True on the last one: all of its runs have ended.
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One version of a stored template.

    Its bytes never change: they are its SHA-256. It is shown to and may be used by whoever stored it, and the roles
    that it is shared with.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # Of all its versions; chosen by whoever stores it, whose names are no others'.
    name: str = ""
    # 1, 2, …; a number is never given twice.
    version: int = 0
    # SHA-256 of its bytes, in hexadecimal digits. Runs of it have it as `template_sha256`.
    sha256: str = ""
    # How large it is, bytes.
    size_bytes: int = 0
    # The roles whose holders see and use it, too.
    shared_with: tuple[str, ...] = ()
    # The principal that stored it.
    created_by: str = ""
    # When it was stored.
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTemplateStart:
    """Under what StoreTemplate stores."""

    # 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit; no UUID.
    name: str = ""
    # The roles whose holders shall see and use it; of those that the caller has, unless it has `documents.admin`.
    # Of bytes that are stored under this name already they are replaced.
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    """A place where a template uses a value."""

    # Of the value: `customer.name`, `items[].price`; `prices.*` for the values of an object whatever their names.
    path: str = ""
    # The part of the package: `word/document.xml`.
    part: str = ""
    # The way to the paragraph: `body/tbl[0]/tr[1]/tc[0]/p[0]`; empty where it stands in none.
    paragraph: str = ""
    # The tag or placeholder, at most 200 characters.
    snippet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractChange:
    """One difference between the contracts of two versions."""

    # `breaking`: a payload that was right may be wrong now. `added`: asked for now, and not required. `removed`: no
    # longer asked for.
    kind: str = ""
    # Of the value.
    path: str = ""
    # A sentence.
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateContract:
    """What a template asks for."""

    # The JSON Schema (2020-12) of a payload: objects by their members, loops as arrays. Required is what the
    # template uses outside of conditions and without a default; of other skills what they require. At most 12
    # levels of values.
    schema: dict[str, Any] | None = None
    # Where its values are used, in the order of the template, each place of a path once; at most 2,000.
    uses: tuple[TemplateUse, ...] = ()
    # What changed since the version before: what breaks, what is asked for now, what no longer is.
    changes: tuple[ContractChange, ...] = ()
    # True where one of the changes breaks payloads that were right for the version before.
    breaking: bool = False
