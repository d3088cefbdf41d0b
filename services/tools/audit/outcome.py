"""Outcomes: how an invocation ended, in the form that is recorded, and the sentences for those that nothing raised."""

from datetime import UTC, datetime

from services.tools.models import Approval, FinalStatus, Intent, Outcome

MAX_ERROR_LENGTH = 4_000

WHY = {
    "CALLER_GONE": "The caller went away, or its deadline passed, before the tool ended.",
    "ACCESS_ENDED": "Whoever invoked it lost their access before the tool had ended.",
    "CANCELLED_BY_REQUEST": "It was cancelled by request.",
    "INTERRUPTED": "The replica that ran it was stopped before the tool ended; it was not run again.",
    "APPROVAL_REJECTED": "A human rejected it.",
    "APPROVAL_EXPIRED": "No human approved it in time.",
    "APPROVAL_CANCELLED": "The human request was cancelled, so nobody can approve it any more.",
    "TOOL_CHANGED": "The tool was changed or deleted after the approval was asked for, so it was not run.",
    "TOOL_PAUSED": "The tool was paused when the approval came, so it was not run.",
}


def outcome_of(
    intent: Intent,
    status: FinalStatus,
    *,
    result: str | None = None,
    error: str = "",
    error_reason: str = "",
    approval: Approval | None = None,
    uncertain: bool = False,
) -> Outcome:
    """An outcome now."""
    return Outcome(intent, status, result, storable(error), error_reason, datetime.now(UTC), approval, uncertain)


def ran(intent: Intent, result: str | None, reason: str = "", why: str = "") -> Outcome:
    """A success, with what is wrong with the result where something is."""
    return outcome_of(intent, "success", result=result, error=why[:MAX_ERROR_LENGTH], error_reason=reason)


def failed(intent: Intent, reason: str, why: str, *, uncertain: bool = False) -> Outcome:
    """A failure; `uncertain` where the tool may have done it all the same."""
    return outcome_of(intent, "failed", error=why[:MAX_ERROR_LENGTH], error_reason=reason, uncertain=uncertain)


def cancelled(intent: Intent, reason: str, approval: Approval | None = None) -> Outcome:
    status: FinalStatus = "failed" if reason == "INTERRUPTED" else "cancelled"
    uncertain = reason == "INTERRUPTED"
    return outcome_of(intent, status, error=WHY[reason], error_reason=reason, approval=approval, uncertain=uncertain)


def storable(text: str) -> str:
    """The text with what Postgres cannot hold replaced: zero characters, and halves of surrogate pairs."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
