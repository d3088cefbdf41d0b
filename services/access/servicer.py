"""The gRPC edge of the access service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc, key_pb2, role_pb2

from servicekit.idempotency import Once
from servicekit.identity.credentials import ApiKey, parse
from servicekit.request_context import current_context
from services.access import errors, messages
from services.access.changes import Changes
from services.access.denials import Denials
from services.access.keys import Keys
from services.access.models import IssuedKey
from services.access.roles import Roles

HEARTBEAT_SECONDS = 10.0

Context = ServicerContext[Any, Any]


class AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    """See protos/qmcp/access/v1/access_service.proto, where every method is documented."""

    def __init__(self, keys: Keys, roles: Roles, denials: Denials, changes: Changes) -> None:
        self._keys = keys
        self._roles = roles
        self._denials = denials
        self._changes = changes

    async def CreateKey(
        self, request: access_service_pb2.CreateKeyRequest, context: Context
    ) -> access_service_pb2.IssuedKey:
        wanted, by = messages.new_key_from(request), current_context.get().principal
        return await self._keys.create(wanted, by, _issued_once(request))

    async def GetKey(self, request: access_service_pb2.GetKeyRequest, context: Context) -> key_pb2.Key:
        return messages.key_to(await self._keys.get(request.id, current_context.get().viewer))

    async def ListKeys(
        self, request: access_service_pb2.ListKeysRequest, context: Context
    ) -> access_service_pb2.ListKeysResponse:
        viewer = current_context.get().viewer
        page, token = await self._keys.page(
            request.owner, request.include_invalid, viewer, request.page_size, request.page_token
        )
        return access_service_pb2.ListKeysResponse(keys=map(messages.key_to, page), next_page_token=token)

    async def RotateKey(
        self, request: access_service_pb2.RotateKeyRequest, context: Context
    ) -> access_service_pb2.IssuedKey:
        grace = request.grace_seconds if request.HasField("grace_seconds") else None
        by = current_context.get().principal
        return await self._keys.rotate(request.id, grace, by, _issued_once(request))

    async def RevokeKey(self, request: access_service_pb2.RevokeKeyRequest, context: Context) -> key_pb2.Key:
        return messages.key_to(await self._keys.revoke(request.id, current_context.get().principal))

    async def DisableKey(self, request: access_service_pb2.DisableKeyRequest, context: Context) -> key_pb2.Key:
        return messages.key_to(await self._keys.disable(request.id, current_context.get().principal))

    async def EnableKey(self, request: access_service_pb2.EnableKeyRequest, context: Context) -> key_pb2.Key:
        return messages.key_to(await self._keys.enable(request.id, current_context.get().principal))

    async def ListRoles(
        self, request: access_service_pb2.ListRolesRequest, context: Context
    ) -> access_service_pb2.ListRolesResponse:
        page, token = await self._roles.page(request.page_size, request.page_token)
        return access_service_pb2.ListRolesResponse(roles=map(messages.role_to, page), next_page_token=token)

    async def CreateRole(self, request: access_service_pb2.CreateRoleRequest, context: Context) -> role_pb2.Role:
        role, by = messages.role_from(request.role), current_context.get().principal
        return await self._roles.create(role, by, Once(request, messages.role_to))

    async def UpdateRole(self, request: access_service_pb2.UpdateRoleRequest, context: Context) -> role_pb2.Role:
        by = current_context.get().principal
        return messages.role_to(await self._roles.update(messages.role_from(request.role), by))

    async def DeleteRole(self, request: access_service_pb2.DeleteRoleRequest, context: Context) -> Empty:
        await self._roles.delete(request.name, current_context.get().principal)
        return Empty()

    async def WhoAmI(self, request: access_service_pb2.WhoAmIRequest, context: Context) -> access_service_pb2.Identity:
        call = current_context.get()
        key = parse(call.credential)
        identity = await self._keys.resolve(key) if key else None
        if identity is not None:
            return messages.identity_to(identity)
        return access_service_pb2.Identity(
            principal=call.principal.name,
            roles=sorted(call.principal.roles),
            permissions=sorted(call.principal.permissions),
            limits=messages.limits_to(call.principal.limits),
            narrowed=messages.narrowed_to(call.principal.narrowed),
        )

    async def ListDenials(
        self, request: access_service_pb2.ListDenialsRequest, context: Context
    ) -> access_service_pb2.ListDenialsResponse:
        viewer = current_context.get().viewer
        page, token = await self._denials.page(request.principal, viewer, request.page_size, request.page_token)
        return access_service_pb2.ListDenialsResponse(denials=map(messages.denial_to, page), next_page_token=token)

    async def ResolveKey(
        self, request: access_service_pb2.ResolveKeyRequest, context: Context
    ) -> access_service_pb2.Identity:
        identity = await self._keys.resolve(ApiKey(request.id, request.secret_digest))
        if identity is None:
            raise errors.key_not_found(request.id)
        return messages.identity_to(identity)

    async def ResolveRoles(
        self, request: access_service_pb2.ResolveRolesRequest, context: Context
    ) -> access_service_pb2.ResolveRolesResponse:
        resolved = await self._roles.resolve(request.roles)
        return access_service_pb2.ResolveRolesResponse(
            permissions=sorted(resolved.permissions),
            limits=messages.limits_to(resolved.limits),
            narrowed=messages.narrowed_to(resolved.narrowed),
        )

    async def ResolveCallers(
        self, request: access_service_pb2.ResolveCallersRequest, context: Context
    ) -> access_service_pb2.ResolveCallersResponse:
        found = await self._keys.resolve_callers(request.references)
        return access_service_pb2.ResolveCallersResponse(
            callers=[
                access_service_pb2.CallerStanding(
                    reference=reference,
                    permissions=sorted(found[reference].permissions),
                    narrowed=messages.narrowed_to(found[reference].narrowed),
                )
                for reference in request.references
            ]
        )

    async def WatchChanges(
        self, request: access_service_pb2.WatchChangesRequest, context: Context
    ) -> AsyncIterator[access_service_pb2.AccessChange]:
        async for changed in self._changes.watch(HEARTBEAT_SECONDS):
            yield access_service_pb2.AccessChange(key_id=changed or "", heartbeat=changed is None)

    async def ReportUse(self, request: access_service_pb2.ReportUseRequest, context: Context) -> Empty:
        await self._denials.report([messages.denial_from(d) for d in request.denials], request.used_key_ids)
        return Empty()


def _issued_once(request: Any) -> Once[IssuedKey, access_service_pb2.IssuedKey]:
    """What is kept for a retry is the key without its secret."""
    return Once(request, messages.issued_key_to, unrecorded=("api_key",))
