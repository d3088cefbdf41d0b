"""The command and the clients against the real system: every service, the pages, Envoy."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from qmcp.client import (
    AsyncClient,
    Client,
    ConflictError,
    HttpParameter,
    HttpPart,
    HttpRequestBody,
    HttpSource,
    InvalidRequestError,
    NotFoundError,
    NotPossibleError,
    Tool,
    ToolNotFoundError,
)
from qmcp.client.compat import MCPClient
from qmcp.client.receipts import PublicKeys, verify_export

from tests.client.command import Ended, qmcp, qmcp_process
from tests.stack import ROOT, Server, Stack
from tests.version import VERSION

Command = Callable[..., Ended]


@pytest.fixture
def command(stack: Stack) -> Command:
    def run(*words: str, **options: Any) -> Ended:
        return qmcp(*words, env={**stack.env, "QMCP_URL": stack.edge_url, **options.pop("env", {})}, **options)

    return run


@pytest.fixture(params=["edge", "service"])
def target(request: pytest.FixtureRequest, stack: Stack) -> str:
    return stack.grpc_target if request.param == "edge" else stack.target("tools")


def until_signed(client: Client, invocation_id: str) -> None:
    until = time.monotonic() + 120
    while client.get_receipt(invocation_id).checkpoint is None:
        assert time.monotonic() < until, "no checkpoint was signed"
        time.sleep(0.2)


def test_a_tool_runs_and_its_audit_and_receipt_are_read_back(target: str) -> None:
    with Client(target) as client:
        assert client.health().healthy
        assert {"echo", "planner", "executor", "reviewer"} <= {tool.name for tool in client.list_tools()}
        assert client.get_tool("echo").input_schema["required"] == ["message"]
        done = client.invoke_tool("echo", {"message": "hé 🙂"}, correlation_id="journey1")
        assert (done.result, done.status, done.correlation_id) == ("hé 🙂", "success", "journey1")
        assert client.get_invocation(done.id) == done
        assert done.id in [row.id for row in client.list_invocations(correlation_id="journey1")]
        assert client.get_receipt(done.id).invocation_id == done.id
        assert [row.count > 0 for row in client.summarize("echo")] == [True]
        assert done.id in [row.id for row in client.export_invocations("echo")]


def test_the_same_request_id_runs_a_tool_once(target: str) -> None:
    with Client(target) as client:
        first = client.invoke_tool("echo", {"message": "once"}, idempotency_key=f"once-{target}")
        assert client.invoke_tool("echo", {"message": "once"}, idempotency_key=f"once-{target}").id == first.id
        with pytest.raises(ConflictError) as caught:
            client.invoke_tool("echo", {"message": "twice"}, idempotency_key=f"once-{target}")
        assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_errors_are_exceptions_with_reason_field_and_request_id(target: str) -> None:
    with Client(target) as client:
        with pytest.raises(ToolNotFoundError) as unknown:
            client.invoke_tool("no-such-tool")
        assert unknown.value.request_id
        with pytest.raises(InvalidRequestError) as invalid:
            client.invoke_tool("echo", {"message": 1})
        assert invalid.value.reason == "ARGUMENTS_INVALID"
        assert "message" in invalid.value.field_violations[0].field
        with pytest.raises(NotFoundError):
            client.get_invocation("00000000-0000-7000-8000-000000000000")
        done = client.invoke_tool("echo", {"message": "x"})
        with pytest.raises(NotPossibleError) as ended:
            client.cancel_invocation(done.id)
        assert ended.value.reason == "INVOCATION_ENDED"


def test_a_tool_is_registered_changed_and_removed(target: str) -> None:
    days = HttpParameter(argument="days", location="query", name="d", style="pipeDelimited", explode=False)
    tool = Tool(
        name="client/made",
        description="Asks.",
        http=HttpSource(
            url="https://example.com/{city}",
            method="GET",
            parameters=(days,),
            body=HttpRequestBody(format="multipart", parts=(HttpPart(argument="map", format="file", explode=True),)),
        ),
    )
    with Client(target) as client:
        made = client.create_tool(tool)
        assert (made.kind, made.http) == ("http", tool.http)
        with pytest.raises(ConflictError):
            client.create_tool(tool)
        changed = client.update_tool(replace(tool, description="Tells.", etag=made.etag))
        assert changed.description == "Tells."
        with pytest.raises(ConflictError) as stale:
            client.update_tool(made)
        assert stale.value.reason == "ETAG_MISMATCH"
        client.delete_tool(tool.name)
        with pytest.raises(ToolNotFoundError):
            client.get_tool(tool.name)


def test_a_document_is_imported_at_a_shell_which_asks_where_something_breaks(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "pets.json"
    operation = {"operationId": "list", "parameters": [{"name": "limit", "in": "query"}]}
    root = {"openapi": "3.1.0", "servers": [{"url": "https://a.example"}], "paths": {"/pets": {"get": operation}}}
    file.write_text(json.dumps(root))
    shown = command("tools", "import", "shell", str(file), "--dry-run")
    assert (shown.code, "shell/list" in shown.out, "1 added" in shown.out) == (0, True, True)
    made = command("tools", "import", "shell", str(file), "--json")
    assert (json.loads(made.out)["applied"], json.loads(made.out)["added_count"]) == (True, 1)
    operation["parameters"] = []
    file.write_text(json.dumps(root))
    asked = command("tools", "import", "shell", str(file), stdin="n\n")
    assert (asked.code != 0, "argument limit is gone" in asked.out) == (True, True)
    assert "limit" in json.loads(command("tools", "get", "shell/list", "--json").out)["input_schema"]["properties"]
    assert command("tools", "import", "shell", str(file), "--yes").code == 0
    assert "limit" not in command("tools", "get", "shell/list", "--json").out
    assert command("tools", "import", "shell", str(file), "--secret", "nothing").code != 0


async def test_the_async_client_starts_watches_and_waits(target: str) -> None:
    async with AsyncClient(target) as client:
        started = await client.start_invocation("echo", {"message": "later"})
        events = [event async for event in client.watch_invocation(started.id)]
        assert events[-1].last
        assert events[-1].invocation is not None
        assert events[-1].invocation.result == "later"
        waited = await client.wait_for_invocation(started.id, timeout=60)
        assert waited.succeeded
        many = await asyncio.gather(*(client.invoke_tool("echo", {"message": str(n)}) for n in range(20)))
        assert [one.result for one in many] == [str(n) for n in range(20)]


def test_a_redaction_leaves_the_receipts_whole_here_and_there(stack: Stack) -> None:
    with Client(stack.grpc_target) as client:
        done = client.invoke_tool("echo", {"message": "secret"})
        redacted = client.redact(done.id, ["input_params", "result"], "a test")
        assert (redacted.input_params, redacted.result) == (None, None)
        assert set(redacted.redacted_fields) == {"input_params", "result"}
        until_signed(client, done.id)
        assert client.verify_receipts().valid
        found = verify_export(client.export_receipts(), PublicKeys(client.get_receipt_key().public_key_pem))
        assert found.faults == ()
        assert found.receipts_redacted


@pytest.mark.promise("Q33")
def test_the_command_shows_where_the_system_is_and_that_it_is_well(command: Command) -> None:
    facts = command("info", "--json").json
    assert (facts["status"], facts["server_version"]) == ("healthy", VERSION)
    assert {"echo", "planner", "executor", "reviewer"} <= {
        tool["name"] for tool in command("tools", "list", "--json").json
    }
    assert "echo" in command("tools", "list").out


def test_the_command_runs_tools_and_tells_by_its_code_how_it_went(command: Command) -> None:
    assert command("tools", "invoke", "echo", "message=hello").out == "hello\n"
    assert command("tools", "invoke", "echo", "-", stdin='{"message": "in"}').out == "in\n"
    watched = command("tools", "invoke", "echo", '{"message": "seen"}', "--watch")
    assert watched.out == "seen\n", watched.err
    assert "success" in watched.err
    plan = command("tools", "invoke", "planner", "goal=ship it", "--json", "--correlation-id", "cli1").json
    assert plan["result"]["estimated_steps"] == 4
    [row] = command("invocations", "list", "--correlation-id", "cli1", "--json").json
    assert row["id"] == plan["id"]
    assert command("invocations", "get", plan["id"]).out.startswith("id")
    assert command("invocations", "watch", plan["id"]).code == 0
    wrong = command("tools", "invoke", "echo", "message:=1")
    assert wrong.code == 2
    assert "message" in wrong.err
    missing = command("tools", "invoke", "nothing")
    assert missing.code == 3
    assert "qmcp tools list" in missing.err
    assert command("invocations", "cancel", plan["id"]).code == 4


def test_the_command_registers_what_it_printed(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "tool.json"
    fields = {"name": "cli/made", "http": {"url": "https://example.com/{city}", "method": "GET"}}
    file.write_text(json.dumps(fields))
    assert command("tools", "register", str(file)).code == 0
    assert command("tools", "register", str(file)).code == 4
    printed = command("tools", "get", "cli/made", "--json").out
    assert command("tools", "register", "-", "--replace", stdin=printed).code == 0
    file.write_text('{"name": "x", "htpp": {}}')
    assert command("tools", "register", str(file)).code == 2
    assert command("tools", "delete", "cli/made").code == 0
    assert command("tools", "get", "cli/made").code == 3


def test_the_command_exports_and_sums_up(command: Command, tmp_path: Path) -> None:
    command("tools", "invoke", "echo", "message=x")
    lines = [json.loads(line) for line in command("invocations", "export", "--tool", "echo").out.splitlines()]
    assert lines[-1] == {"done": True, "count": len(lines) - 1}
    [summary] = command("invocations", "summary", "--tool", "echo", "--json").json
    assert summary["count"] >= 1
    exported, key = tmp_path / "receipts.jsonl", tmp_path / "key.pem"
    assert command("receipts", "export", "-o", str(exported)).code == 0
    key.write_text(command("receipts", "key").out)
    offline = qmcp("receipts", "verify", "--file", str(exported), "--public-key", str(key))
    assert offline.code == 0, offline.out


def test_a_row_that_was_changed_in_the_database_is_named(command: Command, stack: Stack) -> None:
    victim = command("tools", "invoke", "echo", "message=paid 10", "--json").json["id"]
    with Client(stack.grpc_target) as client:
        until_signed(client, victim)
    assert command("receipts", "verify").code == 0

    async def tamper(old: str, new: str) -> str:
        connection = await asyncpg.connect(stack.database_url("tools"))
        try:
            tables = await connection.fetch(
                "SELECT table_name FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND column_name = 'result'",
            )
            change = (
                "UPDATE {} SET result = replace(result::text, $1, $2)::json WHERE result::text LIKE '%' || $1 || '%'"
            )
            return " ".join([await connection.execute(change.format(table[0]), old, new) for table in tables])
        finally:
            await connection.close()

    assert "UPDATE 1" in asyncio.run(tamper("paid 10", "paid 99"))
    try:
        found = command("receipts", "verify", "--json")
        assert found.code == 1
        assert [(fault["kind"], fault["invocation_id"]) for fault in found.json["faults"]] == [
            ("CONTENT_CHANGED", victim)
        ]
    finally:
        asyncio.run(tamper("paid 99", "paid 10"))


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    env = {"QMCP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "QMCP_HOME": str(tmp_path)}
    nowhere = qmcp_process("db", "status", env=env)
    assert nowhere.code == 5
    assert "qmcp serve" in nowhere.err


@pytest.mark.promise("M20")
async def test_migrations_of_every_service_are_applied(postgres: Server) -> None:
    server = urlsplit(postgres.url())
    names = [f"qmcp_{path.parent.name}" for path in (ROOT / "services").glob("*/migrations")]
    for name in names:
        # A whole system that ran on this server has left its own.
        await postgres.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await postgres.execute(f'CREATE DATABASE "{name}"')
    try:
        # The name in the address is replaced by that of each service's database.
        env = {"QMCP_DATABASE_URL": urlunsplit(server._replace(path="/any"))}
        before = (await asyncio.to_thread(qmcp_process, "db", "status", "--json", env=env)).json
        assert not any(row["applied_at"] for row in before)
        after = (await asyncio.to_thread(qmcp_process, "db", "up", "--json", env=env)).json
        assert len(after) == len(before)
        assert all(row["applied_at"] for row in after)
    finally:
        for name in names:
            await postgres.execute(f'DROP DATABASE "{name}"')


@pytest.mark.promise("Q28")
def test_the_originals_client_works_as_it_did(stack: Stack) -> None:
    with MCPClient(stack.edge_url, timeout=60) as client:
        assert client.health() == {"status": "healthy", "version": VERSION}
        tools = {tool["name"]: tool for tool in client.list_tools()}
        assert set(tools["echo"]) == {"name", "description", "input_schema"}
        done = client.invoke_tool("echo", {"message": "hi"}, correlation_id="old1")
        assert set(done) == {"result", "error", "invocation_id"}
        assert (done["result"], done["error"]) == ("hi", None)
        row = client.get_invocation(done["invocation_id"])
        assert (row["input_params"], row["result"], row["error"]) == ({"message": "hi"}, "hi", None)
        assert (row["status"], row["correlation_id"]) == ("success", "old1")
        assert client.list_invocations(tool_name="echo", status="success", limit=1)[0]["tool_name"] == "echo"
        with pytest.raises(ToolNotFoundError):
            client.invoke_tool("nothing", {})
        with pytest.raises(NotFoundError):
            client.get_invocation("00000000-0000-7000-8000-000000000000")
