"""The access service over the wire, as the resolver of keys of a service.

servicekit imports no generated code, so whoever calls this hands in the stub and its messages.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from grpc import StatusCode

from servicekit.channels import channel
from servicekit.errors import ServiceError, unavailable
from servicekit.identity.credentials import ApiKey
from servicekit.identity.limits import CallLimits
from servicekit.identity.principal import MAX_ROLES, Principal
from servicekit.identity.resolver import Denial, ResolvedKey, ResolvedRoles
from servicekit.identity.scopes import narrowed_of
from servicekit.settings import ServiceSettings
from servicekit.waiting import waiting_for

SECONDS = 2.0
# What one ResolveCallers takes.
MAX_REFERENCES = 500
# What a call waits for here, as its caller is told.
ACCESS = "the access service"


class RemoteKeyResolver:
    """Implements `servicekit.identity.resolver.KeyResolver` over gRPC."""

    def __init__(self, stub: Any, messages: Any, key: str, service: str) -> None:
        self._stub = stub
        self._messages = messages
        self._metadata = (("x-api-key", key),)
        self._service = service

    async def resolve_key(self, key: ApiKey) -> ResolvedKey | None:
        """See KeyResolver."""
        request = self._messages.ResolveKeyRequest(id=key.id, secret_digest=key.digest)
        try:
            with waiting_for(ACCESS):
                identity = await self._stub.ResolveKey(request, timeout=SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() is StatusCode.NOT_FOUND:
                return None
            raise _away(error) from None
        until = identity.valid_until.ToMicroseconds() / 1e6 if identity.HasField("valid_until") else None
        return ResolvedKey(
            identity.principal,
            frozenset(identity.permissions),
            identity.rate_per_minute,
            until,
            frozenset(identity.roles),
            CallLimits.of(identity.limits),
            narrowed_of(identity.narrowed),
        )

    async def resolve_roles(self, roles: Sequence[str]) -> ResolvedRoles:
        """See KeyResolver."""
        request = self._messages.ResolveRolesRequest(roles=roles[:MAX_ROLES])
        try:
            with waiting_for(ACCESS):
                answer = await self._stub.ResolveRoles(request, timeout=SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _away(error) from None
        return ResolvedRoles(frozenset(answer.permissions), CallLimits.of(answer.limits), narrowed_of(answer.narrowed))

    async def resolve_callers(self, references: Sequence[str]) -> Mapping[str, Principal]:
        """See KeyResolver."""
        found: dict[str, Principal] = {}
        for begin in range(0, len(references), MAX_REFERENCES):
            request = self._messages.ResolveCallersRequest(references=references[begin : begin + MAX_REFERENCES])
            try:
                with waiting_for(ACCESS):
                    answer = await self._stub.ResolveCallers(request, timeout=SECONDS, metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                raise _away(error) from None
            for caller in answer.callers:
                granted = frozenset(caller.permissions)
                found[caller.reference] = Principal("", granted, narrowed=narrowed_of(caller.narrowed))
        return found

    async def changes(self) -> AsyncIterator[str]:
        """See KeyResolver."""
        try:
            request = self._messages.WatchChangesRequest()
            async for change in self._stub.WatchChanges(request, metadata=self._metadata):
                if not change.heartbeat:
                    yield change.key_id
        except grpc.aio.AioRpcError as error:
            raise _away(error) from None

    async def report(self, denials: Sequence[Denial], used: Sequence[str]) -> None:
        """See KeyResolver."""
        request = self._messages.ReportUseRequest(used_key_ids=used)
        for denial in denials:
            message = request.denials.add(
                service=self._service,
                method=denial.method,
                reason=denial.reason,
                permission=denial.permission,
                principal=denial.principal,
                correlation_id=denial.correlation_id,
                request_id=denial.request_id,
                count=denial.count,
                address=denial.address,
            )
            message.at.FromDatetime(denial.at)
        try:
            with waiting_for(ACCESS):
                await self._stub.ReportUse(request, timeout=SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _away(error) from None


@asynccontextmanager
async def remote_key_resolver(
    settings: ServiceSettings, service: str, stub: Callable[[grpc.aio.Channel], Any], messages: Any
) -> AsyncIterator[RemoteKeyResolver]:
    """Access as the resolver of keys of a service.

    Args:
        settings: where access is, and the key to ask it with.
        service: who asks.
        stub: `access_service_pb2_grpc.AccessServiceStub`
        messages: `access_service_pb2`

    Raises:
        SystemExit: when callers shall be checked and the key to ask with cannot be read.
    """
    key = own_key(settings)
    async with channel(settings.access_address, settings.certificates()) as opened:
        yield RemoteKeyResolver(stub(opened), messages, key, service)


def own_key(settings: ServiceSettings) -> str:
    """The key by which a service calls others; empty where callers are not checked.

    Raises:
        SystemExit: when there must be one and it cannot be read.
    """
    if settings.auth == "off":
        return ""
    try:
        key = settings.access_key_file.read_text().strip() if settings.access_key_file else ""
    except OSError as error:
        raise SystemExit(f"QMCP_ACCESS_KEY_FILE={settings.access_key_file} cannot be read: {error}") from None
    if not key:
        raise SystemExit("QMCP_AUTH=on needs QMCP_ACCESS_KEY_FILE: the key by which this service asks access.")
    return key


def _away(error: grpc.aio.AioRpcError) -> ServiceError:
    return unavailable(f"Who you are cannot be checked now: access answers {error.code().name}. Try again shortly.")
