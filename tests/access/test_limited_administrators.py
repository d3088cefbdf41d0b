"""Who may change whom: administrators with less than everything act on what is theirs and below them."""

import pytest
from qmcp.access.v1 import role_pb2

from servicekit.identity import credentials
from services.access.roles import BUILT_IN
from tests.access import environment
from tests.access.environment import Access, Files, who
from tests.contract.running import Running

ROLES = tuple(role.name for role in BUILT_IN)


@pytest.mark.parametrize("own", ROLES)
async def test_an_administrator_with_one_built_in_role_changes_keys_of_that_role_and_of_no_other(
    access: Access, own: str
) -> None:
    await access.role("keeper", "access.admin")
    keeper = (await access.key("keeper", own, owner="keeper")).api_key
    for theirs in ROLES:
        standing = (await access.key(theirs, owner=f"holder-{theirs}")).key.id
        calls = {
            "CreateKey": {"owner": f"new-{theirs}", "roles": [theirs]},
            "RotateKey": {"id": standing},
            "DisableKey": {"id": standing},
            "EnableKey": {"id": standing},
            "RevokeKey": {"id": standing},
        }
        for method, fields in calls.items():
            if own in {"admin", theirs}:
                assert await access.must(method, keeper, **fields), (method, theirs)
            else:
                refused = await access.refused(method, keeper, **fields)
                told = (refused.code.name, refused.reason)
                assert told == ("PERMISSION_DENIED", "ROLE_EXCEEDS_CALLER"), (method, theirs)


@pytest.mark.parametrize("own", ROLES)
async def test_nobody_makes_a_key_in_the_name_of_an_owner_who_has_more(access: Access, own: str) -> None:
    await access.role("keeper", "access.admin")
    keeper = (await access.key("keeper", own, owner="keeper")).api_key
    for theirs in ROLES:
        owner = f"holder-{theirs}"
        await access.key(theirs, owner=owner)
        below = (await access.key("keeper", owner=owner)).key.id
        for method, fields in (("CreateKey", {"owner": owner, "roles": ["keeper"]}), ("RotateKey", {"id": below})):
            if own in {"admin", theirs}:
                assert await access.must(method, keeper, **fields), (method, theirs)
            else:
                refused = await access.refused(method, keeper, **fields)
                assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "OWNER_EXCEEDS_CALLER"), theirs


async def test_a_name_that_stood_for_more_once_is_not_given_when_that_has_ended(access: Access) -> None:
    await access.role("keeper", "access.admin")
    keeper = (await access.key("keeper", owner="keeper")).api_key
    strong = await access.key("human", owner="judge")
    await access.must("RevokeKey", id=strong.key.id)
    refused = await access.refused("CreateKey", keeper, owner="judge", roles=["keeper"])
    assert refused.reason == "OWNER_EXCEEDS_CALLER"


async def test_a_role_that_grants_nothing_new_is_a_group_and_not_handed_out_by_whoever_is_not_in_it(
    access: Access,
) -> None:
    await access.role("keeper", "access.admin", "hitl.respond")
    await access.role("finance", "hitl.respond")
    keeper = (await access.key("keeper", owner="keeper")).api_key
    refused = await access.refused("CreateKey", keeper, owner="keeper", roles=["finance"])
    assert (refused.reason, "finance" in refused.message) == ("ROLE_EXCEEDS_CALLER", True)
    both = (await access.key("keeper", "finance", owner="treasurer")).api_key
    assert (await access.must("CreateKey", both, owner="clerk", roles=["finance"])).api_key


async def test_a_role_is_changed_and_deleted_by_whoever_has_it_and_all_that_it_grants(access: Access) -> None:
    await access.role("keeper", "access.admin", "tools.read")
    await access.role("greater", "tools.read", "tools.invoke")
    await access.role("group", "tools.read")
    outside = (await access.key("keeper", owner="outside")).api_key
    inside = (await access.key("keeper", "group", owner="inside")).api_key
    for name in ("greater", "group"):
        role = role_pb2.Role(name=name, permissions=["tools.read"])
        assert (await access.refused("UpdateRole", outside, role=role)).reason == "ROLE_EXCEEDS_CALLER"
        assert (await access.refused("DeleteRole", outside, name=name)).reason == "ROLE_EXCEEDS_CALLER"
    wider = role_pb2.Role(name="group", permissions=["tools.read", "tools.invoke"])
    assert (await access.refused("UpdateRole", inside, role=wider)).reason == "ROLE_EXCEEDS_CALLER"
    changed = role_pb2.Role(name="group", permissions=["tools.read"], description="of those inside")
    assert (await access.must("UpdateRole", inside, role=changed)).description == "of those inside"


async def test_a_key_by_which_a_service_calls_others_is_out_of_reach_even_of_those_who_may_everything(
    access: Access, tools: Running
) -> None:
    service = credentials.parse(access.files.service)
    assert service is not None
    for method in ("RotateKey", "DisableKey", "EnableKey", "RevokeKey"):
        refused = await access.refused(method, id=service.id)
        assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "KEY_PRESHARED"), method
    assert await who(tools, (await access.key("agent", owner="caller")).api_key) == "caller"


async def test_a_persons_key_that_the_environment_gives_is_revoked_as_any_other(database: str, files: Files) -> None:
    text, key = credentials.generate()
    with (files.folder / "preshared").open("a") as file:
        file.write(f"{text} rescue admin\n")
    async with environment.access(database, files) as access:
        assert (await access.must("RevokeKey", text, id=key.id)).status == "revoked"
        await access.until_refused(text)
