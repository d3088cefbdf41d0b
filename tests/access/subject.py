"""The access service under the contract."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
from qmcp.access.v1 import access_service_pb2, key_pb2, role_pb2

from services.access import server as access_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject, held_up

_times = count(1)
# The key that was made last.
STANDING = {"id": "5" * 16}


async def _standing_key(running: Running) -> None:
    """A key whose id is known beforehand."""
    STANDING["id"] = f"{next(_times):016x}"
    connection = await asyncpg.connect(running.database)
    try:
        await connection.execute(
            """
            INSERT INTO keys (id, owner, service_name, description, roles, rate_per_minute, digest)
            VALUES ($1, 'standing', '', '', '{agent}', 0, $2)
            """,
            STANDING["id"],
            secrets.token_bytes(32),
        )
    finally:
        await connection.close()


async def _make_keys(running: Running, number: int) -> list[str]:
    made = [
        await running.must("CreateKey", running.request("CreateKey", owner="maker", roles=["agent"]))
        for _ in range(number)
    ]
    return [issued.key.id for issued in made]


async def _make_roles(running: Running, number: int) -> list[str]:
    # No filter leaves the built-in ones out.
    connection = await asyncpg.connect(running.database)
    try:
        await connection.execute("DELETE FROM roles WHERE built_in")
    finally:
        await connection.close()
    names = [f"made{next(_times):06}" for _ in range(number)]
    for name in names:
        await running.must("CreateRole", running.request("CreateRole", role=_role(0, name)))
    return names


async def _make_denials(running: Running, number: int) -> list[str]:
    ids = [f"denied-{next(_times):06}" for _ in range(number)]
    for each in ids:
        denial = key_pb2.Denial(
            service="x", method="/m", reason="PERMISSION_DENIED", principal="maker", request_id=each, count=1
        )
        denial.at.GetCurrentTime()
        await running.must("ReportUse", running.request("ReportUse", denials=[denial]))
    return ids


def _role(number: int, name: str = "") -> role_pb2.Role:
    return role_pb2.Role(name=name or f"made{number}", permissions=["tools.read"], description=f"Role {number}")


async def _who(running: Running) -> str:
    return str((await running.must("WhoAmI")).principal)


async def _key_of(owner: Running, admin: Running) -> str:
    wanted = admin.request("CreateKey", owner=await _who(owner), roles=["ingest"])
    return str((await admin.must("CreateKey", wanted)).key.id)


async def _denial_of(owner: Running, admin: Running) -> str:
    named = f"denied-{next(_times):06}"
    denial = key_pb2.Denial(
        service="x", method="/m", reason="PERMISSION_DENIED", principal=await _who(owner), request_id=named, count=1
    )
    denial.at.GetCurrentTime()
    await admin.must("ReportUse", admin.request("ReportUse", denials=[denial]))
    return named


@asynccontextmanager
async def _slow_list(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "ListDenials", running.request("ListDenials"), "denials") as slow:
        yield slow


SUBJECT = Subject(
    name="access",
    service=access_service_pb2.DESCRIPTOR.services_by_name["AccessService"],
    settings=access_server.Settings,
    compose=access_server.compose,
    variables=lambda _: {},
    listings={
        "ListKeys": Listing(_make_keys, "id", {"owner": "maker"}, {"owner": "other"}),
        "ListRoles": Listing(_make_roles, "name"),
        "ListDenials": Listing(_make_denials, "request_id", {"principal": "maker"}, {"principal": "other"}),
    },
    effects={
        "CreateKey": Effect(
            lambda number: access_service_pb2.CreateKeyRequest(owner=f"maker{number}", roles=["agent"]),
            lambda issued: issued.key.id,
        ),
        "RotateKey": Effect(
            lambda number: access_service_pb2.RotateKeyRequest(id=STANDING["id"], grace_seconds=number),
            lambda issued: (issued.key.id, issued.key.status),
            prepare=_standing_key,
            repeats=False,
        ),
        "CreateRole": Effect(
            lambda number: access_service_pb2.CreateRoleRequest(role=_role(number)),
            lambda role: (role.name, role.etag),
            repeats=False,
        ),
    },
    sights={
        "GetKey": Sight(_key_of, lambda made: access_service_pb2.GetKeyRequest(id=made)),
        "ListKeys": Sight(_key_of, lambda _: access_service_pb2.ListKeysRequest(include_invalid=True)),
        "ListDenials": Sight(_denial_of, lambda _: access_service_pb2.ListDenialsRequest()),
    },
    shared={"ListRoles": "what roles there are and what they grant is the same for all"},
    slow=_slow_list,
    lasting={"WatchChanges": Lasting(access_service_pb2.WatchChangesRequest())},
    words=(STANDING["id"], "agent", "admin", "made1", "tools.read", "*", "maker", "active"),
)
