"""The catalogue over the wire: registering, changing, finding, paging."""

import asyncio

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from tests.tools.service import Replica, Start, pb, python, refusal, tool, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
HTTP = {"http": {"url": "http://127.0.0.1:9/x"}}


async def names(replica: Replica, **fields: object) -> list[str]:
    found, token = [], ""
    while True:
        page = await replica.stub.ListTools(pb.ListToolsRequest(page_token=token, **fields))
        found += [one.name for one in page.tools]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.promise("Q26")
async def test_the_builtin_tools_are_there_with_the_originals_schemas(shared: Replica) -> None:
    page = await shared.stub.ListTools(pb.ListToolsRequest(kind="builtin"))
    assert [one.name for one in page.tools] == ["echo", "executor", "planner", "reviewer"]
    echo = await shared.stub.GetTool(pb.GetToolRequest(name="echo"))
    assert python(echo.input_schema)["required"] == ["message"]
    assert python(echo.output_schema) == {"type": "string"}
    assert (echo.kind, echo.etag, echo.created_at) == ("builtin", echo.etag, echo.updated_at)
    assert len(echo.etag) == 16


async def test_what_is_registered_comes_back_field_by_field(shared: Replica) -> None:
    wanted = {
        "name": "all/fields",
        "title": "Títle",
        "description": "What it does.\nTwo lines.",
        "input_schema": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0.5}}, "required": []},
        "output_schema": {"type": ["string", "null"]},
        "annotations": {"read_only": True, "open_world": True},
        "version": "1.4.0",
        "tags": ["one", "two words"],
        "labels": {"team": "ops", "empty": ""},
        "timeout_seconds": 3600,
        "max_concurrency": 1000,
        "http": {"method": "PUT", "url": "https://api.example.com/{n}", "headers": {"X-A": "b"}},
    }
    created = await shared.create(**wanted, kind="builtin", etag="ignored")
    assert created == await shared.stub.GetTool(pb.GetToolRequest(name="all/fields"))
    assert created.kind == "http"
    expected = tool(**wanted)
    for field in expected.DESCRIPTOR.fields:
        if field.name in wanted:
            assert getattr(created, field.name) == getattr(expected, field.name), field.name


async def test_an_update_replaces_keeps_the_birthday_and_is_guarded_by_the_etag(shared: Replica) -> None:
    call = shared.stub.UpdateTool(pb.UpdateToolRequest(tool=tool(name="updated", title="a", **HTTP)))
    first = await call
    assert dict(await call.initial_metadata())["x-http-status"] == "201"
    call = shared.stub.UpdateTool(pb.UpdateToolRequest(tool=tool(name="updated", title="b", etag=first.etag, **HTTP)))
    second = await call
    assert "x-http-status" not in dict(await call.initial_metadata())
    assert (second.title, second.created_at) == ("b", first.created_at)
    assert second.updated_at.ToNanoseconds() > first.updated_at.ToNanoseconds()
    stale = await refusal(shared.update(name="updated", title="c", etag=first.etag, **HTTP))
    assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await shared.update(name="updated", title="a", **HTTP)).etag == first.etag, "an etag is of the content"
    assert (await refusal(shared.update(name="never/was", etag="0" * 16, **HTTP))).reason == "TOOL_NOT_FOUND"


async def test_of_concurrent_updates_with_one_etag_exactly_one_wins(shared: Replica) -> None:
    etag = (await shared.create(name="contended", **HTTP)).etag
    updates = [shared.update(name="contended", title=f"{n}", etag=etag, **HTTP) for n in range(12)]
    outcomes = await asyncio.gather(*updates, return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_of_concurrent_creations_of_one_name_exactly_one_wins(shared: Replica) -> None:
    outcomes = await asyncio.gather(*(shared.create(name="raced", **HTTP) for _ in range(12)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert (await refusal(shared.create(name="raced", **HTTP))).reason == "TOOL_EXISTS"


async def test_a_deleted_tool_is_gone_at_once_and_its_audit_stays(shared: Replica) -> None:
    etag = (await shared.create(name="doomed", **HTTP)).etag
    made = await shared.invoke("doomed")
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    wrong = await refusal(shared.stub.DeleteTool(pb.DeleteToolRequest(name="doomed", etag="0" * 16)))
    assert wrong.reason == "ETAG_MISMATCH"
    assert await shared.stub.DeleteTool(pb.DeleteToolRequest(name="doomed", etag=etag)) == Empty()
    for call in (
        shared.stub.GetTool(pb.GetToolRequest(name="doomed")),
        shared.stub.DeleteTool(pb.DeleteToolRequest(name="doomed")),
        shared.invoke("doomed"),
    ):
        assert (await refusal(call)).reason == "TOOL_NOT_FOUND"
    assert (await shared.get(made.id)).tool_etag == etag


@pytest.mark.parametrize("name", ["echo", "acme/add"])
async def test_a_tool_that_is_defined_by_code_cannot_be_changed(shared: Replica, name: str) -> None:
    before = await shared.stub.GetTool(pb.GetToolRequest(name=name))
    for call in (
        shared.create(name=name, **HTTP),
        shared.update(name=name, **HTTP),
        shared.stub.DeleteTool(pb.DeleteToolRequest(name=name)),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TOOL_DEFINED_BY_CODE")
    assert await shared.stub.GetTool(pb.GetToolRequest(name=name)) == before


@pytest.mark.parametrize("name", ["a", "A-Z_0.9", "x" * 64, "a/b/c", "-", "a:b"[:1]])
async def test_a_name_as_mcp_allows_it_is_taken(shared: Replica, name: str) -> None:
    assert (await shared.update(name=name, **HTTP)).name == name
    assert (await shared.stub.GetTool(pb.GetToolRequest(name=name))).name == name


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        *(
            ("tool.name", {"name": name})
            for name in ("", "x" * 65, "/a", "a/", "a//b", "a b", "ä", "a\n", "a:b", "a\0")
        ),
        ("tool.title", {"title": "x" * 129}),
        ("tool.description", {"description": "x" * 8193}),
        ("tool.version", {"version": "x" * 33}),
        ("tool.tags", {"tags": ["a", "a"]}),
        ("tool.tags", {"tags": [f"{n}" for n in range(17)]}),
        ("tool.tags[0]", {"tags": [""]}),
        ("tool.labels", {"labels": {f"{n}": "" for n in range(33)}}),
        ("tool.timeout_seconds", {"timeout_seconds": 3601}),
        ("tool.timeout_seconds", {"timeout_seconds": -1}),
        ("tool.max_concurrency", {"max_concurrency": 1001}),
        ("tool.http.url", {"http": {"url": "ftp://example.com"}}),
        ("tool.http.url", {"http": {"url": "https://{host}/x"}}),
        ("tool.http.url", {"http": {"url": ""}}),
        ("tool.http.method", {"http": {"method": "TRACE", "url": "https://a.example"}}),
        ("tool.grpc.target", {"grpc": {"target": "no-port", "method": "a.B/C"}}),
        ("tool.grpc.method", {"grpc": {"target": "a:1", "method": "/a.B/C"}}),
        ("tool.http", {"http": None}),
    ],
)
async def test_a_field_that_breaks_its_rule_is_named(shared: Replica, field: str, changes: dict) -> None:
    fields = {"name": "ruled", **({} if "grpc" in changes else HTTP), **changes}
    refused = await refusal(shared.create(**{key: value for key, value in fields.items() if value is not None}))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert field in refused.fields


@pytest.mark.parametrize("field", ["title", "description", "version", "tags"])
async def test_a_text_that_the_database_cannot_hold_is_the_callers_mistake(shared: Replica, field: str) -> None:
    value = ["a\0b"] if field == "tags" else "a\0b"
    refused = await refusal(shared.create(name=f"zero/{field}", **{field: value}, **HTTP))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_header_values_cannot_smuggle_lines(shared: Replica) -> None:
    source = {"url": "https://a.example", "headers": {"X-A": "b\r\nX-Evil: 1"}}
    assert (await refusal(shared.create(name="smuggler", http=source))).reason == "INVALID_REQUEST"


async def test_pages_hold_every_tool_once_in_order_of_code_points(shared: Replica) -> None:
    wanted = [f"page/{letter}{n}" for letter in "AaZz_" for n in range(5)]
    await asyncio.gather(*(shared.update(name=name, tags=["paged"], **HTTP) for name in wanted))
    for page_size in (1, 7, 25, 500):
        assert await names(shared, query="paged", page_size=page_size) == sorted(wanted)


async def test_tools_that_arrive_while_paging_shift_nothing(shared: Replica) -> None:
    await asyncio.gather(*(shared.update(name=f"shift/{n}", tags=["shifted"], **HTTP) for n in (2, 4, 6)))
    first = await shared.stub.ListTools(pb.ListToolsRequest(query="shifted", page_size=2))
    await shared.update(name="shift/1", tags=["shifted"], **HTTP)
    await shared.update(name="shift/5", tags=["shifted"], **HTTP)
    rest = await shared.stub.ListTools(pb.ListToolsRequest(query="shifted", page_token=first.next_page_token))
    assert [one.name for one in rest.tools] == ["shift/5", "shift/6"]


@pytest.mark.parametrize("token", ["!", "abc", "e30", "WzFd", "WyJhIiwiYiJd", "x" * 1024])
async def test_a_page_token_that_is_not_ours_is_refused(shared: Replica, token: str) -> None:
    for call in (
        shared.stub.ListTools(pb.ListToolsRequest(page_token=token)),
        shared.stub.ListInvocations(pb.ListInvocationsRequest(page_token=token)),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_a_page_token_of_another_filter_is_refused(shared: Replica) -> None:
    token = (await shared.stub.ListTools(pb.ListToolsRequest(page_size=1))).next_page_token
    for changed in (
        pb.ListToolsRequest(query="echo", page_token=token),
        pb.ListToolsRequest(kind="plugin", page_token=token),
    ):
        assert (await refusal(shared.stub.ListTools(changed))).reason == "PAGE_TOKEN_INVALID"
    other_size = await shared.stub.ListTools(pb.ListToolsRequest(page_size=3, page_token=token))
    assert len(other_size.tools) == 3, "the size of a page is no part of the filter"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("zebra", True),
        ("ZEBRA", True),
        ("seek out", True),
        ("weather stripes", True),
        ("forecasting", True),
        ("forecasts", True),
        ("wild", True),
        ("zebra elephant", False),
        ("'; DROP TABLE tools; --", False),
        ("the", False),
        (":* & | !", False),
    ],
)
async def test_a_search_needs_all_its_words_wherever_they_stand(shared: Replica, query: str, found: bool) -> None:
    await shared.update(
        name="seek/zebra_stripes", title="Seek out", description="Forecasts the weather.", tags=["wild"], **HTTP
    )
    assert ("seek/zebra_stripes" in await names(shared, query=query)) is found


async def test_kinds_partition_the_catalogue(shared: Replica) -> None:
    await shared.update(name="of/http", **HTTP)
    kinds = {kind: await names(shared, kind=kind) for kind in ("builtin", "plugin", "http", "grpc")}
    assert "acme/add" in kinds["plugin"]
    assert "of/http" in kinds["http"]
    assert sorted(name for found in kinds.values() for name in found) == await names(shared)


async def test_a_registration_under_an_idempotency_key_is_made_once(shared: Replica) -> None:
    request = pb.CreateToolRequest(tool=tool(name="once", title="a", **HTTP), idempotency_key="create-1")
    answers = await asyncio.gather(*(shared.stub.CreateTool(request) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    await shared.stub.DeleteTool(pb.DeleteToolRequest(name="once"))
    assert await shared.stub.CreateTool(request) == answers[0], "the first answer, although the tool is gone"
    other = pb.CreateToolRequest(tool=tool(name="once", title="b", **HTTP), idempotency_key="create-1")
    refused = await refusal(shared.stub.CreateTool(other))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert refused.metadata["used_idempotency_key"] == "create-1"


async def test_a_refused_registration_does_not_use_up_its_idempotency_key(shared: Replica) -> None:
    await shared.create(name="in/the/way", **HTTP)
    request = pb.CreateToolRequest(tool=tool(name="in/the/way", **HTTP), idempotency_key="create-2")
    assert (await refusal(shared.stub.CreateTool(request))).reason == "TOOL_EXISTS"
    await shared.stub.DeleteTool(pb.DeleteToolRequest(name="in/the/way"))
    assert (await shared.stub.CreateTool(request)).name == "in/the/way"


async def test_the_header_is_an_idempotency_key_too(shared: Replica) -> None:
    request, header = pb.CreateToolRequest(tool=tool(name="by/header", **HTTP)), (("idempotency-key", "k1"),)
    first = await shared.stub.CreateTool(request, metadata=header)
    assert await shared.stub.CreateTool(request, metadata=header) == first
    long = await refusal(shared.stub.CreateTool(request, metadata=(("idempotency-key", "k" * 129),)))
    assert (long.reason, long.fields) == ("INVALID_REQUEST", ["idempotency-key"])


async def test_after_an_update_is_answered_no_invocation_uses_the_old_definition(shared: Replica) -> None:
    async def invoke_for_ever() -> None:
        while True:
            await shared.invoke("hot")

    await shared.update(name="hot", title="0", **HTTP)
    noise = [asyncio.create_task(invoke_for_ever()) for _ in range(4)]
    try:
        for n in range(40):
            etag = (await shared.update(name="hot", title=f"{n}", **HTTP)).etag
            assert (await shared.invoke("hot")).tool_etag == etag
            await asyncio.sleep(0.002)
            assert (await shared.invoke("hot")).tool_etag == etag
    finally:
        for task in noise:
            task.cancel()
        await asyncio.gather(*noise, return_exceptions=True)


@pytest.mark.asyncio(loop_scope="function")
async def test_a_change_reaches_the_other_replicas(plugins: None, start: Start) -> None:
    here, there = await start(), await start()
    await here.create(name="moving", **HTTP)
    before = await there.invoke("moving")
    changed = await here.update(name="moving", title="changed", **HTTP)
    assert before.tool_etag != changed.etag

    async def noticed() -> bool:
        return (await there.invoke("moving")).tool_etag == changed.etag

    await until(noticed)
