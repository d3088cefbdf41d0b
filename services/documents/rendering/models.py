"""What a run is asked for and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
FormatMode = Literal["report", "strict", "off"]
FormatBaseline = Literal["template", "policy"]
FormatFixMode = Literal["none", "safe"]
FormatReportForm = Literal["human", "json", "both"]
UnsupportedMode = Literal["error", "warn"]
StartMethod = Literal["forkserver", "spawn"]

# What a run ends with. Over the API STRICT_FAILED goes before MISSING_REQUIRED, on the command line after it.
OK, MISSING_REQUIRED, UNSUPPORTED, STRICT_FAILED = 0, 2, 3, 4


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """How the format of the result is checked; a preset stands for three of these."""

    mode: FormatMode = "report"
    baseline: FormatBaseline = "template"
    fix_mode: FormatFixMode = "safe"
    report: FormatReportForm = "json"


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One run. The payload has passed its skill; the template may be anything."""

    template: bytes
    skill: str
    payload: Mapping[str, Json]
    format: FormatOptions = field(default_factory=FormatOptions)
    # The text of a policy; empty: the policy of the skill's house style.
    policy_yaml: str = ""
    unsupported_mode: UnsupportedMode = "error"
    export_suggested_policy: bool = False


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What a run came to. With UNSUPPORTED the document is the template, byte for byte."""

    exit_code: int
    message: str
    document: bytes
    # The three reports, as the entries of the zip have them.
    replace_log: Json
    missing_fields: Json
    format_report: Json
    # The report for people; empty where none was asked for.
    format_report_text: str
    # A policy that can be sent as `policy_yaml`; None where none was asked for.
    suggested_policy: str | None
    # Where each value that stands in the document is from: the manifest's rows.
    sources: Sequence[Mapping[str, Json]]
    # Milliseconds by stage; for whoever looks, never part of what is reproducible.
    timings: Mapping[str, int]
    # Of the process that rendered it, which has ended.
    pid: int
    start_method: StartMethod


@dataclass(frozen=True, slots=True)
class Precheck:
    """What a run would find, without rendering."""

    expected_exit_code: int
    template_fields: Sequence[str]
    missing_required: Sequence[str]
    missing_optional: Sequence[str]
    # Placeholders that cannot be replaced, as entries of the replace log.
    unsupported: Sequence[Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Use:
    """Where a template asks for a value: its path (`items[].name`), and the place."""

    path: str
    part: str
    paragraph: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What a template asks for: JSON Schema of its payload, and where its values are used."""

    schema: Mapping[str, Json]
    uses: Sequence[Use]


class RenderTimeoutError(Exception):
    """The run took longer than it may; its process and whatever that started have ended."""


class RenderFailedError(Exception):
    """The process ended without a result, through no fault of the template that it could name."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the isolation, and whether this machine has it."""

    name: str
    active: bool
    # Why it is missing, or what of it is there (`ABI 7`).
    detail: str
