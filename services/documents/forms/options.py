"""What the fields of a form mean: presets and what they stand for, what contradicts what, and the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from servicekit.leased_work import NO_LEASE, Lease
from services.documents import errors
from services.documents.rendering.models import (
    FormatBaseline,
    FormatFixMode,
    FormatMode,
    FormatOptions,
    FormatReportForm,
)

DEFAULT_SKILL: Final = "meeting_notice"
DEFAULT_PRESET: Final = "quick"
PRESETS: Final = {
    "quick": FormatOptions("report", "template", "safe"),
    "template": FormatOptions("report", "template", "none"),
    "strict": FormatOptions("strict", "policy", "safe"),
}
FORMAT_FIELDS: Final = {
    "format_mode": ("report", "strict", "off"),
    "format_baseline": ("template", "policy"),
    "format_fix_mode": ("none", "safe"),
    "format_report": ("human", "json", "both"),
}
FIELDS: Final = {
    *("skill", "preset", "strict", *FORMAT_FIELDS, "policy_yaml", "export_suggested_policy"),
    *("task_id", "fencing_token"),
}
MAX_TOKEN: Final = 2**31 - 1
# As the original's web framework took them.
TRUE: Final = {"true", "1", "yes", "on", "t", "y"}
FALSE: Final = {"false", "0", "no", "off", "f", "n"}


@dataclass(frozen=True, slots=True)
class Options:
    """How to run."""

    skill: str
    # As it was asked for; empty: none was.
    preset: str
    format: FormatOptions
    policy_yaml: str
    export_suggested_policy: bool
    # Under what it is done.
    lease: Lease = NO_LEASE

    @property
    def effective_preset(self) -> str:
        return self.preset or DEFAULT_PRESET


def options_from(fields: Mapping[str, str]) -> Options:
    """The options of a form; a field without a value is as if it were not there.

    Raises:
        ServiceError: INVALID_ARGUMENT, INVALID_ARGUMENT_CONFLICT.
    """
    given = {name: value for name, value in fields.items() if value}
    for name in fields:
        if name not in FIELDS:
            raise errors.invalid_field(name, "is no field of this form")
    preset = given.get("preset", "")
    strict = _flag(given, "strict")
    _require_harmony(given, preset, strict)
    if preset and preset not in PRESETS:
        raise errors.invalid_field("preset", f"must be one of {', '.join(PRESETS)}", allowed=list(PRESETS))
    for name, allowed in FORMAT_FIELDS.items():
        if name in given and given[name] not in allowed:
            raise errors.invalid_field(name, f"must be one of {', '.join(allowed)}", allowed=list(allowed))
    chosen = PRESETS[preset or DEFAULT_PRESET]
    chosen = FormatOptions(
        mode=cast(FormatMode, "strict" if strict else given.get("format_mode", chosen.mode)),
        baseline=cast(FormatBaseline, given.get("format_baseline", chosen.baseline)),
        fix_mode=cast(FormatFixMode, given.get("format_fix_mode", chosen.fix_mode)),
        report=cast(FormatReportForm, given.get("format_report", "json")),
    )
    return Options(
        given.get("skill", DEFAULT_SKILL),
        preset,
        chosen,
        given.get("policy_yaml", ""),
        _flag(given, "export_suggested_policy"),
        _lease(given),
    )


def _require_harmony(given: Mapping[str, str], preset: str, strict: bool) -> None:
    formats = [name for name in FORMAT_FIELDS if name in given]
    beside_preset = [*formats, *(["policy_yaml"] if "policy_yaml" in given else [])]
    if preset and beside_preset:
        raise errors.conflict(["preset", *beside_preset])
    if strict and formats:
        raise errors.conflict(["strict", *formats])


def _lease(given: Mapping[str, str]) -> Lease:
    token = given.get("fencing_token", "0")
    if not (token.isascii() and token.isdigit() and len(token) <= len(str(MAX_TOKEN)) and int(token) <= MAX_TOKEN):
        raise errors.invalid_field("fencing_token", "must be the whole number of a lease")
    lease = Lease(given.get("task_id", ""), int(token))
    lease.require_whole("task_id", "fencing_token")
    return lease


def _flag(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "false").strip().lower()
    if value not in TRUE | FALSE:
        raise errors.invalid_field(name, "must be true or false")
    return value in TRUE
