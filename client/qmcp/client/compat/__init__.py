"""The original QMCP's client, kept for code that was written against it: HTTP, and answers with the original's fields.

New code uses `qmcp.client.Client`.
"""

from qmcp.client import errors
from qmcp.client.compat.answers import AnsweredRequest, HumanRequest, HumanResponse, Row, ToolDefinition, ToolResult
from qmcp.client.compat.client import MCPClient, WaitTimeoutError
from qmcp.client.errors import ConflictError, NotFoundError, RequestExpiredError, ToolNotFoundError

__all__ = [
    "AnsweredRequest",
    "ConflictError",
    "HumanRequest",
    "HumanRequestConflictError",
    "HumanRequestExpiredError",
    "HumanRequestNotFoundError",
    "HumanResponse",
    "MCPClient",
    "MCPClientError",
    "RequestExpiredError",
    "Row",
    "ToolDefinition",
    "ToolNotFoundError",
    "ToolResult",
    "WaitTimeoutError",
]

# What all that a call can end with is one of.
MCPClientError = errors.QmcpError
# The names that the original had for these.
HumanRequestConflictError = ConflictError
HumanRequestExpiredError = RequestExpiredError
HumanRequestNotFoundError = NotFoundError
