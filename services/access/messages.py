"""Domain ↔ protobuf, pure functions in both directions."""

from qmcp.access.v1 import access_service_pb2, key_pb2, role_pb2

from servicekit.timestamps import EPOCH, to_datetime, to_timestamp
from services.access import models


def new_key_from(request: access_service_pb2.CreateKeyRequest) -> models.NewKey:
    return models.NewKey(
        request.owner,
        request.service_name,
        request.description,
        tuple(request.roles),
        request.rate_per_minute,
        to_datetime(request, "expires_at"),
    )


def key_to(key: models.Key) -> key_pb2.Key:
    return key_pb2.Key(
        id=key.id,
        owner=key.owner,
        service_name=key.service_name,
        description=key.description,
        roles=key.roles,
        rate_per_minute=key.rate_per_minute,
        expires_at=to_timestamp(key.expires_at),
        created_at=to_timestamp(key.created_at),
        last_used_at=to_timestamp(key.last_used_at),
        revoked_at=to_timestamp(key.revoked_at),
        disabled_at=to_timestamp(key.disabled_at),
        status=key.status,
    )


def issued_key_to(issued: models.IssuedKey) -> access_service_pb2.IssuedKey:
    return access_service_pb2.IssuedKey(key=key_to(issued.key), api_key=issued.api_key)


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
        valid_until=to_timestamp(identity.valid_until),
    )


def denial_from(message: key_pb2.Denial) -> models.Denial:
    return models.Denial(
        to_datetime(message, "at") or EPOCH,
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
        at=to_timestamp(denial.at),
        service=denial.service,
        method=denial.method,
        reason=denial.reason,
        permission=denial.permission,
        principal=denial.principal,
        correlation_id=denial.correlation_id,
        request_id=denial.request_id,
        count=denial.count,
    )
