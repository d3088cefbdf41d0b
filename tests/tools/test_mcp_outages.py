"""MCP servers that are down, and those that are processes: marked, bounded, begun again, ended with all their children."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.tools.mcp_servers import supervisor
from tests.tools import mcp_upstream
from tests.tools.mcp_registration import refreshed, registered, tools_of
from tests.tools.mcp_upstream import http_server
from tests.tools.service import Start, pb, python, refusal, until

MEMORY = 256 * 1024 * 1024


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, Any]:
    """Settings with which the server of the official SDK may be run."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("s3cret-token")
    allowed = {
        "acme": {
            "command": [sys.executable, mcp_upstream.__file__],
            "env": {"TOKEN": "${secret.token}", "PYTHONPATH": str(Path(__file__).parents[2])},
        },
        "absent": {"command": ["/no/such/program"]},
    }
    file = tmp_path / "commands.json"
    file.write_bytes(orjson.dumps(allowed))
    return {
        "tools_stdio_commands_file": file,
        "tools_stdio_max_memory_bytes": MEMORY,
        "tools_secrets_dir": tmp_path / "secrets",
    }


def processes() -> dict[int, tuple[int, str]]:
    """The parent and the name of each that lives."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                state, parent = rest.split()[:2]
                if state != "Z":
                    found[int(entry.name)] = int(parent), name
    return found


def family(of: int) -> dict[int, str]:
    """The supervisor that runs a process, and all that runs below it, by their names."""
    living = processes()
    found = {living[of][0]: "supervisor"}
    for _ in living:
        found |= {each: name for each, (parent, name) in living.items() if parent in found}
    return found


async def all_ended(ended: dict[int, str]) -> None:
    async def none() -> bool:
        return not ended.keys() & processes().keys()

    await until(none)


async def test_a_process_is_run_within_bounds_and_ended_with_all_that_it_has_started(
    start: Start, commands: dict[str, Any]
) -> None:
    replica = await start(**commands, tools_max_response_bytes=100_000)
    made = await registered(replica, name="local", stdio={"command": "acme"})
    assert (made.state, made.reason, made.tool_count) == ("available", "", 8)
    assert python((await replica.invoke("local/say", {"kind": "text"})).result) == "hello"
    # It has its secret, and tells nobody.
    assert python((await replica.invoke("local/say", {"kind": "secret"})).result) == "[masked]"
    large = await replica.invoke("local/say", {"kind": "large", "size": 200_000})
    assert (large.status, large.error_reason) == ("success", "OUTPUT_TOO_LARGE")
    waiting = await replica.start("local/slow", {"key": "a"})
    # A line of eight megabytes is passed over, and nobody's call ends with it.
    begun = await replica.invoke("local/run", {"what": "line"})
    assert begun.status == "success", begun.error
    assert (await replica.invoke("local/run", {"what": "children"})).status == "success"
    first = family(int(python(begun.result)))
    assert list(first.values()).count("sleep") == 2
    assert (await replica.get(waiting.id)).status == "running"
    # It ends by itself: what waited is told, what it has started ends, and it is begun again.
    ended = await replica.invoke("local/run", {"what": "exit"})
    assert (ended.status, ended.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert "may have been done" in ended.error
    await all_ended(first)

    async def runs_again() -> Any:
        again = await replica.invoke("local/run", {"what": "where"})
        return again.status == "success" and int(python(again.result))

    await until(runs_again)
    # It gets no more memory than it may have.
    assert (await replica.invoke("local/run", {"what": "memory"})).status == "failed"
    await until(runs_again)
    third = family(int(python((await replica.invoke("local/run", {"what": "children"})).result)))
    await replica.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name="local"))
    await all_ended(third)


async def test_a_process_and_all_that_it_has_started_end_with_a_service_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    # In a session of its own, which the end of its terminal would not reach.
    command = ["sh", "-c", f"setsid sleep 3600 & sleep 3600 & echo $$ > {told}.new; mv {told}.new {told}; wait"]
    service = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-IS', *sys.argv[1:]]); time.sleep(3600)"
    words = ("-c", service, supervisor.__file__, str(MEMORY), *command)
    killed = await asyncio.create_subprocess_exec(sys.executable, *words)
    try:

        async def all_run() -> bool:
            return told.exists() and list(family(int(told.read_text())).values()).count("sleep") == 2

        await until(all_run)
        left = family(int(told.read_text()))
    finally:
        killed.kill()
        await killed.wait()
    assert sorted(left.values()) == ["sh", "sleep", "sleep", "supervisor"]
    await all_ended(left)


async def test_no_command_runs_that_no_administrator_allows_and_one_that_cannot_run_says_why(
    start: Start, commands: dict[str, Any]
) -> None:
    open_ = await start(**commands)
    made = await registered(open_, name="x", stdio={"command": "absent"})
    assert made.state == "unavailable"
    assert "/no/such/program cannot be run: No such file or directory" in made.reason
    closed = await start()
    for command in ("acme", "absent"):
        assert (await refusal(registered(closed, name="y", stdio={"command": command}))).reason == "COMMAND_NOT_ALLOWED"
    # Nor does another replica run what is registered already.
    assert (await refreshed(closed, "x")).state == "unavailable"

    async def is_shown_as_down() -> bool:
        return (await closed.metrics()).get('qmcp_mcp_server_up{server="x"}') == 0

    await until(is_shown_as_down)


async def test_one_that_is_down_is_marked_on_every_replica_and_is_back_when_it_is(start: Start) -> None:
    one, two = await start(), await start()
    async with http_server() as first:
        port = int(first.url.split(":")[2].split("/")[0])
        await registered(one, name="flaky", http={"url": first.url})

        async def runs_on_the_other() -> bool:
            return (await two.invoke("flaky/add", {"a": 1, "b": 2})).status == "success"

        await until(runs_on_the_other)
    failed = await one.invoke("flaky/add", {"a": 1, "b": 2})
    assert (failed.status, failed.error_reason) == ("failed", "UPSTREAM_FAILED")
    for replica in (one, two):
        assert (await refreshed(replica, "flaky")).state in {"available", "unavailable"}

    async def marked() -> Any:
        tool = (await tools_of(two, "flaky"))["flaky/add"]
        return tool.HasField("outage") and tool.outage.reason

    assert await until(marked)
    down = await two.stub.GetMcpServer(pb.GetMcpServerRequest(name="flaky"))
    assert (down.state, down.tool_count) == ("unavailable", 8)

    async def told() -> bool:
        return (await two.metrics())['qmcp_mcp_server_up{server="flaky"}'] == 0

    await until(told)
    async with http_server(port) as again:
        assert (await refreshed(one, "flaky")).state == "available"
        assert (await one.invoke("flaky/add", {"a": 1, "b": 2})).status == "success"
        assert not (await tools_of(two, "flaky"))["flaky/add"].HasField("outage")
        assert again.calls == ["add"]
