"""Tools of MCP servers over HTTP are tools like any other; the servers are of the official SDK, in both revisions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import json_format

from gateway.mcp.results import of_invocation
from tests.tools.mcp_registration import registered, server, tools_of
from tests.tools.mcp_upstream import LINK, LONG_NAME, PICTURE, PIXEL, HttpServer, http_server
from tests.tools.service import Replica, pb, python, query, refusal, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["2026-07-28", "2025-11-25"])
async def upstream(request: pytest.FixtureRequest) -> AsyncIterator[HttpServer]:
    async with http_server(revision=request.param) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def name(shared: Replica, upstream: HttpServer, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A registered server."""
    found = f"acme-{upstream.url.split(':')[2].split('/')[0]}"
    headers = {"Authorization": "Bearer ${secret.token}"}
    made = await registered(shared, name=found, http={"url": upstream.url, "headers": headers})
    assert (made.state, made.reason, made.tool_count) == ("available", "", 8), made
    yield found
    await shared.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name=found))
    assert not await tools_of(shared, found)


async def test_what_it_lists_stands_in_the_catalogue_as_it_is(shared: Replica, name: str) -> None:
    tools = await tools_of(shared, name)
    add = tools[f"{name}/add"]
    assert (add.kind, add.title, add.description) == ("mcp", "Add", "Adds two numbers.")
    assert python(add.input_schema)["required"] == ["a", "b"]
    assert python(add.output_schema)["properties"]["result"]["type"] == "integer"
    assert add.annotations.read_only
    assert not add.annotations.destructive
    assert not add.HasField("outage")
    (long,) = [each for each in tools if "does_what" in each]
    assert len(long) == 64
    assert tools[long].mcp.tool == LONG_NAME
    assert python((await shared.invoke(long)).result) == "long"


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("text", "hello"),
        ("nothing", None),
        ("image", {"base64": PIXEL, "content_type": "image/png"}),
        ("several", {"content": [{"type": "text", "text": "hello"}, PICTURE]}),
        ("link", {"content": [LINK]}),
        (
            "structured",
            {
                "content": [{"type": "text", "text": "hello"}, PICTURE],
                "structured_content": {"id": str(2**60 + 1), "share": 0.5},
            },
        ),
    ],
)
async def test_nothing_of_an_answer_is_lost(shared: Replica, name: str, kind: str, result: Any) -> None:
    made = await shared.invoke(f"{name}/say", {"kind": kind})
    assert (made.status, python(made.result)) == ("success", result)
    # And over MCP it leaves as it came.
    left = of_invocation(made).model_dump(by_alias=True, mode="json", exclude_none=True)
    whole = result if isinstance(result, dict) else {}
    if "content" in whole:
        assert left["content"] == whole["content"]
        assert left.get("structuredContent") == whole.get("structured_content")


async def test_a_call_is_validated_recorded_and_proven_and_carries_its_ids_and_the_credential(
    shared: Replica, name: str, upstream: HttpServer
) -> None:
    made = await shared.invoke(f"{name}/add", {"a": 1, "b": 2}, correlation_id="work-1")
    assert (made.status, python(made.result)) == ("success", {"result": 3})
    assert (await refusal(shared.invoke(f"{name}/add", {"a": 1}))).reason == "ARGUMENTS_INVALID"
    sent = [headers for method, headers in upstream.requests if method == "tools/call"][-1]
    assert sent["x-qmcp-invocation-id"] == made.id
    assert sent["x-correlation-id"] == "work-1"
    assert sent["authorization"] == "Bearer s3cret"
    receipt = await shared.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=made.id))
    assert made.tool_etag in receipt.content
    failed = await shared.invoke(f"{name}/fail", {"why": "no money"})
    assert (failed.status, failed.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert "no money" in failed.error
    large = await shared.invoke(f"{name}/say", {"kind": "large", "size": 200_000})
    assert (large.status, large.error_reason, python(large.result)) == ("success", "OUTPUT_TOO_LARGE", None)


async def test_progress_is_heard_and_a_cancelled_call_ends_alone(
    shared: Replica, name: str, upstream: HttpServer
) -> None:
    slow = await shared.start(f"{name}/slow", {"key": "a"})
    other = await shared.start(f"{name}/slow", {"key": "b"})

    async def both_run() -> bool:
        return upstream.calls.count("slow") == 2

    await until(both_run)
    cancelled = await shared.cancel(slow.id)
    assert cancelled.status == "cancelled"
    assert (await shared.get(other.id)).status == "running"
    await shared.cancel(other.id)
    events = await shared.events(slow.id)
    assert [event.progress.message for event in events if event.HasField("progress")] == ["half"]


@pytest.mark.parametrize("whom", ["user", "model"])
async def test_a_tool_that_asks_back_fails_and_says_that_nobody_can_be_asked(
    shared: Replica, name: str, whom: str
) -> None:
    """Its server is told that this client has neither a user nor a model; nothing waits."""
    made = await shared.invoke(f"{name}/ask", {"how": whom})
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED"), made
    assert "answered error" in made.error
    assert {"user": "elicitation", "model": "sampling"}[whom] in made.error.lower(), made.error


@pytest.mark.parametrize("how", ["close", "redirect", "500"])
async def test_a_call_is_sent_once_whatever_comes_back(
    shared: Replica, name: str, upstream: HttpServer, how: str
) -> None:
    before = len([1 for method, _ in upstream.requests if method == "tools/call"])
    upstream.answers_calls_with = how
    made = await shared.invoke(f"{name}/add", {"a": 1, "b": 2})
    upstream.answers_calls_with = ""
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert ("may have been done" in made.error) == (how == "close")
    assert len([1 for method, _ in upstream.requests if method == "tools/call"]) == before + 1
    # Nobody else's call has ended with it.
    assert (await shared.invoke(f"{name}/add", {"a": 1, "b": 2})).status == "success"


async def test_a_change_that_is_announced_is_followed_and_what_people_have_settled_outlasts_it(
    shared: Replica, name: str
) -> None:
    async def there() -> Any:
        return (await tools_of(shared, name)).get(f"{name}/risky")

    async def gone() -> bool:
        tool = await there()
        return tool is None or tool.HasField("outage")

    await shared.invoke(f"{name}/another", {"name": "risky"})
    await until(there)
    await shared.invoke(f"{name}/another", {"name": "risky"})
    await until(gone)
    assert await there() is None
    await shared.invoke(f"{name}/another", {"name": "risky"})
    tool = await until(there)
    # A tool of its server's: what it is comes from there, how it is run is settled here.
    changed = json_format.MessageToDict(tool, preserving_proto_field_name=True) | {"approval": {"mode": "always"}}
    updated = await shared.update(**changed)
    assert updated.approval.mode == "always"
    renamed = {**changed, "description": "Harmless.", "etag": ""}
    assert (await refusal(shared.update(**renamed))).reason == "TOOL_DEFINED_BY_SERVER"
    delete = pb.DeleteToolRequest(name=f"{name}/risky")
    assert (await refusal(shared.stub.DeleteTool(delete))).reason == "TOOL_DEFINED_BY_SERVER"
    # Unlisted and listed again, it is what it was: no server frees its tools from what people decided.
    await shared.invoke(f"{name}/another", {"name": "risky"})
    await until(gone)
    assert (await there()).outage.reason == "Its MCP server lists it no more."
    await shared.invoke(f"{name}/another", {"name": "risky"})

    async def back() -> bool:
        return not await gone()

    await until(back)
    assert (await shared.invoke(f"{name}/risky", {"why": "x"})).status == "awaiting_approval"
    await shared.invoke(f"{name}/another", {"name": "risky"})
    await until(gone)
    await shared.stub.DeleteTool(delete)


async def test_names_that_are_taken_or_none_are_made_distinct_and_an_approval_of_the_server_holds_for_its_tools(
    shared: Replica, upstream: HttpServer
) -> None:
    await shared.create(name="taken/add", http={"url": "https://example.com/add"})
    policy = {"approval": {"mode": "always", "groups": ["finance"]}}
    made = await registered(shared, name="taken", http={"url": upstream.url}, **policy)
    (other,) = [each for each in await tools_of(shared, "taken") if each.startswith("taken/add")]
    assert other.startswith("taken/add-")
    assert (await shared.invoke(other, {"a": 1, "b": 2})).status == "awaiting_approval"
    assert not list((await shared.stub.GetTool(pb.GetToolRequest(name="taken/add"))).approval.groups)
    # Without it, from the very next call on.
    fields = {"name": "taken", "http": {"url": upstream.url}, "etag": made.etag}
    await shared.stub.UpdateMcpServer(pb.UpdateMcpServerRequest(server=server(**fields)))
    assert (await shared.invoke(other, {"a": 1, "b": 2})).status == "success"
    await shared.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name="taken"))
    await shared.stub.DeleteTool(pb.DeleteToolRequest(name="taken/add"))
    assert (await refusal(shared.invoke(other, {"a": 1, "b": 2}))).reason == "TOOL_NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"http": {"url": "http://169.254.169.254/latest"}}, "ADDRESS_NOT_ALLOWED"),
        ({"http": {"url": "https://:word@example.com/mcp"}}, "INVALID_REQUEST"),
        ({"http": {"url": "https://example.com/mcp", "headers": {"A": "${secret.nobody}"}}}, "SECRET_NOT_FOUND"),
        ({"stdio": {"command": "sh"}}, "COMMAND_NOT_ALLOWED"),
        ({}, "INVALID_REQUEST"),
    ],
)
async def test_what_could_never_be_reached_is_refused(shared: Replica, fields: dict[str, Any], reason: str) -> None:
    request = pb.CreateMcpServerRequest(server=server(name="no", **fields))
    assert (await refusal(shared.stub.CreateMcpServer(request))).reason == reason


async def test_a_name_is_one_servers_what_there_is_not_is_not_found_and_there_are_a_hundred_at_most(
    shared: Replica,
) -> None:
    request = pb.CreateMcpServerRequest(server=server(name="once", http={"url": "http://127.0.0.1:1/"}))
    await shared.stub.CreateMcpServer(request)
    assert (await refusal(shared.stub.CreateMcpServer(request))).reason == "MCP_SERVER_EXISTS"
    await shared.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name="once"))
    for call in (
        shared.stub.GetMcpServer(pb.GetMcpServerRequest(name="once")),
        shared.stub.DeleteMcpServer(pb.DeleteMcpServerRequest(name="once")),
        shared.stub.RefreshMcpServer(pb.RefreshMcpServerRequest(name="once")),
    ):
        assert (await refusal(call)).reason == "MCP_SERVER_NOT_FOUND"
    many = """
        INSERT INTO mcp_servers (name, transport, timeout_seconds, max_concurrency, etag, digest)
        SELECT 'many-' || number, '{"command": "none"}', 0, 0, '', ''
        FROM generate_series(1, 100) AS number
    """
    await query(shared.settings.database_url, many)
    assert (await refusal(shared.stub.CreateMcpServer(request))).reason == "TOO_MANY_MCP_SERVERS"
    await query(shared.settings.database_url, "DELETE FROM mcp_servers WHERE name LIKE 'many-%'")
