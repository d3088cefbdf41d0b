"""The seal of what clients say again with their user's answer: bound to the caller, the request and a time."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import structlog
from mcp.server.request_state import RequestStateSecurity

from gateway.mcp.callers import caller_of

# As long as a human request takes where nobody says otherwise.
SECONDS = 3600.0
logger = structlog.get_logger()


def request_state(file: Path | None) -> RequestStateSecurity:
    """The keys of this file, one a line, made where there is none; one of the process's own where it cannot be made.

    Raises:
        ValueError: where one is too short.
        OSError: where the file cannot be read.
    """
    keys = _kept(file) if file is not None else [_new()]
    return RequestStateSecurity(keys=keys, ttl=SECONDS, bind_principal=lambda context: caller_of(context).principal)


def _kept(file: Path) -> list[str]:
    if not file.exists():
        try:
            _make(file)
        except OSError as error:
            logger.warning("mcp_state_key_not_kept", logger="mcp", file=str(file), error=str(error))
            return [_new()]
    return file.read_text().split()


def _new() -> str:
    return secrets.token_hex(32)


def _make(file: Path) -> None:
    """Whole, and one for all that find it missing: a link fails where the name is taken."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(f"{_new()}\n")
        with suppress(FileExistsError):
            os.link(scratch, file)
    finally:
        scratch.unlink()
