"""What a failure means for the caller's shell, and the sentence that a person reads."""

import typer
from qmcp.client import errors

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
_ADVICE = {
    "TOOL_NOT_FOUND": "`qmcp tools list` shows the tools there are.",
    "TOOL_EXISTS": "Use `--replace` to change it, or choose another name.",
    "TOOL_DEFINED_BY_CODE": "Change the package that defines it.",
    "ARGUMENTS_INVALID": "`qmcp tools get NAME` shows the schema; a value that is not a string is written key:=value.",
    "INVOCATION_NOT_FOUND": "`qmcp invocations list` shows the newest.",
    "INVOCATION_NOT_ENDED": "Wait for it with `qmcp invocations watch ID`.",
    "INVOCATION_ENDED": "`qmcp invocations get ID` shows how.",
    "IDEMPOTENCY_KEY_REUSED": "Choose another --idempotency-key.",
    "ETAG_MISMATCH": "Read it again, apply the change, and try again.",
    "UNAUTHENTICATED": "Set QMCP_API_KEY.",
    "PERMISSION_DENIED": "Ask an administrator for the permission; `qmcp whoami` shows what you have.",
    "RATE_LIMITED": "Wait, or ask an administrator for a key with a higher rate.",
    "KEY_NOT_FOUND": "`qmcp keys list --all` shows the keys there are.",
    "KEY_NOT_VALID": "Make a new one with `qmcp keys create`.",
    "ROLE_UNKNOWN": "`qmcp roles list` shows the roles there are.",
    "ROLE_NOT_FOUND": "`qmcp roles list` shows the roles there are.",
    "ROLE_EXISTS": "Change it with `qmcp roles update`, or choose another name.",
    "ROLE_BUILT_IN": "Make one of your own with `qmcp roles create`.",
    "ROLE_IN_USE": "Revoke the keys that have it first; `qmcp keys list` shows them.",
    "HUMAN_REQUEST_NOT_FOUND": "`qmcp human list` shows the newest.",
    "HUMAN_REQUEST_EXISTS": "Choose another --id, or leave it to QMCP.",
    "ALREADY_RESPONDED": "`qmcp human show ID` shows the answer.",
    "HUMAN_REQUEST_EXPIRED": "Ask again with `qmcp human ask`.",
    "HUMAN_REQUEST_CANCELLED": "`qmcp human show ID` shows why.",
    "HUMAN_REQUEST_ENDED": "`qmcp human show ID` shows how.",
    "RESPONSE_INVALID": "`qmcp human show ID` shows what may be answered.",
    "ALREADY_CLAIMED": "Take it with --take-over.",
    "NOT_ASSIGNED": "`qmcp human show ID` shows who is asked.",
    "WEBHOOK_NOT_FOUND": "`qmcp human webhooks list` shows the webhooks there are.",
    "TOOL_BUSY": "Try again later.",
    "OVERLOADED": "Try again later.",
    "INTERNAL": "Please report it, with the request id.",
}


def report(failure: Exception) -> int:
    """Print the failure and what to do next to stderr, and return the exit code."""
    typer.secho(sentence(failure), err=True, fg=typer.colors.RED)
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
    advice = _ADVICE.get(failure.reason, "") if isinstance(failure, errors.QmcpError) else ""
    return f"{failure} {advice}".strip()
