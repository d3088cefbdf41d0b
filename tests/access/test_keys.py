"""Keys: shown once, valid as long as they shall be, and never more than their maker may give."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from servicekit.identity import credentials
from services.access.keys import belongs_to_tokens
from tests.access.environment import Access, who, with_key
from tests.contract.running import Answer, Refusal, Running

# No more than a guard against hanging.
GUARD_SECONDS = 60
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def in_seconds(seconds: float) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return message


async def until_refused(tools: Running, key: str) -> None:
    """Until the key is refused; every answer before has to be a good one."""
    async with asyncio.timeout(GUARD_SECONDS):
        while (answer := await who(tools, key)) != "UNAUTHENTICATED":
            assert answer == "somebody", answer
            await asyncio.sleep(0.01)


@pytest.mark.promise("M24")
async def test_a_key_is_shown_once_and_only_the_digest_of_its_secret_is_kept(access: Access, database: str) -> None:
    issued = await access.key("agent", service_name="billing", description="for bills", rate_per_minute=5)
    parsed = credentials.parse(issued.api_key)
    assert parsed is not None
    assert parsed.id == issued.key.id
    got = await access.must("GetKey", id=issued.key.id)
    assert got == issued.key
    assert (got.owner, got.service_name, got.description, got.roles, got.rate_per_minute, got.status) == (
        "somebody", "billing", "for bills", ["agent"], 5, "active",
    )  # fmt: skip
    connection = await asyncpg.connect(database)
    try:
        stored = await connection.fetchval("SELECT digest FROM keys WHERE id = $1", issued.key.id)
        tables = [
            row["tablename"]
            for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        everything = [str([dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")]) for name in tables]
    finally:
        await connection.close()
    assert stored == parsed.digest
    secrets = [
        text.rpartition(f"{re.match('qmcp_[0-9a-f]{16}', text)[0]}_")[2]
        for text in (issued.api_key, access.files.admin, access.files.service)
    ]
    assert all(len(secret) == 43 and secret not in dump for secret in secrets for dump in everything)


@pytest.mark.promise("M24")
async def test_secrets_are_random_and_no_two_keys_are_alike(access: Access) -> None:
    issued = [await access.key("agent") for _ in range(50)]
    assert len({each.api_key for each in issued}) == len({each.key.id for each in issued}) == 50


async def test_creating_answers_201_over_http(access: Access) -> None:
    call = access.running.channel.unary_unary("/qmcp.access.v1.AccessService/CreateKey")(
        access.running.request("CreateKey", owner="o", roles=["agent"]).SerializeToString(),
        metadata=tuple(access.admin.items()),
    )
    await call
    assert dict(await call.initial_metadata())["x-http-status"] == "201"


async def test_a_retry_gets_the_same_key_without_its_secret(access: Access) -> None:
    first = await access.key("agent", idempotency_key="once")
    again = await access.key("agent", idempotency_key="once")
    assert first.api_key
    assert not again.api_key
    assert first.key == again.key
    rotated = await access.must("RotateKey", id=first.key.id, idempotency_key="turn")
    once_more = await access.must("RotateKey", id=first.key.id, idempotency_key="turn")
    assert rotated.api_key
    assert not once_more.api_key


async def test_many_retries_at_once_make_one_key_and_show_one_secret(access: Access) -> None:
    issued = await asyncio.gather(*(access.key("agent", idempotency_key="once") for _ in range(10)))
    assert len({each.key.id for each in issued}) == 1
    assert len([each for each in issued if each.api_key]) == 1


async def test_a_key_ends_when_the_clock_of_the_database_says_so(access: Access, tools: Running, database: str) -> None:
    answer, lifetime = "", 1.5
    while answer != "somebody":
        # On a busy machine it may have ended before it was used.
        issued = await access.key("agent", expires_at=in_seconds(lifetime))
        answer, lifetime = await who(tools, issued.api_key), 2 * lifetime
        assert lifetime < GUARD_SECONDS
    await until_refused(tools, issued.api_key)
    assert (await access.must("GetKey", id=issued.key.id)).status == "expired"
    lasting = await access.key("agent")
    assert await who(tools, lasting.api_key) == "somebody"
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE keys SET expires_at = $2 WHERE id = $1", lasting.key.id, LONG_AGO)
        await connection.execute("SELECT pg_notify('access_changed', $1)", lasting.key.id)
    finally:
        await connection.close()
    await until_refused(tools, lasting.api_key)


@pytest.mark.parametrize("owner", ["oidc:alice", "oidc:", "OIDC:alice", "Oidc:alice@example.com"])
async def test_no_key_has_the_name_of_somebody_who_comes_with_a_token(access: Access, owner: str) -> None:
    refused = await access.refused("CreateKey", owner=owner, roles=["agent"])
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("owner",))
    assert belongs_to_tokens(owner), "and no line of the preshared file has it"
    assert (await access.key("agent", owner="oidc.alice")).key.owner == "oidc.alice"


async def test_an_end_in_the_past_is_refused(access: Access) -> None:
    refused = await access.refused("CreateKey", owner="o", roles=["agent"], expires_at=in_seconds(-1))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("expires_at",))
    refused = await access.refused("CreateKey", owner="o", roles=["agent"], expires_at=Timestamp(seconds=2**60))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("expires_at",))


async def test_a_key_makes_as_many_calls_a_minute_as_it_may(access: Access, tools: Running) -> None:
    issued = await access.key("agent", rate_per_minute=3)
    request = tools.request("ListTools")
    # All at once, so that none finds what is left reckoned by another.
    answers = await asyncio.gather(*(tools.call("ListTools", request, with_key(issued.api_key)) for _ in range(30)))
    denials = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len([answer for answer in answers if isinstance(answer, Answer)]) == 3
    assert {(refusal.code.name, refusal.reason) for refusal in denials} == {("RESOURCE_EXHAUSTED", "RATE_LIMITED")}


@pytest.mark.promise("M25")
async def test_a_rotated_secret_stays_valid_for_its_time_of_grace_and_no_longer(access: Access, tools: Running) -> None:
    issued = await access.key("agent")
    assert await who(tools, issued.api_key) == "somebody"
    rotated = await access.must("RotateKey", id=issued.key.id, grace_seconds=3600)
    assert rotated.key.status == "rotated"
    assert rotated.api_key != issued.api_key
    assert await who(tools, rotated.api_key) == "somebody"
    assert await who(tools, issued.api_key) == "somebody"
    again = await access.must("RotateKey", id=issued.key.id, grace_seconds=1)
    await until_refused(tools, rotated.api_key)
    assert await who(tools, again.api_key) == "somebody"
    assert (await access.must("GetKey", id=issued.key.id)).status == "active"


async def test_without_grace_the_old_secret_ends_at_once(access: Access, tools: Running) -> None:
    issued = await access.key("agent")
    assert await who(tools, issued.api_key) == "somebody"
    rotated = await access.must("RotateKey", id=issued.key.id, grace_seconds=0)
    assert rotated.key.status == "active"
    await until_refused(tools, issued.api_key)
    assert await who(tools, rotated.api_key) == "somebody"


async def test_only_one_older_secret_is_valid(access: Access, tools: Running) -> None:
    first = await access.key("agent")
    second = await access.must("RotateKey", id=first.key.id)
    third = await access.must("RotateKey", id=first.key.id)
    answers = [await who(tools, each.api_key) for each in (first, second, third)]
    assert answers == ["UNAUTHENTICATED", "somebody", "somebody"]


async def test_revoking_twice_changes_nothing_and_a_revoked_key_cannot_be_rotated(access: Access) -> None:
    issued = await access.key("agent")
    revoked = await access.must("RevokeKey", id=issued.key.id)
    assert revoked.status == "revoked"
    assert await access.must("RevokeKey", id=issued.key.id) == revoked
    assert (await access.refused("RotateKey", id=issued.key.id)).reason == "KEY_NOT_VALID"


async def test_a_disabled_key_is_refused_until_it_is_enabled_and_is_then_what_it_was(
    access: Access, tools: Running
) -> None:
    issued = await access.key("agent")
    assert await who(tools, issued.api_key) == "somebody"
    disabled = await access.must("DisableKey", id=issued.key.id)
    assert disabled.status == "disabled"
    assert disabled.HasField("disabled_at")
    again = await access.must("DisableKey", id=issued.key.id)
    # When it was used last is written down a moment later.
    again.ClearField("last_used_at")
    disabled.ClearField("last_used_at")
    assert again == disabled
    await until_refused(tools, issued.api_key)
    refused = await access.refused("RotateKey", id=issued.key.id)
    assert (refused.reason, "Enable it" in refused.message) == ("KEY_NOT_VALID", True)
    assert issued.key.id in [key.id for key in (await access.must("ListKeys")).keys]
    for _ in range(2):
        enabled = await access.must("EnableKey", id=issued.key.id)
        assert (enabled.status, enabled.roles, enabled.HasField("disabled_at")) == ("active", ["agent"], False)
    give_up = asyncio.get_running_loop().time() + 10
    while await who(tools, issued.api_key) != "somebody":
        assert asyncio.get_running_loop().time() < give_up


async def test_what_is_revoked_can_be_neither_disabled_nor_enabled(access: Access) -> None:
    issued = await access.key("agent")
    await access.must("RevokeKey", id=issued.key.id)
    for method in ("DisableKey", "EnableKey"):
        assert (await access.refused(method, id=issued.key.id)).reason == "KEY_NOT_VALID"
        assert (await access.refused(method, id="0" * 16)).reason == "KEY_NOT_FOUND"


async def test_nobody_enables_a_key_that_may_more_than_they(access: Access) -> None:
    await access.role("doorkeeper", "access.admin", "access.read")
    doorkeeper = await access.key("doorkeeper")
    strong = await access.key("admin")
    await access.must("DisableKey", id=strong.key.id)
    refused = await access.refused("EnableKey", doorkeeper.api_key, id=strong.key.id)
    assert refused.reason == "ROLE_EXCEEDS_CALLER"
    assert (await access.refused("WhoAmI", key=strong.api_key)).code.name == "UNAUTHENTICATED"


async def test_a_key_that_does_not_exist_is_not_found(access: Access) -> None:
    for method in ("GetKey", "RotateKey", "RevokeKey"):
        refused = await access.refused(method, id="0" * 16)
        assert (refused.code.name, refused.reason) == ("NOT_FOUND", "KEY_NOT_FOUND")


async def test_a_role_that_does_not_exist_is_named(access: Access) -> None:
    refused = await access.refused("CreateKey", owner="o", roles=["agent", "nosuch"])
    assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "ROLE_UNKNOWN")
    assert "nosuch" in refused.message


async def test_nobody_hands_out_what_they_lack(access: Access) -> None:
    await access.role("keymaker", "access.admin", "access.read", "tools.read")
    maker = (await access.key("keymaker", owner="maker")).api_key
    made = await access.must("CreateKey", key=maker, owner="o", roles=["keymaker"])
    assert made.api_key
    for role in ("admin", "agent", "human", "service"):
        refused = await access.refused("CreateKey", key=maker, owner="o", roles=[role])
        assert (refused.code.name, refused.reason) == ("PERMISSION_DENIED", "ROLE_EXCEEDS_CALLER"), role
    mighty = await access.key("admin", owner="boss")
    assert (await access.refused("RotateKey", key=maker, id=mighty.key.id)).reason == "ROLE_EXCEEDS_CALLER"


async def test_keys_are_listed_newest_first_by_owner_and_validity(access: Access) -> None:
    mine = [await access.key("agent", owner="lister") for _ in range(5)]
    await access.key("agent", owner="other")
    await access.must("RevokeKey", id=mine[2].key.id)
    valid = await access.must("ListKeys", owner="lister")
    assert [key.id for key in valid.keys] == [mine[n].key.id for n in (4, 3, 1, 0)]
    whole = await access.must("ListKeys", owner="lister", include_invalid=True, page_size=3)
    rest = await access.must(
        "ListKeys", owner="lister", include_invalid=True, page_size=3, page_token=whole.next_page_token
    )
    assert [key.id for key in (*whole.keys, *rest.keys)] == [each.key.id for each in reversed(mine)]


async def test_whoever_has_a_key_learns_who_they_are(access: Access) -> None:
    until = in_seconds(3600)
    issued = await access.key("agent", "reader", owner="me", rate_per_minute=600, expires_at=until)
    identity = await access.must("WhoAmI", key=issued.api_key)
    assert identity.principal == "me"
    assert list(identity.roles) == ["agent", "reader"]
    audited = ["access.audit", "access.read", "documents.audit", "documents.read", "documents.run", "documents.write"]
    audited += [
        "hitl.ask",
        "hitl.audit",
        "hitl.read",
        "metrics.audit",
        "metrics.read",
        "metrics.write",
        "questioning.ask",
        "questioning.audit",
        "questioning.read",
        "tasks.audit",
        "tasks.read",
        "tasks.write",
    ]
    assert list(identity.permissions) == [*audited, "tools.audit", "tools.invoke", "tools.read"]
    assert identity.rate_per_minute == 600
    assert identity.valid_until == issued.key.expires_at
    bearer = {"authorization": f"Bearer {issued.api_key}"}
    assert (await access.running.must("WhoAmI", None, bearer)).principal == "me"
    assert (await access.running.refused("WhoAmI")).code.name == "UNAUTHENTICATED"


async def test_the_use_of_a_key_is_noted(access: Access, tools: Running) -> None:
    issued = await access.key("agent")
    assert not issued.key.HasField("last_used_at")
    await who(tools, issued.api_key)
    for _ in range(40):
        if (await access.must("GetKey", id=issued.key.id)).HasField("last_used_at"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not noted within four seconds")
