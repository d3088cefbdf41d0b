"""Limits ↔ protobuf, pure functions in both directions."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from qmcp.tools.v1 import tool_limit_pb2, tools_service_pb2

from servicekit.call_buckets import Window
from servicekit.identity.scopes import Scope
from servicekit.timestamps import to_timestamp
from services.tools.limits.models import InvocationQuota, InvocationRate, ToolAllowance, ToolLimit


def limit_from(message: tool_limit_pb2.ToolLimit, by: str) -> ToolLimit:
    """A limit as an administrator describes it; what the server sets is left out."""
    return ToolLimit(
        name=message.name,
        scope=Scope.made(message.tools, message.tags, message.labels),
        allowed=InvocationQuota(message.quota.invocations, cast("Window", message.quota.window))
        if message.WhichOneof("allowed") == "quota"
        else InvocationRate(message.rate.per_minute, message.rate.burst),
        principals=tuple(message.principals),
        roles=tuple(message.roles),
        per_tool=message.per_tool,
        per_principal=message.per_principal,
        reason=message.reason,
        updated_by=by,
    )


def limit_to(limit: ToolLimit) -> tool_limit_pb2.ToolLimit:
    message = tool_limit_pb2.ToolLimit(
        name=limit.name,
        tools=limit.scope.names,
        tags=limit.scope.tags,
        labels=dict(limit.scope.labels),
        principals=limit.principals,
        roles=limit.roles,
        per_tool=limit.per_tool,
        per_principal=limit.per_principal,
        reason=limit.reason,
        etag=limit.etag,
        created_by=limit.created_by,
        created_at=to_timestamp(limit.created_at),
        updated_by=limit.updated_by,
        updated_at=to_timestamp(limit.updated_at),
    )
    allowed = limit.allowed
    if isinstance(allowed, InvocationQuota):
        message.quota.invocations, message.quota.window = allowed.invocations, allowed.window
    else:
        message.rate.per_minute, message.rate.burst = allowed.per_minute, allowed.burst
    return message


def allowances_to(allowances: Sequence[ToolAllowance]) -> tools_service_pb2.ToolAllowances:
    now = datetime.now(UTC)
    return tools_service_pb2.ToolAllowances(
        allowances=[
            tool_limit_pb2.ToolAllowance(
                limit=each.limit.name,
                invocations=each.allowance.limit,
                remaining=each.allowance.remaining,
                next_seconds=each.allowance.next_seconds,
                reset_at=to_timestamp(now + timedelta(seconds=each.allowance.reset_seconds)),
                window=each.limit.allowed.window if isinstance(each.limit.allowed, InvocationQuota) else "",
                shared=not (each.limit.per_tool and each.limit.per_principal),
            )
            for each in allowances
        ]
    )
