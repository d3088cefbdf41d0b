"""The whole system on one machine: it starts, tells what is in its way, survives, and leaves nothing behind."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastmcp import Client as FastMcpClient

from devstack import services
from tests.faults.ledger import compare
from tests.faults.load import EchoCallers
from tests.questioning import onboarding
from tests.stack import ROOT, STACK_STARTS_WITHIN, Server, Stack, running_postgres, words
from tests.system.mcp_clients import calls_as_tasks
from tests.system.mcp_requests import FORMS, REVISION, TASKS, result
from tests.system.test_readme import START
from tests.upstream import Upstream, upstream

ECHO = "/v1/tools/echo"
WAITING = {"over": "a kill"}
KILLS = 3
IN_FLIGHT = 16
BETWEEN = 300
# Longer than the lease after which an interrupted invocation is ended by the sweep.
ENDS_WITHIN = 60.0


def serve(env: dict[str, str], *arguments: str, cwd: Path = ROOT) -> tuple[int, str]:
    """Runs `serve` for a start that fails; gives exit status and words."""
    found = subprocess.run(
        [sys.executable, "-m", "devstack", "serve", *arguments],
        env={"PYTHONPATH": str(ROOT), **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return found.returncode, words(found.stdout) + found.stderr


def left_by(stack: Stack) -> list[str]:
    """The processes that this system started, by its home folder in their environment or command line."""
    mark = str(stack.home).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if mark in text and int(process.name) != os.getpid():
            found.append(f"{process.name}: {(process / 'cmdline').read_bytes()!r}")
    return found


def echo(stack: Stack, message: str) -> str:
    answer = httpx.post(stack.edge_url + ECHO, json={"input": {"message": message}}, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["invocation_id"])


def got(stack: Stack, path: str) -> httpx.Response:
    return httpx.get(stack.edge_url + path, timeout=60)


def wait_for(what: str, stack: Stack, seconds: float = STACK_STARTS_WITHIN) -> None:
    until = time.monotonic() + seconds
    while what not in stack.output():
        assert stack.supervisor.poll() is None, stack.output()
        assert time.monotonic() < until, f"{what!r} is not in:\n{stack.output()}"
        time.sleep(0.05)


@pytest.fixture
def mirror() -> Iterator[Upstream]:
    """What is behind a tool of one's own."""
    with upstream() as server:
        yield server


async def forge(stack: Stack, invocation_id: str, result: str) -> None:
    """What somebody with the database's password might do."""
    connection = await asyncpg.connect(stack.database_url("tools"))
    await connection.execute(
        "UPDATE outcomes SET result = $2 WHERE invocation_id = $1", invocation_id, json.dumps(result)
    )
    await connection.close()


def ends_by_the_death_of(name: str, stack: Stack) -> None:
    """Kills one process; what each of them has to itself tests/devstack/test_deaths.py tries without the rest."""
    os.kill(stack.processes[name], signal.SIGKILL)
    assert stack.supervisor.wait(30) == 1
    assert f"{name} was ended by SIGKILL" in stack.output()
    assert left_by(stack) == []


def waiting_over_mcp(stack: Stack, mirror: Upstream) -> tuple[str, str]:
    """A task, and the state of a form, of two calls that wait for a human."""
    with httpx.Client(base_url=stack.edge_url, timeout=30) as http:
        tool = {"http": {"method": "POST", "url": mirror.url}, "approval": {"mode": "always"}}
        http.put("/v1/tools/waits", json=tool).raise_for_status()
        task = result(http, "", "tools/call", TASKS | FORMS, name="waits", arguments=WAITING)["taskId"]
        return task, result(http, "", "tools/call", FORMS, name="waits", arguments=WAITING)["requestState"]


def answer_over_mcp(stack: Stack, task: str, asked: str) -> None:
    """What began before the kill ends as if there had been none."""
    given = {"approval": {"action": "accept", "content": {"confirm": True}}}
    call = {"name": "waits", "arguments": WAITING, "requestState": asked, "inputResponses": given}
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        assert result(http, "", "tools/call", FORMS, **call)["structuredContent"] == WAITING
        result(http, "", "tasks/update", TASKS, taskId=task, inputResponses=given)
        until = time.monotonic() + 60
        while (found := result(http, "", "tasks/get", TASKS, taskId=task))["status"] != "completed":
            assert time.monotonic() < until, found
            time.sleep(0.05)
        assert found["result"]["structuredContent"] == WAITING


async def killed_while_fastmcp_asks_its_user(stack: Stack) -> Any:
    """What its call gives all the same, by the system that was started in place of the one that had asked."""

    async def approves(*_: Any) -> dict[str, Any]:
        await asyncio.to_thread(stack.stop, signal.SIGKILL)
        # At once, while Postgres may still be writing its last page.
        await asyncio.to_thread(stack.start)
        return {"confirm": True}

    async with FastMcpClient(f"{stack.edge_url}/mcp", mode=REVISION, elicitation_handler=approves) as client:
        return (await client.call_tool("waits", WAITING)).structured_content


async def under_load_while_postgres_is_killed(stack: Stack) -> None:
    """What was acknowledged through the door is there once, however often."""
    callers = EchoCallers(stack.grpc_target, IN_FLIGHT)
    async with callers.calling():
        for kill in range(KILLS):
            await callers.until_acknowledged(BETWEEN * (kill + 1))
            killed = stack.processes["postgres"]
            os.kill(killed, signal.SIGKILL)
            async with asyncio.timeout(30):
                while stack.processes["postgres"] == killed:
                    await asyncio.sleep(0.05)
        await callers.until_acknowledged(BETWEEN * (KILLS + 1))
    async with EchoCallers(stack.target("tools"), 0).calling() as stub:
        found = await compare(callers.ledger, stack.database_url("tools"), stub, ENDS_WITHIN)
    assert stack.output().count("postgres is back") == KILLS
    assert found.acknowledged > BETWEEN * KILLS
    assert (found.lost, found.doubled, found.open, found.faults, found.violations) == (0, 0, 0, [], [])


async def killed_and_started_again(stack: Stack, mirror: Upstream, *before: str) -> None:
    """A killed supervisor takes everything with it, a killed Postgres is started again, and nothing is lost."""
    sent = len(mirror.bodies)
    task, asked = await asyncio.to_thread(waiting_over_mcp, stack, mirror)
    # Two clients hold a task each through the kill, and have its result from the system that is started then.
    held = await calls_as_tasks(f"{stack.edge_url}/mcp", "waits", WAITING)
    assert await killed_while_fastmcp_asks_its_user(stack) == WAITING
    assert await held.results() == [WAITING] * 2
    await asyncio.to_thread(answer_over_mcp, stack, task, asked)
    assert mirror.bodies[sent:] == [WAITING] * 5
    kept = [*before, *[await asyncio.to_thread(echo, stack, f"before {number}") for number in range(20)]]
    await under_load_while_postgres_is_killed(stack)
    assert "postgres was ended by SIGKILL" in stack.output()
    until = time.monotonic() + 30
    while (await asyncio.to_thread(got, stack, "/health")).status_code != 200:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
    for invocation in [*kept, await asyncio.to_thread(echo, stack, "after")]:
        answer = await asyncio.to_thread(got, stack, f"/v1/invocations/{invocation}")
        assert answer.json()["status"] == "success"


@pytest.mark.promise("Q34", "M01")
@pytest.mark.fault
def test_make_run_and_one_curl_work_ctrl_c_leaves_nothing_behind_and_whatever_is_killed_everything_is_still_there(
    tmp_path: Path, mirror: Upstream
) -> None:
    """One system's life, from README's first command on: it takes seconds to start, so all that needs one of its own
    and may end it stands here."""
    stack = Stack(tmp_path / "home", QMCP_TOOLS_ALLOWED_NETWORKS="127.0.0.0/8")
    stack.start(START.split())
    command = next(line for line in stack.output().splitlines() if line.startswith("Try:")).removeprefix("Try:")
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert '"result":"hello"' in answer.stdout.replace(" ", "")
    kept = echo(stack, "before the restart")
    question = {"id": "before", "request_type": "approval", "prompt": "Still there?", "options": ["yes", "no"]}
    httpx.post(f"{stack.edge_url}/v1/human/requests", json=question).raise_for_status()
    httpx.post(f"{stack.edge_url}/v1/human/requests", json={**question, "id": "open"}).raise_for_status()
    httpx.post(
        f"{stack.edge_url}/v1/human/responses", json={"request_id": "before", "response": "yes", "responded_by": "me"}
    ).raise_for_status()
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        half = onboarding.begun(http)
        tool = {"description": "One's own.", "http": {"method": "POST", "url": mirror.url}}
        assert http.put("/v1/tools/mirror", json=tool).status_code == 201
        verified = http.post("/v1/receipts:verify", json={}).json()
    assert (verified["valid"], verified["receipts_verified"] >= 1) == (True, True)
    forged = echo(stack, "to be forged")
    asyncio.run(forge(stack, forged, "paid"))
    # Ctrl-C goes to the supervisor alone: the others are in sessions of their own.
    assert all(os.getsid(pid) == pid for pid in stack.processes.values())
    # make's own, of which there are several.
    assert stack.stop(signal.SIGINT) in (0, 2, -signal.SIGINT)
    assert "Stopped. The data stays in" in stack.output()
    assert left_by(stack) == []
    addresses = (stack.env[name] for name in stack.env if "ADDRESS" in name)
    for port in (int(stack.env["QMCP_PORT"]), *(int(address.rpartition(":")[2]) for address in addresses)):
        socket.create_server(("127.0.0.1", port)).close()
    stack.start()
    try:
        with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
            onboarding.ended(http, half)
        invocation = httpx.get(f"{stack.edge_url}/v1/invocations/{kept}").json()
        assert invocation["result"] == "before the restart"
        listed = httpx.get(f"{stack.edge_url}/v1/invocations", params={"limit": 500}).json()
        assert kept in [row["id"] for row in listed["invocations"]]
        answered = httpx.get(f"{stack.edge_url}/v1/human/requests/before").json()
        assert (answered["response"]["response"], answered["response"]["responded_by"]) == ("yes", "me")
        open_one = httpx.post(f"{stack.edge_url}/v1/human/responses", json={"request_id": "open", "response": "no"})
        assert open_one.status_code == 201
        verified = httpx.post(f"{stack.edge_url}/v1/receipts:verify", json={}).json()
        assert [fault["invocation_id"] for fault in verified["faults"]] == [forged]
        mirrored = httpx.post(f"{stack.edge_url}/v1/tools/mirror", json={"input": {"after": 2}}, timeout=60)
        assert mirrored.json()["result"] == {"after": 2}
        asyncio.run(forge(stack, forged, "to be forged"))
        asyncio.run(killed_and_started_again(stack, mirror, kept))
        ends_by_the_death_of("web", stack)
    finally:
        stack.stop()


def test_a_second_run_on_the_same_home_is_told_who_runs_there(stack: Stack) -> None:
    status, words = serve(stack.env)
    assert status == 1
    assert f"process {stack.supervisor.pid}" in words
    assert stack.edge_url in words
    assert "QMCP_HOME" in words
    assert httpx.get(f"{stack.edge_url}/health").status_code == 200


def test_what_goes_into_a_file_has_one_json_object_a_line(stack: Stack) -> None:
    """Of all processes: what Postgres and a crash write in their own form too."""
    echo(stack, "on record")
    lines = [json.loads(line) for line in stack.log.read_bytes().split(b"\n") if line]
    assert {line["logger"] for line in lines} >= {"devstack", "postgres", "edge", "servicekit.server"}
    assert all(line.keys() >= {"event", "level", "timestamp"} for line in lines)


def test_a_busy_port_is_told_with_its_holder_and_the_variable(stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other", QMCP_PORT=stack.env["QMCP_PORT"])
    status, words = serve(other.env)
    assert status == 1
    assert f"Port {stack.env['QMCP_PORT']}, which envoy needs, is busy" in words
    assert "envoy" in words.partition("busy:")[2]
    assert "QMCP_PORT=" in words
    assert left_by(other) == []


@pytest.mark.promise("Q01", "M02")
def test_a_second_system_on_a_server_of_ones_own_serves_changed_code_and_ends_with_its_edge(
    stack: Stack, postgres: Server, tmp_path: Path
) -> None:
    """It needs a home and a port of its own, and nothing else."""
    other = Stack(tmp_path / "other", QMCP_DATABASE_URL=postgres.url("postgres"))
    other.env = {
        name: value for name, value in other.env.items() if not re.match("QMCP_.*(_ADDRESS|METRICS_PORT)$", name)
    }
    other.launch("--reload")
    try:
        wait_for("QMCP stands", other)
        for each in (stack, other):
            echo(each, "beside another")
        told = subprocess.run(
            [sys.executable, "-m", "devstack", "status"],
            env=other.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        places = json.loads((other.home / "running.json").read_text())["listeners"]
        assert places.keys() >= {service.name for service in services.found()} | {"web", "mcp", "envoy"}
        for place in (place for each in places.values() for place in each):
            assert place in told
            socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))).close()
        before = other.processes
        assert "postgres" not in before
        assert not (other.home / "postgres").exists()
        (ROOT / "services" / "tools" / "__init__.py").touch()
        wait_for("The new code serves", other)
        assert other.processes["tools"] != before["tools"]
        assert other.processes["envoy"] == before["envoy"]
        echo(other, "the new code")
        ends_by_the_death_of("envoy", other)
    finally:
        other.stop()


def test_status_tells_what_runs_and_whether_it_is_well(stack: Stack, tmp_path: Path) -> None:
    def status(env: dict[str, str]) -> tuple[int, str]:
        command = [sys.executable, "-m", "devstack", "status"]
        found = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        return found.returncode, found.stdout

    code, words = status(stack.env)
    assert code == 0
    assert all(f"{name}" in words and str(pid) in words for name, pid in stack.processes.items())
    assert '"healthy"' in words
    assert status({**stack.env, "QMCP_HOME": str(tmp_path)}) == (3, f"Nothing runs from {tmp_path}.\n")


def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    for seconds in (0.3, 1.5):
        stack = Stack(tmp_path / "home")
        stack.launch()
        time.sleep(seconds)
        assert stack.stop() in (0, -signal.SIGTERM, 130)
        # What makes the data folder runs a shell of its own, which ends when it finds nobody at its pipe.
        until = time.monotonic() + 30
        while left := left_by(stack):
            assert time.monotonic() < until, left
            time.sleep(0.05)


async def test_a_user_who_may_not_make_databases_is_told_what_to_ask_for_without_its_password(tmp_path: Path) -> None:
    # A server of its own: what other systems use on the shared one is made again as soon as it is dropped.
    with running_postgres(tmp_path / "postgres") as postgres:
        await postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'secret'")
        await postgres.execute("CREATE DATABASE guests OWNER guest")
        url = postgres.url("guests").partition("@")[2]
        status, words = serve(Stack(tmp_path / "home", QMCP_DATABASE_URL=f"postgresql://guest:secret@{url}").env)
    assert status == 1
    assert f'CREATE DATABASE "{services.found()[0].database}" OWNER guest' in words
    assert "ALTER ROLE guest CREATEDB" in words
    assert "secret" not in words


def test_strangers_are_not_let_in_unless_told(tmp_path: Path) -> None:
    status, words = serve(Stack(tmp_path / "home").env, "--host", "0.0.0.0")
    assert status == 1
    assert "QMCP_AUTH=on" in words
    assert "QMCP_ALLOW_KEYLESS=true" in words


@pytest.mark.promise("Q03")
def test_host_and_port_come_from_the_command_line_too(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        status, words = serve(stack.env, "--host", "127.0.0.1", "--port", str(port))
    assert status == 1
    assert f"Port {port}, which envoy needs" in words


@pytest.mark.promise("M02")
def test_an_env_file_in_the_working_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("QMCP_HOST=0.0.0.0\n")
    status, words = serve(Stack(tmp_path / "home").env, cwd=tmp_path)
    assert status == 1
    assert "QMCP_HOST=0.0.0.0" in words


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, words = serve(Stack(tmp_path / "file" / "home").env)
    assert status == 1
    assert "cannot be written" in words


async def test_every_service_has_made_a_database_of_its_own(stack: Stack) -> None:
    for service in services.found():
        connection = await asyncpg.connect(stack.database_url(service.name))
        try:
            assert await connection.fetchval("SELECT current_database()") == f"qmcp_{service.name}"
            assert await connection.fetchval("SELECT count(*) FROM schema_migrations") >= 2
        finally:
            await connection.close()
