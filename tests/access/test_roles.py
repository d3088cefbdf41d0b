"""Roles: the built-in ones stand, others change at once for all who have them."""

import asyncio

import pytest
from qmcp.access.v1 import role_pb2

from services.access.roles import BUILT_IN
from tests.access.environment import Access, who
from tests.contract.running import Refusal, Running


async def test_the_built_in_roles_are_there_and_cannot_be_changed(access: Access) -> None:
    roles = {role.name: role for role in (await access.must("ListRoles")).roles}
    assert (
        set(roles)
        == {"admin", "agent", "delegate", "human", "ingest", "interviewer", "monitor", "reader", "service"}
        == {role.name for role in BUILT_IN}
    )
    for name, role in roles.items():
        assert role.built_in
        changed = await access.refused("UpdateRole", role=role_pb2.Role(name=name, permissions=["tools.read"]))
        deleted = await access.refused("DeleteRole", name=name)
        made = await access.refused("CreateRole", role=role_pb2.Role(name=name, permissions=["tools.read"]))
        assert (changed.reason, deleted.reason, made.reason) == ("ROLE_BUILT_IN", "ROLE_BUILT_IN", "ROLE_EXISTS")


async def until(tools: Running, key: str, wanted: str) -> None:
    async with asyncio.timeout(60):
        while await who(tools, key) != wanted:
            await asyncio.sleep(0.01)


@pytest.mark.promise("Q40")
async def test_a_changed_role_reaches_a_remembered_caller_at_once(access: Access, tools: Running) -> None:
    await access.role("runner", "tools.invoke")
    issued = await access.key("runner")
    assert await who(tools, issued.api_key) == "somebody"
    await access.must("UpdateRole", role=role_pb2.Role(name="runner", permissions=["tools.read"]))
    await until(tools, issued.api_key, "PERMISSION_DENIED")
    await access.must("UpdateRole", role=role_pb2.Role(name="runner", permissions=["tools.*"]))
    await until(tools, issued.api_key, "somebody")


async def test_a_key_has_what_its_roles_grant_together(access: Access, tools: Running) -> None:
    issued = await access.key("reader", "ingest")
    assert await who(tools, issued.api_key) == "PERMISSION_DENIED"
    identity = await access.must("WhoAmI", key=issued.api_key)
    assert list(identity.permissions) == [
        *("access.audit", "access.read", "documents.audit", "documents.read", "hitl.audit", "hitl.read"),
        *("metrics.audit", "metrics.read", "metrics.write"),
        *("questioning.audit", "questioning.read", "tasks.audit", "tasks.read", "tools.audit", "tools.read"),
    ]


async def test_a_role_that_keys_have_stays(access: Access) -> None:
    await access.role("runner", "tools.invoke")
    issued = await access.key("runner")
    assert (await access.refused("DeleteRole", name="runner")).reason == "ROLE_IN_USE"
    await access.must("RevokeKey", id=issued.key.id)
    await access.must("DeleteRole", name="runner")
    assert (await access.refused("DeleteRole", name="runner")).reason == "ROLE_NOT_FOUND"


async def test_a_role_is_not_deleted_while_a_key_gets_it(access: Access) -> None:
    for number in range(10):
        name = f"role{number}"
        await access.role(name, "tools.invoke")
        made, deleted = await asyncio.gather(
            access.running.call(
                "CreateKey", access.running.request("CreateKey", owner="o", roles=[name]), access.admin
            ),
            access.running.call("DeleteRole", access.running.request("DeleteRole", name=name), access.admin),
        )
        assert isinstance(made, Refusal) != isinstance(deleted, Refusal)


async def test_an_update_on_what_somebody_else_changed_is_refused(access: Access) -> None:
    read = await access.role("runner", "tools.invoke")
    changed = role_pb2.Role(name="runner", permissions=["tools.read"], etag=read.etag)
    updated = await access.must("UpdateRole", role=changed)
    assert updated.etag != read.etag
    assert (await access.refused("UpdateRole", role=changed)).reason == "ETAG_MISMATCH"
    assert not updated.built_in


async def test_nobody_makes_a_role_that_may_more_than_they(access: Access) -> None:
    await access.role("rolemaker", "access.admin", "tools.read")
    maker = (await access.key("rolemaker")).api_key
    await access.must("CreateRole", key=maker, role=role_pb2.Role(name="lesser", permissions=["tools.read"]))
    for permission in ("*", "tools.*", "tools.invoke", "access.*"):
        role = role_pb2.Role(name="lesser", permissions=[permission])
        assert (await access.refused("UpdateRole", key=maker, role=role)).reason == "ROLE_EXCEEDS_CALLER"
        role = role_pb2.Role(name="greater", permissions=[permission])
        assert (await access.refused("CreateRole", key=maker, role=role)).reason == "ROLE_EXCEEDS_CALLER"


@pytest.mark.parametrize(
    "permission", ["", "tools", "tools.", ".read", "Tools.read", "tools.read.all", "**", "tools.\n"]
)
async def test_what_is_no_permission_is_refused(access: Access, permission: str) -> None:
    refused = await access.refused("CreateRole", role=role_pb2.Role(name="odd", permissions=[permission]))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("role.permissions[0]",))


async def test_a_permission_has_an_end(access: Access) -> None:
    refused = await access.refused("CreateRole", role=role_pb2.Role(name="odd", permissions=[f"tools.{'x' * 60}"]))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("role.permissions[0]",))


async def test_what_services_ask_about_roles_that_do_not_exist_grants_nothing(access: Access) -> None:
    answer = await access.must("ResolveRoles", roles=["agent", "nosuch", "", "'; DROP TABLE roles; --", "Admin"])
    assert list(answer.permissions) == [
        "documents.read",
        "documents.run",
        "documents.write",
        "hitl.ask",
        "hitl.read",
        "metrics.read",
        "metrics.write",
        "questioning.ask",
        "questioning.read",
        "tasks.read",
        "tasks.write",
        "tools.invoke",
        "tools.read",
    ]
    assert not (await access.must("ResolveRoles", roles=[])).permissions
