"""How runs of tools end: whatever a tool does within its time becomes an ending."""

import asyncio
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from servicekit.errors import ServiceError
from servicekit.ssrf import AddressNotAllowedError
from services.tools.audit.canonical import canonical
from services.tools.audit.recording import ended
from services.tools.catalogue.catalogue import LoadedTool
from services.tools.catalogue.http_tools import UpstreamError
from services.tools.execution.active import Order, Running
from services.tools.models import Ending, FinalStatus, Intent

LONGEST_ERROR = 4_000


async def outcome(loaded: LoadedTool, intent: Intent, order: Order, running: Running) -> Ending:
    """Runs the tool within its time; whatever it does, this is an ending or a cancellation."""
    limit = asyncio.timeout(loaded.timeout_seconds)
    try:
        async with limit:
            value = await loaded.run(order.arguments, running, order.headers(intent.id))
    except asyncio.CancelledError:
        if running.task is not None and running.task.cancelling():
            raise
        return failed(intent, "TOOL_RAISED", "CancelledError: the tool cancelled itself")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a tool may raise whatever it likes
        if isinstance(error, TimeoutError) and limit.expired():
            return failed(intent, "TOOL_TIMEOUT", f"The tool did not end within {loaded.timeout_seconds} s.")
        return failed(intent, *_why(error))
    return _checked(loaded, intent, value)


def _why(error: BaseException) -> tuple[str, str]:
    """The reason and the sentence for what a tool raised."""
    match error:
        case AddressNotAllowedError():
            return "ADDRESS_NOT_ALLOWED", str(error)
        case UpstreamError():
            return "UPSTREAM_FAILED", str(error)
        case ServiceError():
            return error.reason, error.message
        case _:
            return "TOOL_RAISED", f"{type(error).__name__}: {error}"


def _checked(loaded: LoadedTool, intent: Intent, value: Any) -> Ending:
    try:
        text = canonical(value)
    except (ValueError, TypeError):
        # Not JSON as it stands: dataclasses, models, dates, tuples become JSON where pydantic knows how.
        try:
            value = to_jsonable_python(value)
            text = canonical(value)
        except (ValueError, TypeError, PydanticSerializationError) as error:
            return failed(intent, "OUTPUT_INVALID", f"The tool returned what is no JSON: {error}")
    faults = loaded.output_schema.faults(value)
    if faults:
        what = f"{faults[0].field}: {faults[0].description}"
        return failed(intent, "OUTPUT_INVALID", f"The tool returned what its output schema forbids: {what}")
    return ended(intent, "success", result=text)


def failed(intent: Intent, reason: str, why: str) -> Ending:
    return ended(intent, "failed", error=why[:LONGEST_ERROR], error_reason=reason)


WHY = {
    "CALLER_GONE": "The caller went away, or its deadline passed, before the tool ended.",
    "CANCELLED_BY_REQUEST": "It was cancelled by request.",
    "INTERRUPTED": "The replica that ran it was stopped before the tool ended; it was not run again.",
    "APPROVAL_REJECTED": "A human rejected it.",
    "APPROVAL_EXPIRED": "No human approved it in time.",
    "APPROVAL_CANCELLED": "The human request was cancelled, so nobody can approve it any more.",
    "TOOL_CHANGED": "The tool was changed or deleted after the approval was asked for, so it was not run.",
}


def cancelled(intent: Intent, reason: str) -> Ending:
    status: FinalStatus = "failed" if reason == "INTERRUPTED" else "cancelled"
    return ended(intent, status, error=WHY[reason], error_reason=reason)
