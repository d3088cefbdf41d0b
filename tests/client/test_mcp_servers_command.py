"""`qmcp tools servers` against the real system and a server of the official SDK."""

import asyncio

from qmcp.client.cli.failures import FAILED, NOT_FOUND, REFUSED, USAGE

from tests.client.command import Ended, qmcp
from tests.stack import Stack
from tests.tools.mcp_upstream import http_server


async def test_a_server_is_added_shown_listed_again_changed_and_removed_at_a_shell(guarded: Stack) -> None:
    env = {"QMCP_URL": guarded.edge_url, "QMCP_API_KEY": guarded.admin_key}

    async def ended(*words: str, code: int = 0) -> Ended:
        found = await asyncio.to_thread(qmcp, "tools", "servers", *words, env=env)
        assert found.code == code, found
        return found

    async with http_server() as server:
        added = await ended("add", "shelled", server.url, "--approve", "--header", "X-Team=a")
        assert "shelled is available. It has 8 tools" in added.out
        shown = (await ended("get", "shelled", "--json")).json
        assert (shown["http"]["headers"], shown["approval"]["mode"]) == ({"X-Team": "a"}, "always")
        assert "shelled" in (await ended("list")).out
        listed = (await ended("list", "--json")).json
        assert ("shelled", "available") in {(each["name"], each["state"]) for each in listed}
        assert (await ended("refresh", "shelled", "--json")).json["tool_count"] == 8
        await ended("add", "shelled", server.url, code=REFUSED)
        await ended("add", "shelled", server.url, "--replace")
        assert (await ended("get", "shelled", "--json")).json["approval"] is None
    # It is gone: told, and an exit status of its own.
    assert "unavailable" in (await ended("refresh", "shelled", code=FAILED)).err
    assert "one of the two" in (await ended("add", "both", code=USAGE)).err
    assert "shelled is removed" in (await ended("remove", "shelled")).out
    await ended("get", "shelled", code=NOT_FOUND)
