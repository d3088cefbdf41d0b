"""Roles and keys that are for some tools alone: what they grant, what is shown and run by them, and who hands them out."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from qmcp.access.v1 import role_pb2, scope_pb2
from qmcp.tools.v1 import tool_pb2, tools_service_pb2

from tests.access import environment
from tests.access.environment import GUARD_SECONDS, Access, Files, code, with_key
from tests.contract.running import Refusal, Running
from tests.tools.fake_hitl import FakeHitl
from tests.upstream import Upstream, upstream

READ_AND_RUN = ("tools.read", "tools.invoke")
TOOLS = {
    "billing/pay": {},
    "billing/slow": {},
    "stock/count": {"tags": ["counting"]},
    "mail/send": {"labels": {"team": "mail"}},
}


def scope(*names: str, tags: tuple[str, ...] = (), **labels: str) -> scope_pb2.ToolScope:
    return scope_pb2.ToolScope(names=names, tags=tags, labels=labels)


BILLING = scope("billing/*")


@pytest.fixture
def behind() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


async def registered(access: Access, tools: Running, url: str) -> None:
    """Four tools besides those that are there."""
    for name, fields in TOOLS.items():
        made = tool_pb2.Tool(name=name, http=tool_pb2.HttpSource(method="POST", url=url), **fields)
        await tools.must("CreateTool", tools_service_pb2.CreateToolRequest(tool=made), access.admin)


class Caller:
    """Somebody with a key at the tools service."""

    def __init__(self, tools: Running, key: str) -> None:
        self._tools = tools
        self.key = key

    async def call(self, method: str, **fields: Any) -> Any:
        """The answer, or the refusal."""
        answer = await self._tools.call(method, self._tools.request(method, **fields), with_key(self.key))
        return answer if isinstance(answer, Refusal) else answer.message

    async def names(self, **fields: Any) -> list[str]:
        return [tool.name for tool in (await self.call("ListTools", page_size=500, **fields)).tools]

    async def streamed(self, method: str, **fields: Any) -> str:
        found = await self._tools.called_with(self.key).read(
            method, self._tools.request(method, **fields), lambda _: False
        )
        return found.code.name if isinstance(found, Refusal) else b"".join(each.data for each in found).decode()


def told(refused: Any) -> tuple[str, str]:
    assert isinstance(refused, Refusal), refused
    return refused.code.name, refused.reason


async def denials(access: Access, principal: str, number: int) -> list[tuple[str, str]]:
    """The audit of refusals, once there are so many."""
    async with asyncio.timeout(GUARD_SECONDS):
        while True:
            found = (await access.must("ListDenials", principal=principal)).denials
            if sum(each.count for each in found) >= number:
                return sorted({(each.method.rpartition("/")[2], each.permission) for each in found})
            await asyncio.sleep(0.05)


async def test_who_may_run_some_tools_sees_and_runs_nothing_else(
    access: Access, tools: Running, behind: Upstream
) -> None:
    await registered(access, tools, behind.url)
    issued = await access.key("agent", owner="payer", tool_scopes=[BILLING])
    # The same owner has another key, which is for all.
    wide, narrow = Caller(tools, (await access.key("agent", owner="payer")).api_key), Caller(tools, issued.api_key)
    others = await wide.call("InvokeTool", name="echo", input={"message": "other"}, idempotency_key="once")
    own = await narrow.call("InvokeTool", name="billing/pay", idempotency_key="mine")
    assert own.principal == others.principal == "payer"

    assert await narrow.names() == await narrow.names(invocable=True) == ["billing/pay", "billing/slow"]
    assert await narrow.names(query="pay") == ["billing/pay"]
    assert await narrow.names(query="echo") == await narrow.names(kind="builtin") == []
    assert (await narrow.call("GetTool", name="billing/pay")).name == "billing/pay"
    for name in ("echo", "stock/count", "mail/send", "no-such-tool"):
        hidden = await narrow.call("GetTool", name=name)
        for method in ("InvokeTool", "CallTool", "StartInvocation"):
            refused = await narrow.call(method, name=name, input={"message": "x"}, idempotency_key="once")
            assert told(refused) == told(hidden) == ("NOT_FOUND", "TOOL_NOT_FOUND"), (method, name)
            assert refused.message == hidden.message
            # It is on record, as what is said of it: for those who audit, and not for the caller.
            invocation = await tools.must(
                "GetInvocation", tools.request("GetInvocation", id=refused.metadata["invocation_id"]), access.admin
            )
            assert (invocation.principal, invocation.tool_name, invocation.tool_etag) == ("payer", name, "")
            assert told(await narrow.call("GetInvocation", id=invocation.id)) == ("NOT_FOUND", "INVOCATION_NOT_FOUND")
    assert await denials(access, "payer", 16) == [
        ("CallTool", "tools.invoke"),
        ("GetTool", "tools.read"),
        ("InvokeTool", "tools.invoke"),
        ("StartInvocation", "tools.invoke"),
    ]

    for method in ("GetInvocation", "CancelInvocation", "WatchInvocation"):
        assert await code(tools, method, with_key(narrow.key), tools.request(method, id=others.id)) == "NOT_FOUND"
    assert told(await narrow.call("GetReceipt", invocation_id=others.id)) == ("NOT_FOUND", "INVOCATION_NOT_FOUND")
    assert {each.tool_name for each in (await narrow.call("ListInvocations")).invocations} == {"billing/pay"}
    for fields in ({"tool_name": "echo"}, {"status": "success"}, {"correlation_id": others.correlation_id}):
        found = (await narrow.call("ListInvocations", **fields)).invocations
        assert {each.tool_name for each in found} <= {"billing/pay"}, fields
    assert [each.tool_name for each in (await narrow.call("SummarizeInvocations")).tools] == ["billing/pay"]
    assert (await narrow.call("VerifyReceipts")).receipts_verified == 1
    for method in ("ExportInvocations", "ExportReceipts"):
        exported = await narrow.streamed(method)
        assert (own.id in exported, others.id in exported) == (True, False), method
    assert list((await narrow.call("ListMcpServers")).servers) == []
    assert told(await narrow.call("GetMcpServer", name="any")) == ("NOT_FOUND", "MCP_SERVER_NOT_FOUND")
    # Whoever is for all still sees it all.
    assert {"echo", *TOOLS} <= set(await wide.names())
    assert len((await wide.call("ListInvocations")).invocations) == 14


async def test_tags_and_labels_narrow_too_and_what_loses_them_is_out_of_reach(
    access: Access, tools: Running, behind: Upstream
) -> None:
    await registered(access, tools, behind.url)
    await access.role("counting", *READ_AND_RUN, tool_scopes=[scope(tags=("counting", "other")), scope(team="mail")])
    caller = Caller(tools, (await access.key("counting", owner="counter")).api_key)
    assert await caller.names() == ["mail/send", "stock/count"]
    counted = await caller.call("InvokeTool", name="stock/count")
    assert [each.id for each in (await caller.call("ListInvocations")).invocations] == [counted.id]
    plain = tool_pb2.Tool(name="stock/count", http=tool_pb2.HttpSource(method="POST", url=behind.url))
    await tools.must("UpdateTool", tools_service_pb2.UpdateToolRequest(tool=plain), access.admin)
    assert await caller.names() == ["mail/send"]
    assert told(await caller.call("InvokeTool", name="stock/count")) == ("NOT_FOUND", "TOOL_NOT_FOUND")
    assert list((await caller.call("ListInvocations")).invocations) == []


async def test_who_sees_a_tool_and_may_not_run_it_is_told_so_and_that_is_audited(
    access: Access, tools: Running, behind: Upstream
) -> None:
    await registered(access, tools, behind.url)
    await access.role("billing", *READ_AND_RUN, tool_scopes=[BILLING])
    # By a permission to read that is for all tools, and by one that is for all of the service.
    for beside in ("human", "reader"):
        caller = Caller(tools, (await access.key("billing", beside, owner=beside)).api_key)
        assert {"echo", *TOOLS} <= set(await caller.names())
        assert await caller.names(invocable=True) == ["billing/pay", "billing/slow"]
        for method in ("InvokeTool", "CallTool", "StartInvocation"):
            # Also where it would be wrong in itself.
            refused = await caller.call(method, name="echo", input={})
            assert told(refused) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
            recorded = await caller.call("GetInvocation", id=refused.metadata["invocation_id"])
            assert (recorded.status, recorded.error_reason) == ("failed", "PERMISSION_DENIED")
            assert recorded.tool_name == "echo"
        assert told(await caller.call("InvokeTool", name="no-such-tool")) == ("NOT_FOUND", "TOOL_NOT_FOUND")
    for beside in ("human", "reader"):
        assert await denials(access, beside, 3) == [
            ("CallTool", "tools.invoke"),
            ("InvokeTool", "tools.invoke"),
            ("StartInvocation", "tools.invoke"),
        ]


async def test_a_role_and_a_key_narrow_together_and_a_role_that_is_for_all_is_for_all(
    access: Access, tools: Running, behind: Upstream
) -> None:
    await registered(access, tools, behind.url)
    await access.role("billing", *READ_AND_RUN, tool_scopes=[BILLING])
    await access.role("mailing", *READ_AND_RUN, "hitl.ask", tool_scopes=[scope("mail/*")])
    slow = scope("*/slow")
    for roles, scopes, wanted in (
        (("billing", "mailing"), (), {"billing/pay", "billing/slow", "mail/send"}),
        (("billing", "mailing"), (slow,), {"billing/slow"}),
        (("billing", "agent"), (), {"echo", *TOOLS}),
        (("billing", "agent"), (slow,), {"billing/slow"}),
    ):
        issued = await access.key(*roles, owner="several", tool_scopes=scopes)
        found = set(await Caller(tools, issued.api_key).names())
        assert wanted <= found if "echo" in wanted else wanted == found, roles
    both = await access.key("billing", "mailing", owner="several", tool_scopes=[slow])
    identity = await access.must("WhoAmI", key=both.api_key)
    assert list(identity.permissions) == ["hitl.ask"]
    assert [each.permission for each in identity.narrowed] == ["tools.invoke", "tools.read"]
    assert list(identity.narrowed[0].scopes) == [BILLING, scope("mail/*")]
    assert list(identity.narrowed[0].key_scopes) == list(both.key.tool_scopes) == [slow]


async def test_scopes_that_would_narrow_less_than_they_seem_to_are_refused(access: Access) -> None:
    await access.role("auditor", "tools.audit", "tools.read")
    for roles in (["admin"], ["reader"], ["agent", "auditor"], ["monitor"], ["ingest"]):
        refused = await access.refused("CreateKey", owner="o", roles=roles, tool_scopes=[BILLING])
        assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("tool_scopes",)), roles
    for permissions in (["*"], ["tools.*"], ["tools.invoke", "tools.write"], ["hitl.ask"]):
        role = role_pb2.Role(name="r", permissions=permissions, tool_scopes=[BILLING])
        refused = await access.refused("CreateRole", role=role)
        assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ("role.tool_scopes",)), permissions
    for nothing in (scope(), scope("billing/[a-z]"), scope(""), scope(tags=("",))):
        refused = await access.refused("CreateKey", owner="o", roles=["agent"], tool_scopes=[nothing])
        assert refused.reason == "INVALID_REQUEST", nothing


async def test_a_narrowed_key_stays_so_when_its_role_is_given_more(
    access: Access, tools: Running, behind: Upstream
) -> None:
    await registered(access, tools, behind.url)
    await access.role("growing", *READ_AND_RUN)
    caller = Caller(tools, (await access.key("growing", owner="narrow", tool_scopes=[BILLING])).api_key)
    for permissions in (["tools.*"], ["*"], ["tools.audit", "tools.write", "tools.admin", *READ_AND_RUN]):
        await access.must("UpdateRole", role=role_pb2.Role(name="growing", permissions=permissions))
        identity = await access.must("WhoAmI", key=caller.key)
        assert not list(identity.permissions)
        async with asyncio.timeout(GUARD_SECONDS):
            while await caller.names() != ["billing/pay", "billing/slow"]:
                await asyncio.sleep(0.01)
        assert told(await caller.call("DeleteTool", name="echo")) == ("PERMISSION_DENIED", "PERMISSION_DENIED")


async def test_what_is_open_ends_when_its_tool_is_no_more_the_callers_to_run(
    access: Access, tools: Running, behind: Upstream
) -> None:
    behind.answers.clear()
    await access.role("some", *READ_AND_RUN, tool_scopes=[scope("planner"), scope("slow*")])
    made = tool_pb2.Tool(name="slow", http=tool_pb2.HttpSource(method="POST", url=behind.url))
    await tools.must("CreateTool", tools_service_pb2.CreateToolRequest(tool=made), access.admin)
    caller = Caller(tools, (await access.key("some", owner="begun")).api_key)
    waited = asyncio.create_task(caller.call("InvokeTool", name="slow"))
    started = await caller.call("StartInvocation", name="slow")
    async with asyncio.timeout(GUARD_SECONDS):
        while len(behind.bodies) < 2:
            await asyncio.sleep(0.01)
    narrower = role_pb2.Role(name="some", permissions=READ_AND_RUN, tool_scopes=[scope("planner")])
    await access.must("UpdateRole", role=narrower)
    async with asyncio.timeout(GUARD_SECONDS):
        assert told(await waited) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
        while True:
            standing = await tools.must("GetInvocation", tools.request("GetInvocation", id=started.id), access.admin)
            if standing.status == "cancelled":
                break
            await asyncio.sleep(0.05)
    assert standing.error_reason == "ACCESS_ENDED"


async def test_nobody_hands_out_more_tools_than_they_have(access: Access) -> None:
    await access.role("keeper", "access.admin", "access.read")
    await access.role("billing", *READ_AND_RUN, tool_scopes=[BILLING])
    keepers = (
        (await access.key("keeper", "billing", owner="keeper")).api_key,
        (await access.key("keeper", "billing", "agent", owner="other", tool_scopes=[BILLING])).api_key,
    )
    wide = await access.key("billing", owner="somewhere")
    for keeper in keepers:
        for allowed in ([], [BILLING], [scope("billing/pay", tags=("x",))], [scope("billing/a*"), scope("billing/b*")]):
            assert await access.must("CreateKey", keeper, owner="below", roles=["billing"], tool_scopes=allowed)
        made = role_pb2.Role(name="less", permissions=READ_AND_RUN, tool_scopes=[scope("billing/pay")])
        await access.must("CreateRole", keeper, role=made)
        await access.must("DeleteRole", name="less")
        for scopes in ([], [scope("*")], [BILLING, scope("mail/*")], [scope(tags=("x",))], [scope("b*")]):
            role = role_pb2.Role(name="more", permissions=READ_AND_RUN, tool_scopes=scopes)
            refused = await access.refused("CreateRole", keeper, role=role)
            assert told(refused) == ("PERMISSION_DENIED", "ROLE_EXCEEDS_CALLER"), scopes
    # A name that stood for more tools is not given, and a key that is for more is not changed.
    await access.role("mailing", *READ_AND_RUN, tool_scopes=[scope("mail/*")])
    strong = await access.key("mailing", owner="strong")
    refused = await access.refused("CreateKey", keepers[0], owner="strong", roles=["billing"])
    assert told(refused) == ("PERMISSION_DENIED", "OWNER_EXCEEDS_CALLER")
    for method in ("RotateKey", "RevokeKey", "DisableKey"):
        assert told(await access.refused(method, keepers[0], id=strong.key.id))[1] == "ROLE_EXCEEDS_CALLER"
    assert (await access.must("DisableKey", keepers[0], id=wide.key.id)).status == "disabled"
    assert (await access.must("WhoAmI", key=strong.api_key)).principal == "strong"


async def test_what_a_human_approves_is_not_run_for_who_may_run_that_tool_no_more(
    access: Access, tools_database: str, files: Files, behind: Upstream
) -> None:
    hitl = FakeHitl()
    settings = {"hitl_address": hitl.address, "tools_allowed_networks": "127.0.0.0/8"}
    async with hitl.open(), environment.tools(tools_database, files, access.port, **settings) as tools:
        for name in ("kept", "lost"):
            source = tool_pb2.HttpSource(method="POST", url=behind.url)
            made = tool_pb2.Tool(name=name, http=source, approval=tool_pb2.ApprovalPolicy(mode="always"))
            await tools.must("CreateTool", tools_service_pb2.CreateToolRequest(tool=made), access.admin)
        await access.role("some", *READ_AND_RUN)
        caller = Caller(tools, (await access.key("some", owner="asker")).api_key)
        begun = {name: (await caller.call("InvokeTool", name=name)).id for name in ("lost", "kept")}
        for each in begun.values():
            await hitl.asked_about(each)
        narrower = role_pb2.Role(name="some", permissions=READ_AND_RUN, tool_scopes=[scope("kept")])
        await access.must("UpdateRole", role=narrower)
        ended = {}
        for name, each in begun.items():
            await hitl.answer(each, "approve", by="anna")
            async with asyncio.timeout(GUARD_SECONDS):
                while name not in ended:
                    found = await tools.must("GetInvocation", tools.request("GetInvocation", id=each), access.admin)
                    if found.HasField("completed_at"):
                        ended[name] = (found.status, found.error_reason)
                    await asyncio.sleep(0.05)
        assert ended == {"lost": ("cancelled", "ACCESS_ENDED"), "kept": ("success", "")}
        assert len(behind.bodies) == 1
