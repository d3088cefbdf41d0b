"""Domain ↔ protobuf, pure functions in both directions."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.access.v1 import access_service_pb2, key_pb2, role_pb2

from servicekit.errors import Violation, invalid_argument
from services.access import models


def new_key_from(request: access_service_pb2.CreateKeyRequest) -> models.NewKey:
    return models.NewKey(
        request.owner,
        request.service_name,
        request.description,
        tuple(request.roles),
        request.rate_per_minute,
        _datetime(request.expires_at, "expires_at") if request.HasField("expires_at") else None,
    )


def key_to(key: models.Key) -> key_pb2.Key:
    return key_pb2.Key(
        id=key.id,
        owner=key.owner,
        service_name=key.service_name,
        description=key.description,
        roles=key.roles,
        rate_per_minute=key.rate_per_minute,
        expires_at=_timestamp(key.expires_at),
        created_at=_timestamp(key.created_at),
        last_used_at=_timestamp(key.last_used_at),
        revoked_at=_timestamp(key.revoked_at),
        disabled_at=_timestamp(key.disabled_at),
        status=key.status,
    )


def role_from(message: role_pb2.Role) -> models.Role:
    return models.Role(message.name, tuple(message.permissions), message.description, etag=message.etag)


def role_to(role: models.Role) -> role_pb2.Role:
    return role_pb2.Role(
        name=role.name,
        permissions=role.permissions,
        description=role.description,
        built_in=role.built_in,
        etag=role.etag,
    )


def identity_to(identity: models.Identity) -> access_service_pb2.Identity:
    return access_service_pb2.Identity(
        principal=identity.principal,
        roles=identity.roles,
        permissions=identity.permissions,
        rate_per_minute=identity.rate_per_minute,
        valid_until=_timestamp(identity.valid_until),
    )


def denial_from(message: key_pb2.Denial) -> models.Denial:
    return models.Denial(
        _datetime(message.at, "at"),
        message.service,
        message.method,
        message.reason,
        message.permission,
        message.principal,
        message.correlation_id,
        message.request_id,
        message.count,
    )


def denial_to(denial: models.Denial) -> key_pb2.Denial:
    return key_pb2.Denial(
        at=_timestamp(denial.at),
        service=denial.service,
        method=denial.method,
        reason=denial.reason,
        permission=denial.permission,
        principal=denial.principal,
        correlation_id=denial.correlation_id,
        request_id=denial.request_id,
        count=denial.count,
    )


def _datetime(message: Timestamp, field: str) -> datetime:
    try:
        found: datetime = message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        why = "is out of range"
        raise invalid_argument("INVALID_REQUEST", f"{field} {why}.", [Violation(field, why)]) from None
    return found


def _timestamp(at: datetime | None) -> Any:
    if at is None:
        return None
    message = Timestamp()
    message.FromDatetime(at)
    return message
