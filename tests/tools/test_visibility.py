"""Who sees which invocation: who asked for it, and who decided on it; and who may end it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from qmcp.client.receipts import PublicKeys, verify_export

from services.access.roles import BUILT_IN
from tests.hitl.fake_access import FakeAccess
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Replica, Start, invoke_request, pb, python, refusal, until

ROLES = {role.name: role.permissions for role in BUILT_IN}


@dataclass
class Caller:
    """Somebody with a key."""

    replica: Replica
    key: str

    def _headers(self) -> list[tuple[str, str]]:
        return [("x-api-key", self.key)]

    async def call(self, method: str, request: Any) -> Any:
        return await getattr(self.replica.stub, method)(request, metadata=self._headers())

    async def invoke(self, name: str, arguments: dict[str, Any], **fields: Any) -> Any:
        return await self.call("InvokeTool", invoke_request(name, arguments, **fields))

    async def get(self, invocation_id: str) -> Any:
        return await self.call("GetInvocation", pb.GetInvocationRequest(id=invocation_id))

    async def listed(self, **fields: Any) -> list[str]:
        page = await self.call("ListInvocations", pb.ListInvocationsRequest(page_size=500, **fields))
        return [invocation.id for invocation in page.invocations]

    async def receipts(self) -> list[bytes]:
        call = self.replica.stub.ExportReceipts(pb.ExportReceiptsRequest(), metadata=self._headers())
        return b"".join([chunk.data async for chunk in call]).splitlines()


async def not_found(call: Any) -> bool:
    refused = await refusal(call)
    return (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "INVOCATION_NOT_FOUND")


@pytest.fixture
async def caller(plugins: None, start: Start, hitl: FakeHitl, tmp_path: Path) -> AsyncIterator[Callable[..., Caller]]:
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(
            hitl_address=hitl.address,
            auth="on",
            access_address=access.address,
            access_key_file=tmp_path / "key",
            tools_checkpoint_seconds=0.2,
        )

        def with_roles(name: str, *roles: str) -> Caller:
            permissions = sorted({permission for role in roles for permission in ROLES[role]})
            return Caller(replica, access.key(name, *roles, permissions=permissions))

        yield with_roles


async def test_who_approves_sees_the_question_before_and_the_invocation_after(
    caller: Callable[..., Caller], hitl: FakeHitl
) -> None:
    ada, anna, ben = caller("ada", "agent"), caller("anna", "human"), caller("ben", "human")
    begun = await ada.invoke("guarded", {"key": "seen"})
    asked = await hitl.asked_about(begun.id)
    # All that there is to decide on is in the question.
    assert python(asked.proposed_arguments) == {"key": "seen"}
    assert python(asked.context)["principal"] == "ada"
    assert await not_found(anna.get(begun.id))
    await hitl.answer(begun.id, "approve", by="anna")

    async def ended() -> bool:
        return bool((await ada.get(begun.id)).completed_at.seconds)

    await until(ended, 30)
    assert (await anna.get(begun.id)).status == "success"
    assert (await anna.call("GetReceipt", pb.GetReceiptRequest(invocation_id=begun.id))).invocation_id == begun.id
    assert await not_found(ben.get(begun.id))
    assert (await ada.listed(), await anna.listed(), await ben.listed()) == ([begun.id], [], [])


async def test_who_sees_all_ends_nothing_of_others_and_who_administers_does(
    caller: Callable[..., Caller], hitl: FakeHitl
) -> None:
    ada = caller("ada", "agent")
    begun = await ada.invoke("guarded", {"key": "ended"})
    await hitl.asked_about(begun.id)
    request = pb.CancelInvocationRequest(id=begun.id)
    assert await not_found(caller("bob", "agent").call("CancelInvocation", request))
    refused = await refusal(caller("rita", "reader", "agent").call("CancelInvocation", request))
    assert (refused.code, refused.metadata["permission"]) == (grpc.StatusCode.PERMISSION_DENIED, "tools.admin")
    assert (await ada.get(begun.id)).status == "awaiting_approval"
    assert (await caller("root", "admin").call("CancelInvocation", request)).status == "cancelled"


async def test_an_idempotency_key_is_ones_own_and_so_are_lists_by_another_principal(
    caller: Callable[..., Caller],
) -> None:
    ada, bob = caller("ada", "agent"), caller("bob", "agent")
    first = await ada.invoke("echo", {"message": "secret"}, idempotency_key="once", correlation_id="c")
    other = await bob.invoke("echo", {"message": "other"}, idempotency_key="once", correlation_id="c")
    assert (python(other.result), other.id == first.id) == ("other", False)
    assert await bob.listed(principal="ada") == []
    assert await bob.listed(correlation_id="c") == [other.id]
    assert await caller("rita", "reader").listed(principal="ada") == [first.id]


async def test_receipts_are_counted_exported_and_verified_by_who_has_them(caller: Callable[..., Caller]) -> None:
    ada, bob, rita = caller("ada", "agent"), caller("bob", "agent"), caller("rita", "reader")
    for each in (ada, bob, ada, bob, bob):
        await each.invoke("echo", {"message": "hello"})

    async def verified(by: Caller) -> Any:
        return await by.call("VerifyReceipts", pb.VerifyReceiptsRequest())

    async def signed() -> bool:
        return not (await verified(rita)).receipts_unsigned

    await until(signed, 30)
    assert [(await verified(each)).receipts_verified for each in (ada, bob, rita)] == [2, 3, 5]
    pem = (await ada.call("GetReceiptKey", pb.GetReceiptKeyRequest())).public_key_pem
    keys = PublicKeys(pem.encode())
    whole, own = await rita.receipts(), await ada.receipts()
    assert orjson.loads(whole[-1]) == {"done": True, "count": 5}
    assert orjson.loads(own[-1]) == {"done": True, "count": 2, "principal": "ada"}
    assert {line["invocation"]["principal"] for line in map(orjson.loads, own) if "invocation" in line} == {"ada"}
    assert verify_export(whole, keys).valid
    assert verify_export(own, keys, of="ada").valid
    assert not verify_export(own, keys).valid
