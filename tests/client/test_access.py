"""Keys, roles and denials from the command line and the client, against the real system with auth on."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from qmcp.client import AccessDeniedError, AsyncClient, Client, NotFoundError, NotPossibleError

from servicekit.identity import credentials
from tests.client.command import Ended, qmcp
from tests.stack import Stack

Command = Callable[..., Ended]


@pytest.fixture
def command(guarded: Stack) -> Command:
    """`qmcp` with the administrator's key, or another one by `key=`."""

    def run(*words: str, key: str | None = None) -> Ended:
        used = guarded.admin_key if key is None else key
        return qmcp(*words, env={**guarded.env, "QMCP_URL": guarded.edge_url, "QMCP_API_KEY": used})

    return run


def create(command: Command, *words: str, owner: str = "builder", role: str = "agent") -> dict[str, Any]:
    made = command("keys", "create", "--owner", owner, "--role", role, *words, "--json")
    assert made.code == 0, made.err
    return dict(made.json)


def test_the_key_goes_with_every_call_by_option_and_by_environment(guarded: Stack, command: Command) -> None:
    key = create(command)["api_key"]
    ran = command("tools", "invoke", "echo", "message=hello", key=key)
    assert (ran.code, ran.out) == (0, "hello\n")
    assert command("--api-key", key, "tools", "invoke", "echo", "message=hello", key="").code == 0
    watched = command("tools", "invoke", "echo", "message=hello", "--watch", key=key)
    assert watched.code == 0, watched.err
    for words in (("tools", "list"), ("invocations", "list"), ("invocations", "export"), ("invocations", "summary")):
        assert command(*words, key=key).code == 0, words
        refused = command(*words, key="")
        assert refused.code == 4, words
        assert "QMCP_API_KEY" in refused.err
    with Client(guarded.edge_url, api_key=key) as client:
        started = client.start_invocation("echo", {"message": "hello"})
        assert client.wait_for_invocation(started.id).principal == "builder"
        assert [row.principal for row in client.export_invocations()][-1] == "builder"


def test_a_key_and_a_role_are_made_for_some_of_the_tools(command: Command) -> None:
    narrow = create(command, "--tool", "ech*", "--tool-tag", "x", "--tool-label", "team=a=b")
    assert narrow["key"]["tool_scopes"] == [{"names": ["ech*"], "tags": ["x"], "labels": {"team": "a=b"}}]
    key = create(command, "--tool", "ech*")["api_key"]
    assert [tool["name"] for tool in command("tools", "list", "--json", key=key).json] == ["echo"]
    assert command("tools", "invoke", "echo", "message=hello", key=key).out == "hello\n"
    assert "not found" in command("tools", "invoke", "planner", "goal=x", key=key).err
    role = command("roles", "create", "echoing", "tools.invoke", "tools.read", "--tool", "echo", "--json").json
    assert [scope["names"] for scope in role["tool_scopes"]] == [["echo"]]
    both = create(command, "--role", "human", role="echoing")["api_key"]
    assert len(command("tools", "list", "--json", key=both).json) > 1
    assert [tool["name"] for tool in command("tools", "list", "--invocable", "--json", key=both).json] == ["echo"]
    # Without scopes it is for all tools again.
    assert command("roles", "update", "echoing", "tools.invoke", "--json").json["tool_scopes"] == []
    assert command("keys", "create", "--owner", "x", "--role", "agent", "--tool-label", "team").code == 2


@pytest.mark.promise("M20")
def test_a_key_is_shown_once_alone_on_stdout_with_a_sentence_beside_it(command: Command) -> None:
    made = command("keys", "create", "--owner", "builder", "--role", "agent", "--role", "reader")
    assert made.code == 0
    key = credentials.parse(made.out.strip())
    assert key is not None
    assert "only time" in made.err
    secret = made.out.strip().rpartition("_")[2]
    assert secret not in made.err
    shown = command("keys", "get", key.id)
    assert "builder" in shown.out
    assert secret not in shown.out
    assert secret not in command("keys", "list", "--all", "--json").out


def test_what_a_key_is_made_with_is_read_back(command: Command) -> None:
    words = ("--rate", "60", "--expires", "90d", "--description", "nightly", "--service-name", "cron")
    key = create(command, *words, owner="nightly")["key"]
    (found,) = command("keys", "list", "--owner", "nightly", "--json").json
    assert found == command("keys", "get", key["id"], "--json").json == key
    assert (found["rate_per_minute"], found["description"], found["service_name"]) == (60, "nightly", "cron")
    assert (found["roles"], found["status"]) == (["agent"], "active")
    left = datetime.fromisoformat(found["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < left < timedelta(days=91)
    assert "nightly" in command("keys", "list").out


def test_a_retry_tells_that_the_secret_was_shown_before(command: Command) -> None:
    first = create(command, "--idempotency-key", "once")
    again = command("keys", "create", "--owner", "builder", "--role", "agent", "--idempotency-key", "once")
    assert (again.code, again.out) == (0, "")
    assert f"qmcp keys rotate {first['key']['id']}" in again.err


def test_a_key_is_disabled_and_enabled(command: Command) -> None:
    made = create(command)
    key_id = made["key"]["id"]
    disabled = command("keys", "disable", key_id)
    assert (disabled.code, disabled.out) == (0, f"{key_id} of builder is disabled.\n")
    assert command("whoami", key=made["api_key"]).code == 4
    assert command("keys", "get", key_id, "--json").json["status"] == "disabled"
    enabled = command("keys", "enable", key_id)
    assert (enabled.code, enabled.out) == (0, f"{key_id} of builder is active again.\n")
    assert command("whoami", key=made["api_key"]).code == 0


def test_a_key_is_rotated_and_revoked(command: Command) -> None:
    made = create(command)
    key_id = made["key"]["id"]
    rotated = command("keys", "rotate", key_id, "--grace", "60")
    assert rotated.code == 0
    for key in (made["api_key"], rotated.out.strip()):
        assert command("whoami", key=key).code == 0
    assert command("keys", "get", key_id, "--json").json["status"] == "rotated"
    assert command("keys", "revoke", key_id).code != 0, "it asks first, and nobody answered"
    revoked = command("keys", "revoke", key_id, "--yes")
    assert (revoked.code, revoked.out) == (0, f"{key_id} of builder is revoked.\n")
    # As soon as that has reached every replica, which takes a moment.
    give_up = time.monotonic() + 30
    while (said := command("whoami", key=rotated.out.strip()).code) == 0:
        assert time.monotonic() < give_up
    assert said == 4
    assert key_id not in command("keys", "list").out
    assert key_id in command("keys", "list", "--all").out
    refused = command("keys", "rotate", key_id)
    assert (refused.code, "qmcp keys create" in refused.err) == (4, True)


def test_whoami_tells_the_principal_and_what_it_may(command: Command) -> None:
    key = create(command, owner="me@example.com", role="reader")["api_key"]
    told = command("whoami", "--json", key=key)
    assert told.json["principal"] == "me@example.com"
    assert "tools.read" in told.json["permissions"]
    assert "me@example.com" in command("whoami", key=key).out
    assert command("whoami", key="").code == 4


def test_roles_are_made_changed_listed_and_removed(command: Command) -> None:
    made = command("roles", "create", "auditor", "tools.read", "access.read", "--description", "Looks.", "--json")
    assert made.code == 0, made.err
    assert made.json["permissions"] == ["tools.read", "access.read"]
    listed = {role["name"]: role for role in command("roles", "list", "--json").json}
    assert listed["auditor"] == made.json
    assert listed["admin"]["built_in"] is True
    assert "auditor" in command("roles", "list").out
    changed = command("roles", "update", "auditor", "tools.read", "--etag", made.json["etag"], "--json")
    assert changed.json["permissions"] == ["tools.read"]
    late = command("roles", "update", "auditor", "tools.read", "--etag", made.json["etag"])
    assert late.code == 4
    twice = command("roles", "create", "auditor", "tools.read")
    assert (twice.code, "qmcp roles update" in twice.err) == (4, True)
    built_in = command("roles", "delete", "admin")
    assert (built_in.code, "qmcp roles create" in built_in.err) == (4, True)
    assert command("roles", "delete", "auditor").out == "auditor is removed.\n"
    assert command("roles", "delete", "auditor").code == 3


def test_denials_are_listed_for_who_may_see_them(command: Command) -> None:
    key = create(command, owner="curious")["api_key"]
    refused = command("keys", "list", key=key)
    assert refused.code == 4
    assert "qmcp whoami" in refused.err
    for _ in range(50):
        found = command("denials", "--principal", "curious", "--json").json
        if found:
            break
        time.sleep(0.2)
    assert (found[0]["reason"], found[0]["permission"]) == ("PERMISSION_DENIED", "access.read")
    assert "PERMISSION_DENIED" in command("denials", "--principal", "curious").out


def test_mistakes_are_told_with_what_to_do(command: Command) -> None:
    assert command("keys", "create", "--owner", "x", "--role", "nobody").code == 2
    assert "qmcp roles list" in command("keys", "create", "--owner", "x", "--role", "nobody").err
    assert command("keys", "create", "--owner", "two words", "--role", "agent").code == 2
    assert command("keys", "create", "--role", "agent").code == 2
    assert command("keys", "create", "--owner", "x", "--role", "agent", "--expires", "soon").code == 2
    assert command("keys", "get", "0000000000000000").code == 3


def test_both_clients_have_every_call(guarded: Stack) -> None:
    async def asynchronous() -> None:
        async with AsyncClient(guarded.edge_url, api_key=guarded.admin_key) as client:
            issued = await client.create_key("async", ["reader"], expires_at=datetime.now(UTC) + timedelta(days=1))
            assert issued.api_key not in repr(issued)
            assert await client.get_key(issued.key.id) == issued.key
            assert issued.key.id in [key.id for key in await client.list_keys("async")]
            assert (await client.rotate_key(issued.key.id, grace_seconds=0)).api_key != issued.api_key
            assert (await client.revoke_key(issued.key.id)).status == "revoked"
            with pytest.raises(NotPossibleError):
                await client.rotate_key(issued.key.id)
            await client.create_role("async", ["tools.read"])
            assert (await client.update_role("async", ["tools.*"])).permissions == ("tools.*",)
            assert "async" in [role.name for role in await client.list_roles()]
            await client.delete_role("async")
            assert (await client.whoami()).principal == "admin"
            assert isinstance(await client.list_denials(limit=3), list)
        async with AsyncClient(guarded.edge_url, api_key="") as stranger:
            with pytest.raises(AccessDeniedError):
                await stranger.whoami()

    asyncio.run(asynchronous())
    with Client(guarded.edge_url, api_key=guarded.admin_key) as client:
        issued = client.create_key("sync", ["reader"])
        assert client.get_key(issued.key.id) == issued.key
        assert client.list_keys("sync") == [issued.key]
        assert client.rotate_key(issued.key.id).key.status == "rotated"
        assert client.revoke_key(issued.key.id).revoked_at is not None
        assert client.list_keys("sync") == []
        assert client.list_keys("sync", include_invalid=True)[0].status == "revoked"
        client.create_role("sync", ["tools.read"])
        assert client.update_role("sync", ["tools.*"]).permissions == ("tools.*",)
        client.delete_role("sync")
        with pytest.raises(NotFoundError):
            client.delete_role("sync")
        assert client.whoami().permissions == ("*",)
        assert len(client.list_denials(limit=1)) <= 1
