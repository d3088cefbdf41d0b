"""What a client says that it can do: take tasks, and show its user a form."""

from dataclasses import dataclass
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

TASKS = "io.modelcontextprotocol/tasks"


@dataclass(frozen=True, slots=True)
class Client:
    """By the request that it sends: a client of the revision 2026-07-28 says it with each."""

    # It asks again with what its user said; others are asked back, within a session.
    comes_back: bool
    takes_tasks: bool
    shows_forms: bool


def client_of(context: ServerRequestContext[Any, Any]) -> Client:
    """The client that sent a request."""
    can = context.session.client_capabilities
    modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
    elicitation = can.elicitation if can is not None else None
    # One that names no mode is of the time when there were forms alone.
    forms = elicitation is not None and (elicitation.form is not None or elicitation.url is None)
    return Client(modern, modern and can is not None and TASKS in (can.extensions or {}), forms)
