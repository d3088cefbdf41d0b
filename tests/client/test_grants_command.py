"""`qmcp tools grants` against the real system."""

import asyncio
from pathlib import Path

from qmcp.client.cli.failures import NOT_FOUND

from tests.client.command import Ended, qmcp
from tests.stack import Stack


async def test_a_grant_is_made_shown_listed_and_revoked_at_a_shell(guarded: Stack, tmp_path: Path) -> None:
    env = {"QMCP_URL": guarded.edge_url, "QMCP_API_KEY": guarded.admin_key}

    async def ended(*words: str, code: int = 0) -> Ended:
        found = await asyncio.to_thread(qmcp, "tools", *words, env=env)
        assert found.code == code, found
        return found

    schema = tmp_path / "schema.json"
    schema.write_text('{"required": ["message"]}')
    words = ("shelled", "ec*", "--hours", "2", "--uses", "3", "--arguments", str(schema), "--reason", "Trusted.")
    made = (await ended("grants", "create", *words, "--json")).json
    assert (made["principal"], made["tools"], made["uses"]) == ("shelled", ["ec*"], 3)
    assert (made["arguments"], made["reason"], list(made["tool_etags"])) == (
        {"required": ["message"]},
        "Trusted.",
        ["echo"],
    )
    assert (await ended("grants", "get", made["id"], "--json")).json == made
    assert made["id"] in (await ended("grants", "list", "--principal", "shelled", "--usable")).out
    assert (await ended("grants", "revoke", made["id"], "--json")).json["revoked_at"]
    assert (await ended("grants", "list", "--principal", "shelled", "--usable", "--json")).json == []
    await ended("grants", "get", "nothing", code=NOT_FOUND)
    found = await asyncio.to_thread(qmcp, "invocations", "list", "--grant", made["id"], "--json", env=env)
    assert (found.code, found.json) == (0, [])
