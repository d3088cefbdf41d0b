# Generated from the folders of the services by client/generate. `make generate` writes it again.
"""The Python client of QMCP: `Client`, and `AsyncClient` for asyncio."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmcp.client.access.models import CallLimits, Denial, Identity, IssuedKey, Key, Role
    from qmcp.client.aio import AsyncClient
    from qmcp.client.calling.health import Health
    from qmcp.client.calling.retries import Retries
    from qmcp.client.compat import MCPClient
    from qmcp.client.errors import (
        AccessDeniedError,
        ConflictError,
        DeadlineExceededError,
        ExportCutOffError,
        FieldViolation,
        InvalidRequestError,
        NotFoundError,
        NotPossibleError,
        OverloadedError,
        QmcpError,
        RequestExpiredError,
        ToolNotFoundError,
        UnavailableError,
    )
    from qmcp.client.hitl.models import (
        ActionLink,
        Delivery,
        ExpiryAction,
        HumanRequest,
        HumanRequestEvent,
        HumanResponse,
        Quorum,
        Webhook,
    )
    from qmcp.client.metrics.models import FlushedMetrics, IngestedMetrics, Metric, RateLimit, RejectedMetric
    from qmcp.client.sync import Client
    from qmcp.client.tools.models import (
        Approval,
        ApprovalPolicy,
        Checkpoint,
        GrpcSource,
        HttpSource,
        Invocation,
        InvocationEvent,
        Progress,
        Receipt,
        ReceiptFault,
        ReceiptKey,
        Tool,
        ToolAnnotations,
        ToolSummary,
    )
    from qmcp.client.tools.verification import ReceiptVerification

__all__ = [
    "AccessDeniedError",
    "ActionLink",
    "Approval",
    "ApprovalPolicy",
    "AsyncClient",
    "CallLimits",
    "Checkpoint",
    "Client",
    "ConflictError",
    "DeadlineExceededError",
    "Delivery",
    "Denial",
    "ExpiryAction",
    "ExportCutOffError",
    "FieldViolation",
    "FlushedMetrics",
    "GrpcSource",
    "Health",
    "HttpSource",
    "HumanRequest",
    "HumanRequestEvent",
    "HumanResponse",
    "Identity",
    "IngestedMetrics",
    "InvalidRequestError",
    "Invocation",
    "InvocationEvent",
    "IssuedKey",
    "Key",
    "MCPClient",
    "Metric",
    "NotFoundError",
    "NotPossibleError",
    "OverloadedError",
    "Progress",
    "QmcpError",
    "Quorum",
    "RateLimit",
    "Receipt",
    "ReceiptFault",
    "ReceiptKey",
    "ReceiptVerification",
    "RejectedMetric",
    "RequestExpiredError",
    "Retries",
    "Role",
    "Tool",
    "ToolAnnotations",
    "ToolNotFoundError",
    "ToolSummary",
    "UnavailableError",
    "Webhook",
]

# Each is imported when it is asked for: the command line needs few of them, and gRPC takes most of a second.
_HOMES = {
    "AccessDeniedError": "qmcp.client.errors",
    "ActionLink": "qmcp.client.hitl.models",
    "Approval": "qmcp.client.tools.models",
    "ApprovalPolicy": "qmcp.client.tools.models",
    "AsyncClient": "qmcp.client.aio",
    "CallLimits": "qmcp.client.access.models",
    "Checkpoint": "qmcp.client.tools.models",
    "Client": "qmcp.client.sync",
    "ConflictError": "qmcp.client.errors",
    "DeadlineExceededError": "qmcp.client.errors",
    "Delivery": "qmcp.client.hitl.models",
    "Denial": "qmcp.client.access.models",
    "ExpiryAction": "qmcp.client.hitl.models",
    "ExportCutOffError": "qmcp.client.errors",
    "FieldViolation": "qmcp.client.errors",
    "FlushedMetrics": "qmcp.client.metrics.models",
    "GrpcSource": "qmcp.client.tools.models",
    "Health": "qmcp.client.calling.health",
    "HttpSource": "qmcp.client.tools.models",
    "HumanRequest": "qmcp.client.hitl.models",
    "HumanRequestEvent": "qmcp.client.hitl.models",
    "HumanResponse": "qmcp.client.hitl.models",
    "Identity": "qmcp.client.access.models",
    "IngestedMetrics": "qmcp.client.metrics.models",
    "InvalidRequestError": "qmcp.client.errors",
    "Invocation": "qmcp.client.tools.models",
    "InvocationEvent": "qmcp.client.tools.models",
    "IssuedKey": "qmcp.client.access.models",
    "Key": "qmcp.client.access.models",
    "MCPClient": "qmcp.client.compat",
    "Metric": "qmcp.client.metrics.models",
    "NotFoundError": "qmcp.client.errors",
    "NotPossibleError": "qmcp.client.errors",
    "OverloadedError": "qmcp.client.errors",
    "Progress": "qmcp.client.tools.models",
    "QmcpError": "qmcp.client.errors",
    "Quorum": "qmcp.client.hitl.models",
    "RateLimit": "qmcp.client.metrics.models",
    "Receipt": "qmcp.client.tools.models",
    "ReceiptFault": "qmcp.client.tools.models",
    "ReceiptKey": "qmcp.client.tools.models",
    "ReceiptVerification": "qmcp.client.tools.verification",
    "RejectedMetric": "qmcp.client.metrics.models",
    "RequestExpiredError": "qmcp.client.errors",
    "Retries": "qmcp.client.calling.retries",
    "Role": "qmcp.client.access.models",
    "Tool": "qmcp.client.tools.models",
    "ToolAnnotations": "qmcp.client.tools.models",
    "ToolNotFoundError": "qmcp.client.errors",
    "ToolSummary": "qmcp.client.tools.models",
    "UnavailableError": "qmcp.client.errors",
    "Webhook": "qmcp.client.hitl.models",
}


def __getattr__(name: str) -> Any:
    """The class of this name, from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
