"""The RPCs of the access service as values: keys, roles, and who the caller is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qmcp.access.v1 import access_service_pb2 as api
from qmcp.access.v1 import key_pb2, role_pb2
from qmcp.client import models
from qmcp.client.calls import LARGEST_PAGE, Call, Page, new_idempotency_key, nothing, pages
from qmcp.client.values import from_timestamp, to_timestamp


def create_key(
    owner: str,
    roles: Sequence[str],
    *,
    service_name: str,
    description: str,
    rate_per_minute: int,
    expires_at: datetime | None,
    idempotency_key: str | None,
) -> Call[models.IssuedKey]:
    """Makes a key."""
    request = api.CreateKeyRequest(
        owner=owner,
        roles=roles,
        service_name=service_name,
        description=description,
        rate_per_minute=rate_per_minute,
        expires_at=to_timestamp(expires_at),
        idempotency_key=idempotency_key or new_idempotency_key(),
    )
    return Call("CreateKey", request, _issued)


def get_key(key_id: str) -> Call[models.Key]:
    """One key."""
    return Call("GetKey", api.GetKeyRequest(id=key_id), _key)


def list_keys(owner: str, *, include_invalid: bool) -> Call[Page[models.Key]]:
    """The first page of the keys, newest first."""
    request = api.ListKeysRequest(page_size=LARGEST_PAGE, owner=owner, include_invalid=include_invalid)
    return pages("ListKeys", request, "keys", _key, limit=None)


def rotate_key(key_id: str, grace_seconds: int | None, idempotency_key: str | None) -> Call[models.IssuedKey]:
    """Makes a new secret for a key."""
    request = api.RotateKeyRequest(
        id=key_id, grace_seconds=grace_seconds, idempotency_key=idempotency_key or new_idempotency_key()
    )
    return Call("RotateKey", request, _issued)


def revoke_key(key_id: str) -> Call[models.Key]:
    """Makes a key invalid for good."""
    return Call("RevokeKey", api.RevokeKeyRequest(id=key_id), _key)


def disable_key(key_id: str) -> Call[models.Key]:
    """Makes a key invalid until it is enabled again."""
    return Call("DisableKey", api.DisableKeyRequest(id=key_id), _key)


def enable_key(key_id: str) -> Call[models.Key]:
    """Makes a disabled key valid again."""
    return Call("EnableKey", api.EnableKeyRequest(id=key_id), _key)


def list_roles() -> Call[Page[models.Role]]:
    """The first page of the roles."""
    return pages("ListRoles", api.ListRolesRequest(page_size=LARGEST_PAGE), "roles", _role, limit=None)


def create_role(
    name: str, permissions: Sequence[str], description: str, idempotency_key: str | None
) -> Call[models.Role]:
    """Makes a role."""
    role = role_pb2.Role(name=name, permissions=permissions, description=description)
    return Call(
        "CreateRole", api.CreateRoleRequest(role=role, idempotency_key=idempotency_key or new_idempotency_key()), _role
    )


def update_role(name: str, permissions: Sequence[str], description: str, etag: str) -> Call[models.Role]:
    """Replaces the permissions and the description of a role."""
    role = role_pb2.Role(name=name, permissions=permissions, description=description, etag=etag)
    # With an etag a second one would be refused though the first did what was asked.
    return Call("UpdateRole", api.UpdateRoleRequest(role=role), _role, repeatable=not etag)


def delete_role(name: str) -> Call[None]:
    """Removes a role."""
    # A second one would be answered with NOT_FOUND though the first did what was asked.
    return Call("DeleteRole", api.DeleteRoleRequest(name=name), nothing, repeatable=False)


def whoami() -> Call[models.Identity]:
    """Who the caller is."""
    return Call("WhoAmI", api.WhoAmIRequest(), _identity)


def list_denials(principal: str, limit: int | None) -> Call[Page[models.Denial]]:
    """The first page of the refusals, newest first."""
    request = api.ListDenialsRequest(page_size=LARGEST_PAGE, principal=principal)
    return pages("ListDenials", request, "denials", _denial, limit=limit)


def _key(message: key_pb2.Key) -> models.Key:
    return models.Key(
        id=message.id,
        owner=message.owner,
        roles=tuple(message.roles),
        status=message.status,
        service_name=message.service_name,
        description=message.description,
        rate_per_minute=message.rate_per_minute,
        expires_at=from_timestamp(message, "expires_at"),
        created_at=from_timestamp(message, "created_at"),
        last_used_at=from_timestamp(message, "last_used_at"),
        revoked_at=from_timestamp(message, "revoked_at"),
        disabled_at=from_timestamp(message, "disabled_at"),
    )


def _issued(message: api.IssuedKey) -> models.IssuedKey:
    return models.IssuedKey(key=_key(message.key), api_key=message.api_key)


def _role(message: role_pb2.Role) -> models.Role:
    return models.Role(
        name=message.name,
        permissions=tuple(message.permissions),
        description=message.description,
        built_in=message.built_in,
        etag=message.etag,
    )


def _identity(message: api.Identity) -> models.Identity:
    return models.Identity(
        principal=message.principal,
        roles=tuple(message.roles),
        permissions=tuple(message.permissions),
        rate_per_minute=message.rate_per_minute,
        valid_until=from_timestamp(message, "valid_until"),
    )


def _denial(message: Any) -> models.Denial:
    return models.Denial(
        at=from_timestamp(message, "at"),
        service=message.service,
        method=message.method,
        reason=message.reason,
        permission=message.permission,
        principal=message.principal,
        correlation_id=message.correlation_id,
        request_id=message.request_id,
        count=message.count,
    )
