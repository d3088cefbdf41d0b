"""A stand-in for access: a servicer of the generated base class that knows people, each with a key, roles and permissions."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc, scope_pb2

from devstack import ports
from servicekit.identity import credentials


@dataclass(frozen=True)
class Person:
    """Somebody whose key the service knows."""

    name: str
    roles: Sequence[str]
    permissions: Sequence[str]
    # What it has for some tools alone.
    narrowed: Sequence[scope_pb2.NarrowedPermission] = ()


class FakeAccess(access_service_pb2_grpc.AccessServiceServicer):
    """Says who a key is."""

    def __init__(self) -> None:
        self.port = ports.free()
        self.people: dict[str, Person] = {}
        # What roles grant to whoever comes with a token that names them.
        self.roles: dict[str, Sequence[str]] = {}

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def key(
        self,
        name: str,
        *roles: str,
        permissions: Sequence[str],
        narrowed: Sequence[scope_pb2.NarrowedPermission] = (),
    ) -> str:
        """A new key of a person."""
        text, key = credentials.generate()
        self.people[key.id] = Person(name, roles, permissions, narrowed)
        return text

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = grpc.aio.server()
        access_service_pb2_grpc.add_AccessServiceServicer_to_server(self, server)
        server.add_insecure_port(self.address)
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    def _permissions(self, reference: str) -> Sequence[str]:
        kind, _, name = reference.partition(":")
        if kind == "roles":
            return [permission for role in name.split(",") for permission in self.roles.get(role, ())]
        return self.people[name].permissions

    async def ResolveKey(self, request: Any, context: Any) -> Any:
        person = self.people[request.id]
        return access_service_pb2.Identity(
            principal=person.name, roles=person.roles, permissions=person.permissions, narrowed=person.narrowed
        )

    async def ResolveRoles(self, request: Any, context: Any) -> Any:
        granted = [permission for role in request.roles for permission in self.roles.get(role, ())]
        return access_service_pb2.ResolveRolesResponse(permissions=granted)

    async def ResolveCallers(self, request: Any, context: Any) -> Any:
        standing = [
            access_service_pb2.CallerStanding(reference=reference, permissions=self._permissions(reference))
            for reference in request.references
        ]
        return access_service_pb2.ResolveCallersResponse(callers=standing)

    async def ReportUse(self, request: Any, context: Any) -> Any:
        return access_service_pb2.ReportUseResponse()
