"""Addresses that are told of events: shown whole to who manages them or gave them, since a path may be the whole credential."""

from pathlib import Path
from typing import Any

import pytest

from devstack.ports import free
from services.access.roles import BUILT_IN
from tests.hitl.fake_access import FakeAccess
from tests.hitl.service import Start, pb, question
from tests.wire import until

ROLES = {role.name: role.permissions for role in BUILT_IN}


async def test_an_address_that_may_be_a_credential_is_shown_to_who_manages_it(
    start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hook = f"http://anna:cAnArY-word@127.0.0.1:{free()}/services/cAnArY?token=cAnArY"
    back = hook.replace("services", "back")
    server = f"http://{hook.partition('@')[2].partition('/')[0]}/[masked]"
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(auth="on", access_address=access.address, access_key_file=tmp_path / "key")
        keys = {role: access.key(role, role, permissions=ROLES[role]) for role in ("agent", "human", "reader", "admin")}

        async def call(role: str, method: str, request: Any) -> Any:
            return await getattr(replica.stub, method)(request, metadata=[("x-api-key", keys[role])])

        made = await call("admin", "CreateWebhook", pb.CreateWebhookRequest(webhook={"url": hook}))
        asked = await call("agent", "CreateHumanRequest", question("r", assignees=["human"], callback_url=back))
        assert (made.url, asked.callback_url) == (hook, back)

        async def deliveries(role: str) -> list[Any]:
            return list((await call(role, "ListDeliveries", pb.ListDeliveriesRequest())).deliveries)

        async def tried() -> bool:
            found = await deliveries("admin")
            return len(found) == 2 and all(each.last_error for each in found)

        await until(tried, 30)
        assert {each.url for each in await deliveries("admin")} == {hook, back}
        assert {each.url for each in await deliveries("reader")} == {server}
        assert not [each for each in await deliveries("admin") if "cAnArY" in each.last_error]
        for role, shown in (("admin", hook), ("reader", server)):
            [listed] = (await call(role, "ListWebhooks", pb.ListWebhooksRequest())).webhooks
            got = await call(role, "GetWebhook", pb.GetWebhookRequest(id=made.id))
            assert (listed.url, got.url) == (shown, shown)
        for role, shown in (("agent", back), ("admin", back), ("human", server), ("reader", server)):
            found = await call(role, "GetHumanRequest", pb.GetHumanRequestRequest(id="r"))
            [request] = (await call(role, "ListHumanRequests", pb.ListHumanRequestsRequest())).requests
            assert (found.request.callback_url, request.callback_url) == (shown, shown)
        events = (await call("reader", "ListHumanRequestEvents", pb.ListHumanRequestEventsRequest(id="r"))).events
    assert "cAnArY" not in f"{events}{capfd.readouterr()}"
