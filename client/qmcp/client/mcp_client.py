"""Where the original QMCP had its client: its classes and errors, for code that imports them from here."""

from qmcp.client.compat import (
    HumanRequest,
    HumanRequestConflictError,
    HumanRequestExpiredError,
    HumanRequestNotFoundError,
    HumanResponse,
    MCPClient,
    MCPClientError,
    ToolDefinition,
    ToolNotFoundError,
    ToolResult,
)

__all__ = [
    "HumanRequest",
    "HumanRequestConflictError",
    "HumanRequestExpiredError",
    "HumanRequestNotFoundError",
    "HumanResponse",
    "MCPClient",
    "MCPClientError",
    "ToolDefinition",
    "ToolNotFoundError",
    "ToolResult",
]
