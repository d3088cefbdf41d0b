"""The seal of what clients say again with their user's answer: bound to the caller, the request and a time."""

import secrets
from pathlib import Path

from mcp.server.request_state import RequestStateSecurity

from gateway.mcp.callers import caller_of

# As long as a human request takes where nobody says otherwise.
SECONDS = 3600.0


def request_state(file: Path | None) -> RequestStateSecurity:
    """The keys of this file, one a line; one of the process's own where there is none.

    Raises:
        ValueError: where one is too short.
        OSError: where the file cannot be read.
    """
    keys = file.read_text().split() if file is not None and file.exists() else [secrets.token_hex(32)]
    return RequestStateSecurity(keys=keys, ttl=SECONDS, bind_principal=lambda context: caller_of(context).principal)
