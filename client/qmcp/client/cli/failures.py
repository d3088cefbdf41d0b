"""What a failure means for the caller's shell, and the sentence that a person reads."""

import typer
from qmcp.client import errors
from qmcp.client.cli import groups
from qmcp.client.cli.output import visible

OK, FAILED, USAGE, NOT_FOUND, REFUSED, UNREACHABLE = range(6)
EXIT_CODES = (
    "Exit codes: 0 done · 1 the tool failed, or verification found faults · 2 wrong usage · 3 not found · "
    "4 refused or denied · 5 QMCP cannot be reached"
)

_BY_KIND: tuple[tuple[type[Exception], int], ...] = (
    (errors.InvalidRequestError, USAGE),
    (errors.NotFoundError, NOT_FOUND),
    (errors.ConflictError, REFUSED),
    (errors.NotPossibleError, REFUSED),
    (errors.RequestExpiredError, REFUSED),
    (errors.AccessDeniedError, REFUSED),
    (errors.OverloadedError, REFUSED),
    (errors.UnavailableError, UNREACHABLE),
    (errors.DeadlineExceededError, UNREACHABLE),
    (errors.ExportCutOffError, UNREACHABLE),
    (errors.QmcpError, FAILED),
    # The address, a time, a JSON text: what was typed.
    (ValueError, USAGE),
    (OSError, USAGE),
)
# What any service may answer; what only one answers stands with its commands.
_ADVICE = {
    "IDEMPOTENCY_KEY_REUSED": "Choose another --idempotency-key.",
    "ETAG_MISMATCH": "Read it again, apply the change, and try again.",
    "UNAUTHENTICATED": "Set QMCP_API_KEY.",
    "PERMISSION_DENIED": "Ask an administrator for the permission; `qmcp whoami` shows what you have.",
    "CONCURRENCY_LIMITED": "Wait until one of your calls has ended, or ask an administrator for a larger share.",
    "RATE_LIMITED": "Wait, or ask an administrator for a key with a higher rate.",
    "OVERLOADED": "Try again later.",
    "INTERNAL": "Please report it, with the request id.",
}


def report(failure: Exception) -> int:
    """Print the failure and what to do next to stderr, and return the exit code."""
    typer.secho(visible(sentence(failure)), err=True, fg=typer.colors.RED)
    return exit_code(failure)


def exit_code(failure: Exception) -> int:
    """The exit code of a failure."""
    return next(code for kind, code in _BY_KIND if isinstance(failure, kind))


def sentence(failure: Exception) -> str:
    """What went wrong and what to do next."""
    if isinstance(failure, errors.DeadlineExceededError):
        return f"{failure} Give it more time with --timeout."
    if isinstance(failure, errors.UnavailableError) and not failure.reason:
        return f"QMCP cannot be reached ({failure.message}). Start it with `qmcp serve`, or say where it is with --url."
    reason = failure.reason if isinstance(failure, errors.QmcpError) else ""
    advice = (_ADVICE | groups.advice()).get(reason, "")
    return f"{failure} {advice}".strip()
