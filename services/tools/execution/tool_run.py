"""One run of a tool: whatever it does within its time becomes an outcome."""

import asyncio
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from servicekit.errors import ServiceError
from servicekit.json_values import long_integers_as_strings
from servicekit.large import about, beside
from servicekit.masking import Mask
from servicekit.ssrf import AddressNotAllowedError
from servicekit.time_limits import TimeLimits
from services.tools.audit.canonical import canonical, parsed
from services.tools.audit.outcome import failed, ran
from services.tools.catalogue.answers import CutOffError
from services.tools.catalogue.http_tools import NoAnswerError, UpstreamError
from services.tools.catalogue.loading import LoadedTool
from services.tools.catalogue.token_endpoint import TokenError
from services.tools.execution.active import ActiveInvocation, InvocationRequest
from services.tools.models import Intent, Outcome, Output


async def run_tool(
    loaded: LoadedTool, intent: Intent, request: InvocationRequest, active: ActiveInvocation, limits: TimeLimits
) -> Outcome:
    """Runs the tool within its time; whatever it does, this is an outcome or a cancellation."""
    seconds = loaded.timeout_seconds
    limit = limits.until(asyncio.get_running_loop().time() + seconds)
    try:
        with limit:
            value = await loaded.run(request.arguments, active, request.headers(intent.id))
    except asyncio.CancelledError as error:
        if active.being_cancelled:
            raise
        if limit.expired and isinstance(error, CutOffError):
            return _cut_off(intent, seconds)
        return failed(intent, "TOOL_RAISED", "CancelledError: the tool cancelled itself")
    except GeneratorExit:
        # The loop throws this one, and nothing may be awaited after it.
        raise
    except BaseException as error:  # noqa: BLE001 - a tool may raise whatever it likes
        if isinstance(error, TimeoutError) and limit.expired:
            # From Python 3.13 on the time-out takes what it is made of.
            if isinstance(error.__cause__, CutOffError):
                return _cut_off(intent, seconds)
            return failed(intent, "TOOL_TIMEOUT", f"The tool did not end within {seconds} s.", uncertain=True)
        reason, why = _why(error)
        return failed(intent, reason, active.mask().text(why), uncertain=isinstance(error, NoAnswerError))
    size = about(value.result if isinstance(value, Output) else value)
    return await beside(size, _checked, loaded, intent, value, active.mask())


def _cut_off(intent: Intent, seconds: int) -> Outcome:
    return ran(intent, None, "OUTPUT_BROKEN", f"The tool ran. Its answer did not end within {seconds} s.")


def _why(error: BaseException) -> tuple[str, str]:
    """The reason and the sentence for what a tool raised."""
    match error:
        case AddressNotAllowedError():
            return "ADDRESS_NOT_ALLOWED", str(error)
        case TokenError():
            return "TOKEN_REQUEST_FAILED", f"{error} Nothing was sent."
        case UpstreamError():
            return "UPSTREAM_FAILED", str(error)
        case ServiceError():
            return error.reason, error.message
        case _:
            return "TOOL_RAISED", f"{type(error).__name__}: {error}"


def _checked(loaded: LoadedTool, intent: Intent, given: Any, mask: Mask) -> Outcome:
    """The outcome of a tool that ran to its end: never a failure, whatever is wrong with what it gave."""
    output = given if isinstance(given, Output) else Output(given)
    value = output.result
    try:
        text = canonical(value)
    except (ValueError, TypeError):
        # Not JSON as it stands: dataclasses, models, dates, tuples become JSON where pydantic knows how.
        try:
            value = to_jsonable_python(value)
            text = canonical(long_integers_as_strings(value))
        except (ValueError, TypeError, PydanticSerializationError) as error:
            why = f"The tool ran and returned what is no JSON: {error}"
            return ran(intent, None, "OUTPUT_INVALID", mask.text(why))
    if mask.is_in(text):
        # Before anything is told of it: the server behind the tool echoed a secret that it was given.
        value = mask.json_value(parsed(text))
        text = canonical(value)
    if output.reason:
        return ran(intent, text, output.reason, mask.text(output.why))
    if output.judged:
        faults = [fault for judged in output.judged for fault in loaded.output_schema.faults(judged)]
    else:
        faults = list(loaded.output_schema.faults(value, len(text)))
    if faults:
        what = f"{faults[0].field}: {faults[0].description}"
        why = f"The tool ran and returned what its output schema forbids: {what}"
        return ran(intent, text, "OUTPUT_INVALID", mask.text(why))
    return ran(intent, text)
