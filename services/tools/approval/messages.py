"""Grants ↔ protobuf, pure functions in both directions."""

import uuid_utils.compat as uuid
from qmcp.tools.v1 import grant_pb2, tools_service_pb2

from servicekit.errors import invalid_field
from servicekit.json_values import document, fill_struct
from servicekit.timestamps import to_datetime, to_timestamp
from services.tools.approval.models import GrantFilter, ToolGrant


def grant_from(message: grant_pb2.Grant, created_by: str) -> ToolGrant:
    """A grant as an administrator describes it; what the server sets is left out.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    expires_at = to_datetime(message, "expires_at")
    if expires_at is None:
        raise invalid_field("grant.expires_at", "says until when it is good; it is missing")
    return ToolGrant(
        id=uuid.uuid7(),
        principal=message.principal,
        tools=tuple(message.tools),
        arguments=document(message.arguments, "grant.arguments") if message.HasField("arguments") else None,
        uses=message.uses if message.HasField("uses") else None,
        expires_at=expires_at,
        any_version=message.any_version,
        reason=message.reason,
        created_by=created_by,
    )


def grant_to(grant: ToolGrant, *, with_tools: bool) -> grant_pb2.Grant:
    """A grant as it is shown; the tools that it is good for, to those who are shown all tools alone."""
    message = grant_pb2.Grant(
        id=str(grant.id),
        principal=grant.principal,
        tools=grant.tools,
        uses=grant.uses,
        used=grant.used,
        expires_at=to_timestamp(grant.expires_at),
        any_version=grant.any_version,
        reason=grant.reason,
        tool_etags=grant.tool_etags if with_tools else {},
        created_by=grant.created_by,
        created_at=to_timestamp(grant.created_at),
        revoked_by=grant.revoked_by,
        revoked_at=to_timestamp(grant.revoked_at),
        invocation_id=grant.invocation_id,
    )
    if grant.arguments is not None:
        fill_struct(message.arguments, grant.arguments)
    return message


def filter_from(request: tools_service_pb2.ListGrantsRequest) -> GrantFilter:
    return GrantFilter(request.principal, request.usable)
