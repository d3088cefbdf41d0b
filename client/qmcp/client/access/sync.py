# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with keys, roles and denials."""

from collections.abc import Sequence
from datetime import datetime

from qmcp.access.v1 import access_service_pb2 as api
from qmcp.access.v1 import role_pb2, scope_pb2
from qmcp.access.v1.call_limits_pb2 import CallLimits as CallLimitsMessage
from qmcp.client.access.models import CallLimits, Denial, Identity, IssuedKey, Key, Role, ToolScope
from qmcp.client.calling.conversion import to_message, to_optional, to_timestamp
from qmcp.client.calling.sync import Calls


class Access(Calls):
    """The calls of the access service."""

    def create_key(
        self,
        owner: str,
        roles: Sequence[str],
        *,
        service_name: str = "",
        description: str = "",
        rate_per_minute: int = 0,
        limits: CallLimits | None = None,
        tool_scopes: Sequence[ToolScope] = (),
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> IssuedKey:
        """Makes an API key; its secret is in this answer and nowhere else. A rate of 0 means no limit.

        Without limits its owner may have as much in flight with it as its roles say; without scopes it reads and runs
        all tools that its roles are for.
        """
        request = api.CreateKeyRequest(
            owner=owner,
            roles=roles,
            service_name=service_name,
            description=description,
            rate_per_minute=rate_per_minute,
            limits=to_optional(limits, CallLimitsMessage()),
            tool_scopes=_scopes(tool_scopes),
            expires_at=to_timestamp(expires_at),
            idempotency_key=idempotency_key,
        )
        return self._call(request, IssuedKey)

    def get_key(self, key_id: str) -> Key:
        """One key, without its secret."""
        return self._call(api.GetKeyRequest(id=key_id), Key)

    def list_keys(self, owner: str = "", *, include_invalid: bool = False) -> list[Key]:
        """All keys that are valid, newest first, or those of one owner."""
        return self._list(api.ListKeysRequest(owner=owner, include_invalid=include_invalid), Key)

    def rotate_key(
        self, key_id: str, *, grace_seconds: int | None = None, idempotency_key: str | None = None
    ) -> IssuedKey:
        """Makes a new secret for a key; the old one stays valid for the grace time, a day unless said otherwise."""
        request = api.RotateKeyRequest(id=key_id, grace_seconds=grace_seconds, idempotency_key=idempotency_key)
        return self._call(request, IssuedKey)

    def revoke_key(self, key_id: str) -> Key:
        """Makes a key invalid for good, everywhere within a second."""
        return self._call(api.RevokeKeyRequest(id=key_id), Key)

    def disable_key(self, key_id: str) -> Key:
        """Makes a key invalid, everywhere within a second, until it is enabled again."""
        return self._call(api.DisableKeyRequest(id=key_id), Key)

    def enable_key(self, key_id: str) -> Key:
        """Makes a disabled key valid again."""
        return self._call(api.EnableKeyRequest(id=key_id), Key)

    def list_roles(self) -> list[Role]:
        """All roles in order of their names."""
        return self._list(api.ListRolesRequest(), Role)

    def create_role(
        self,
        name: str,
        permissions: Sequence[str],
        *,
        description: str = "",
        limits: CallLimits | None = None,
        tool_scopes: Sequence[ToolScope] = (),
        idempotency_key: str | None = None,
    ) -> Role:
        """Makes a role; with scopes its `tools.read` and `tools.invoke` are for tools in one of them."""
        role = role_pb2.Role(
            name=name,
            permissions=permissions,
            description=description,
            limits=to_optional(limits, CallLimitsMessage()),
            tool_scopes=_scopes(tool_scopes),
        )
        return self._call(api.CreateRoleRequest(role=role, idempotency_key=idempotency_key), Role)

    def update_role(
        self,
        name: str,
        permissions: Sequence[str],
        *,
        description: str = "",
        limits: CallLimits | None = None,
        tool_scopes: Sequence[ToolScope] = (),
        etag: str = "",
    ) -> Role:
        """Replaces a role's permissions, description, limits and scopes; with an etag, only if it is still that one."""
        role = role_pb2.Role(
            name=name,
            permissions=permissions,
            description=description,
            limits=to_optional(limits, CallLimitsMessage()),
            tool_scopes=_scopes(tool_scopes),
            etag=etag,
        )
        # With an etag a second one would be refused though the first did what was asked.
        return self._call(api.UpdateRoleRequest(role=role), Role, once=bool(etag))

    def delete_role(self, name: str) -> None:
        """Removes a role that no key has."""
        self._send(api.DeleteRoleRequest(name=name))

    def whoami(self) -> Identity:
        """Who the caller is, and what they may do."""
        return self._call(api.WhoAmIRequest(), Identity)

    def list_denials(self, principal: str = "", *, limit: int | None = 50) -> list[Denial]:
        """The newest denials of all services; `limit` None means all there are."""
        return self._list(api.ListDenialsRequest(principal=principal), Denial, limit=limit)


def _scopes(scopes: Sequence[ToolScope]) -> list[scope_pb2.ToolScope]:
    return [to_message(scope, scope_pb2.ToolScope()) for scope in scopes]
