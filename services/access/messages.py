"""Domain ↔ protobuf, pure functions in both directions."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from qmcp.access.v1 import access_service_pb2, call_limits_pb2, key_pb2, role_pb2, scope_pb2

from servicekit.identity.limits import NO_LIMITS, CallLimits
from servicekit.identity.scopes import Narrowed, Scope, ordered
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
        CallLimits.of(request.limits),
        scopes_from(request.tool_scopes),
    )


def limits_to(limits: CallLimits) -> call_limits_pb2.CallLimits | None:
    """The message; None, which is absent, where they say nothing."""
    return call_limits_pb2.CallLimits(**asdict(limits)) if limits != NO_LIMITS else None


def scopes_from(messages: Iterable[scope_pb2.ToolScope]) -> tuple[Scope, ...]:
    return tuple(map(Scope.of, messages))


def scopes_to(scopes: Iterable[Scope]) -> Sequence[scope_pb2.ToolScope]:
    return [scope_pb2.ToolScope(names=each.names, tags=each.tags, labels=dict(each.labels)) for each in scopes]


def narrowed_to(narrowed: Narrowed) -> Sequence[scope_pb2.NarrowedPermission]:
    return [
        scope_pb2.NarrowedPermission(
            permission=permission,
            scopes=scopes_to(ordered(reach.scopes)),
            key_scopes=scopes_to(ordered(reach.key_scopes)),
        )
        for permission, reach in sorted(narrowed.items())
    ]


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
        limits=limits_to(key.limits),
        tool_scopes=scopes_to(key.tool_scopes),
    )


def issued_key_to(issued: models.IssuedKey) -> access_service_pb2.IssuedKey:
    return access_service_pb2.IssuedKey(key=key_to(issued.key), api_key=issued.api_key)


def role_from(message: role_pb2.Role) -> models.Role:
    return models.Role(
        message.name,
        tuple(message.permissions),
        message.description,
        etag=message.etag,
        limits=CallLimits.of(message.limits),
        tool_scopes=scopes_from(message.tool_scopes),
    )


def role_to(role: models.Role) -> role_pb2.Role:
    return role_pb2.Role(
        name=role.name,
        permissions=role.permissions,
        description=role.description,
        built_in=role.built_in,
        etag=role.etag,
        limits=limits_to(role.limits),
        tool_scopes=scopes_to(role.tool_scopes),
    )


def identity_to(identity: models.Identity) -> access_service_pb2.Identity:
    return access_service_pb2.Identity(
        principal=identity.principal,
        roles=identity.roles,
        permissions=identity.permissions,
        rate_per_minute=identity.rate_per_minute,
        valid_until=to_timestamp(identity.valid_until),
        limits=limits_to(identity.limits),
        narrowed=narrowed_to(identity.narrowed),
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
        message.address,
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
        address=denial.address,
    )
