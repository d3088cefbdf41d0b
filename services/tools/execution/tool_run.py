"""One run of a tool: whatever it does within its time becomes an outcome."""

import asyncio
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from servicekit.errors import ServiceError
from servicekit.json_values import long_integers_as_strings
from servicekit.ssrf import AddressNotAllowedError
from services.tools.audit.canonical import canonical
from services.tools.audit.outcome import failed, outcome_of
from services.tools.catalogue.http_tools import UpstreamError
from services.tools.catalogue.loading import LoadedTool
from services.tools.execution.active import ActiveInvocation, InvocationRequest
from services.tools.models import Intent, Outcome


async def run_tool(loaded: LoadedTool, intent: Intent, request: InvocationRequest, active: ActiveInvocation) -> Outcome:
    """Runs the tool within its time; whatever it does, this is an outcome or a cancellation."""
    limit = asyncio.timeout(loaded.timeout_seconds)
    try:
        async with limit:
            value = await loaded.run(request.arguments, active, request.headers(intent.id))
    except asyncio.CancelledError:
        if active.being_cancelled:
            raise
        return failed(intent, "TOOL_RAISED", "CancelledError: the tool cancelled itself")
    except GeneratorExit:
        # The loop throws this one, and nothing may be awaited after it.
        raise
    except BaseException as error:  # noqa: BLE001 - a tool may raise whatever it likes
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


def _checked(loaded: LoadedTool, intent: Intent, value: Any) -> Outcome:
    try:
        text = canonical(value)
    except (ValueError, TypeError):
        # Not JSON as it stands: dataclasses, models, dates, tuples become JSON where pydantic knows how.
        try:
            value = to_jsonable_python(value)
            text = canonical(long_integers_as_strings(value))
        except (ValueError, TypeError, PydanticSerializationError) as error:
            return failed(intent, "OUTPUT_INVALID", f"The tool returned what is no JSON: {error}")
    faults = loaded.output_schema.faults(value)
    if faults:
        what = f"{faults[0].field}: {faults[0].description}"
        return failed(intent, "OUTPUT_INVALID", f"The tool returned what its output schema forbids: {what}")
    return outcome_of(intent, "success", result=text)
