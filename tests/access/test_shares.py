"""Shares: what a key and its roles say of them, and what counts as in flight."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from qmcp.access.v1 import call_limits_pb2

from tests.access import environment
from tests.access.environment import Access, Files, who, with_key
from tests.contract.running import Refusal, Running
from tests.contract.subject import Slow
from tests.tools.subject import SUBJECT

GUARD_SECONDS = 60.0
LOOPBACK = "127.0.0.0/8,::1/128"


def limits(**given: int) -> call_limits_pb2.CallLimits:
    return call_limits_pb2.CallLimits(**given)


@pytest.fixture
async def tools(access: Access, tools_database: str, files: Files) -> AsyncIterator[Running]:
    settings: dict[str, Any] = {"principal_max_long_calls": 1, "tools_allowed_networks": LOOPBACK}
    async with environment.tools(tools_database, files, access.port, **settings) as running:
        running.key = access.files.admin
        yield running


@pytest.fixture
async def slow(tools: Running, tmp_path: Path) -> AsyncIterator[Slow]:
    async with SUBJECT.slow(tools) as slow:
        yield slow


async def begun(tools: Running, slow: Slow, key: str) -> str:
    """How the start of an invocation that lasts ends."""
    answer = await tools.call("StartInvocation", slow.request, with_key(key))
    return answer.reason if isinstance(answer, Refusal) else answer.message.status


async def test_what_was_started_and_goes_on_is_in_flight_too(access: Access, tools: Running, slow: Slow) -> None:
    one, two = [(await access.key("agent", owner=owner)).api_key for owner in ("one", "two")]
    assert await begun(tools, slow, one) == "running"
    assert await begun(tools, slow, one) == "CONCURRENCY_LIMITED"
    assert await begun(tools, slow, two) == "running"
    again = (await access.key("agent", owner="one")).api_key
    assert await begun(tools, slow, again) == "CONCURRENCY_LIMITED", "another key is not another caller"
    (held,) = (await tools.must("ListInvocations", tools.request("ListInvocations", principal="one"))).invocations
    await tools.must("CancelInvocation", tools.request("CancelInvocation", id=held.id))
    async for _ in tools.channel.unary_stream(
        "/qmcp.tools.v1.ToolsService/WatchInvocation", request_serializer=lambda message: message.SerializeToString()
    )(tools.request("WatchInvocation", id=held.id), metadata=tuple(access.admin.items())):
        pass
    assert await begun(tools, slow, one) == "running"


async def test_a_key_and_else_a_role_says_how_much_its_holder_may_have(
    access: Access, tools: Running, slow: Slow
) -> None:
    await access.role("farm", "tools.invoke", limits=limits(long=2))
    farmer = (await access.key("agent", "farm", owner="farmer")).api_key
    assert [await begun(tools, slow, farmer) for _ in range(3)] == ["running", "running", "CONCURRENCY_LIMITED"]
    baron = (await access.key("agent", "farm", owner="baron", limits=limits(long=3))).api_key
    assert [await begun(tools, slow, baron) for _ in range(4)] == [*["running"] * 3, "CONCURRENCY_LIMITED"]


async def test_limits_are_shown_with_the_key_the_role_and_the_caller(access: Access) -> None:
    role = await access.role("farm", "tools.invoke", limits=limits(long=70, streams=9))
    assert role.limits == limits(long=70, streams=9)
    updated = await access.must("UpdateRole", role=role)
    assert (updated.limits, updated.etag) == (role.limits, role.etag)
    issued = await access.key("agent", "farm", limits=limits(long=7, waits=8))
    assert issued.key.limits == limits(long=7, waits=8)
    assert (await access.must("GetKey", id=issued.key.id)).limits == issued.key.limits
    identity = await access.must("WhoAmI", key=issued.api_key)
    assert identity.limits == limits(long=7, waits=8, streams=9)
    plain = await access.key("agent")
    assert not (await access.must("WhoAmI", key=plain.api_key)).HasField("limits")


async def test_of_several_roles_the_largest_counts_and_unknown_ones_say_nothing(access: Access) -> None:
    await access.role("farm", "tools.invoke", limits=limits(long=70, quick=1))
    await access.role("yard", "tools.invoke", limits=limits(long=7, quick=9))
    service = access.files.service
    resolved = await access.must("ResolveRoles", key=service, roles=["farm", "yard", "nowhere"])
    assert resolved.limits == limits(long=70, quick=9)


async def test_services_call_for_all_and_so_past_any_share(access: Access) -> None:
    identity = await access.must("WhoAmI", key=access.files.service)
    assert min(getattr(identity.limits, kind) for kind in ("quick", "long", "waits", "streams")) == 1_000_000


async def test_credentials_that_are_not_valid_are_checked_so_often_and_not_more_for_each_address(
    access: Access, tools_database: str, files: Files
) -> None:
    known = (await access.key("agent", owner="known")).api_key
    settings = {"address_max_failures_per_minute": 3}
    async with environment.tools(tools_database, files, access.port, **settings) as tools:
        assert await who(tools, known) == "known"
        made_up = [environment.credentials.generate()[0] for _ in range(6)]
        ended = [await who(tools, key) for key in made_up]
        assert ended == [*["UNAUTHENTICATED"] * 3, *["RESOURCE_EXHAUSTED"] * 3]
        refused = await tools.refused("ListTools", metadata=with_key(made_up[-1]))
        assert (refused.reason, refused.metadata["address"]) == ("RATE_LIMITED", "127.0.0.1")
        assert refused.retry_after > 0
        assert await who(tools, known) == "known", "who is remembered is not asked about"
        elsewhere = {"x-qmcp-client-address": "192.0.2.7"}
        told = await tools.refused("ListTools", metadata={**with_key(made_up[-1]), **elsewhere})
        assert told.reason == "UNAUTHENTICATED", "another address has its own"
        recorded: set[str] = set()
        async with asyncio.timeout(GUARD_SECONDS):
            while not {"UNAUTHENTICATED", "RATE_LIMITED"} <= recorded:
                await asyncio.sleep(0.1)
                recorded = {denial.reason for denial in (await access.must("ListDenials", page_size=500)).denials}
