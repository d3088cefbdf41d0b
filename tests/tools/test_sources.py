"""Where a tool is sent, and with what, is known to those who define tools: an address may be a credential."""

from pathlib import Path

from devstack.ports import free
from services.access.roles import BUILT_IN
from tests.hitl.fake_access import FakeAccess
from tests.tools.service import Start, invoke_request, pb, tool

ROLES = {role.name: role.permissions for role in BUILT_IN}


async def test_where_a_tool_is_sent_and_with_what_is_shown_to_who_defines_tools(start: Start, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free()}/services/cAnArY?token=cAnArY"
    access = FakeAccess()
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    async with access.open():
        replica = await start(auth="on", access_address=access.address, access_key_file=tmp_path / "key")
        keys = {
            role: [("x-api-key", access.key(role, role, permissions=ROLES[role]))]
            for role in ("agent", "reader", "admin")
        }
        source = {"url": url, "headers": {"x-token": "cAnArY"}}
        request = pb.CreateToolRequest(tool=tool(name="known", http=source))
        made = await replica.stub.CreateTool(request, metadata=keys["admin"])
        assert (made.http.url, dict(made.http.headers)) == (url, source["headers"])
        for role, key in keys.items():
            got = await replica.stub.GetTool(pb.GetToolRequest(name="known"), metadata=key)
            page = await replica.stub.ListTools(pb.ListToolsRequest(query="known"), metadata=key)
            assert list(page.tools) == [got]
            assert ("cAnArY" in str(got)) == (role == "admin")
            assert list(got.http.headers) == ["x-token"]
        failed = await replica.stub.InvokeTool(invoke_request("known", {"a": 1}), metadata=keys["agent"])
    assert (failed.status, failed.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert "cAnArY" not in str(failed)
    assert "127.0.0.1" in failed.error
