"""OpenAPI documents become tools whose every request obeys the document; an import again tells and applies what is other."""

import copy
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from google.protobuf import json_format

from gateway import openapi
from tests.stack import ROOT
from tests.tools.openapi_document import Validating, document, operations, validating
from tests.tools.schema_values import arguments
from tests.tools.service import Replica, pb, python, query, refusal
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRETS = {"key": "token", "basic": "token"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub() -> AsyncIterator[Validating]:
    async with validating() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


async def imported(replica: Replica, root: Any, name: str = "varied", **fields: Any) -> Any:
    text = root if isinstance(root, str) else json.dumps(root)
    source = {} if "url" in fields else {"document": text}
    return await replica.stub.ImportTools(pb.ImportToolsRequest(name=name, **source, **fields))


async def tools_of(replica: Replica, made: Any) -> dict[str, Any]:
    rows = {one.tool_name: one.operation for one in made.tools if one.tool_name and one.change != "gone"}
    return {name: await replica.stub.GetTool(pb.GetToolRequest(name=name)) for name in rows}


async def invoke_all(
    replica: Replica, stub: Validating, made: Any, required: tuple[bool, ...] = (True, False)
) -> list[Any]:
    """Every tool of an import with what it must be given and with all that it may be."""
    stub.asked.clear()
    stub.faults.clear()
    found = []
    for name, tool in (await tools_of(replica, made)).items():
        for only_required in required:
            given = arguments(python(tool.input_schema), only_required=only_required)
            found.append(await replica.invoke(name, given))
    return found


async def test_every_operation_of_a_large_document_is_sent_as_the_document_has_it(
    shared: Replica, stub: Validating
) -> None:
    root = document(stub.url)
    stub.take(root)
    made = await imported(shared, root, secrets=SECRETS)
    assert (made.applied, made.refused_count, made.added_count > 200) == (True, 0, True)
    invocations = await invoke_all(shared, stub, made)
    assert stub.faults == []
    assert Counter(one.status for one in invocations) == {"success": len(invocations)}
    assert len(stub.asked) == len(invocations) == 2 * len(list(operations(root)))


async def test_so_is_every_operation_of_a_document_of_the_next_version(shared: Replica, stub: Validating) -> None:
    root = document(stub.url, "3.1.0", groups=4)
    stub.take(root)
    invocations = await invoke_all(shared, stub, await imported(shared, root, "next", secrets=SECRETS))
    assert (stub.faults, len(stub.asked)) == ([], len(invocations))


async def test_null_and_types_of_bytes_are_sent_where_the_document_has_them_and_only_there(
    shared: Replica, stub: Validating
) -> None:
    """As GitHub's document has both (`python -m tests.tools.foreign_openapi`)."""
    colour = {"type": "string", "nullable": True, "enum": ["red"]}
    properties = {"colour": colour, "or_none": {**colour, "enum": ["red", None]}}
    bodies = {
        "label": {"application/json": {"schema": {"type": "object", "properties": properties}}},
        "upload": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
    root = {
        "openapi": "3.0.3",
        "info": {"title": "Public", "version": "1"},
        "servers": [{"url": stub.url}],
        "paths": {
            f"/{name}": {
                "post": {
                    "operationId": name,
                    "requestBody": {"content": content},
                    "responses": {"200": {"description": "done"}},
                }
            }
            for name, content in bodies.items()
        },
    }
    stub.take(root)
    made = await invoke_all(shared, stub, await imported(shared, root, "public"))
    assert (stub.faults, [one.status for one in made]) == ([], ["success"] * 4)
    # Null is what was left out, where it is none of the values.
    for name in properties:
        assert (await shared.invoke("public/label", {name: None})).status == "success"
    assert stub.faults == []


async def test_the_public_document_of_our_edge_could_be_imported_whole(shared: Replica, stub: Validating) -> None:
    root = openapi.document((ROOT / "gen/qmcp/descriptors.binpb").read_bytes(), "1")
    told = await imported(shared, root, "own", server_url=stub.url, dry_run=True)
    assert (told.applied, told.refused_count, told.added_count > 200) == (False, 0, True)
    [row] = await query(shared.settings.database_url, "SELECT count(*) FROM tools WHERE import_name = 'own'")
    assert row["count"] == 0, "a dry run changes nothing"


def changed(root: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with ten changes, and what each is."""
    root = copy.deepcopy(root)
    paths = root["paths"]
    del paths["/items0/{id}"]["delete"]
    paths["/new"] = {"get": {"operationId": "new", "responses": {"200": {"description": "done"}}}}
    paths["/items1"]["get"]["summary"] = "Lists all of them."
    paths["/items2"]["get"]["parameters"].append({"name": "more", "in": "query", "schema": {"type": "string"}})
    paths["/items3"]["get"]["parameters"].append({"name": "must", "in": "query", "required": True, "schema": {}})
    paths["/items4"]["get"]["parameters"].pop(1)
    paths["/items5"]["get"]["parameters"][1]["schema"]["maximum"] = 5
    paths["/items6"]["get"]["parameters"][2]["schema"]["properties"]["kind"]["enum"] = ["a"]
    paths["/items7/{id}"]["get"]["parameters"][0]["schema"] = {"type": "integer"}
    paths["/items8"]["get"]["parameters"][0].update(style="form", explode=False)
    return root, {
        "deleteItem0": "gone", "new": "added", "listItems1": "changed", "listItems2": "changed", "listItems3": "breaking",
        "listItems4": "breaking", "listItems5": "breaking", "listItems6": "breaking", "getItem7": "breaking",
        "listItems8": "changed",
    }  # fmt: skip


async def test_an_import_again_tells_ten_changes_and_applies_them_at_once(shared: Replica, stub: Validating) -> None:
    root = document(stub.url, groups=9)
    await imported(shared, root, "again", secrets=SECRETS)
    own = await shared.stub.GetTool(pb.GetToolRequest(name="again/listItems1"))
    own.approval.mode, own.timeout_seconds, own.labels["team"] = "always", 7, "x"
    await shared.stub.UpdateTool(pb.UpdateToolRequest(tool=own))
    await shared.stub.PauseTool(pb.PauseToolRequest(name="again/listItems2", reason="not today"))
    after, expected = changed(root)
    told = await imported(shared, after, "again", secrets=SECRETS, dry_run=True)
    found = {one.tool_name.removeprefix("again/"): one.change for one in told.tools if one.change != "unchanged"}
    assert found == expected
    assert (told.added_count, told.changed_count, told.breaking_count, told.gone_count) == (1, 3, 5, 1)
    details = {one.tool_name.removeprefix("again/"): list(one.details) for one in told.tools}
    assert details["listItems3"][0] == "argument must is needed now"
    assert details["listItems4"][0] == "argument limit is gone"
    assert details["listItems5"] == ["argument limit has maximum 5"]
    assert details["listItems6"] == ["argument filter/kind no longer takes b"]
    assert details["listItems8"] == ["its arguments go to other places"]
    assert (await refusal(imported(shared, root, "again", secrets=SECRETS, etag=told.etag))).reason == "ETAG_MISMATCH"
    made = await imported(shared, after, "again", secrets=SECRETS, etag=told.etag)
    assert (made.applied, [one.change for one in made.tools]) == (True, [one.change for one in told.tools])
    kept = await shared.stub.GetTool(pb.GetToolRequest(name="again/listItems1"))
    assert (kept.description, kept.approval.mode, kept.timeout_seconds) == ("Lists all of them.", "always", 7)
    assert (dict(kept.labels), kept.import_name) == ({"team": "x"}, "again")
    assert (await shared.stub.GetTool(pb.GetToolRequest(name="again/listItems2"))).pause.reason == "not today"
    assert (await refusal(shared.stub.GetTool(pb.GetToolRequest(name="again/deleteItem0")))).reason == "TOOL_NOT_FOUND"
    again = await imported(shared, after, "again", secrets=SECRETS)
    assert (again.unchanged_count, len(again.tools)) == (len(list(operations(after))), again.unchanged_count)


async def test_operations_are_selected_by_tag_path_and_method_and_yaml_is_read(
    shared: Replica, stub: Validating
) -> None:
    text = yaml.safe_dump(json.loads(json.dumps(document(stub.url, groups=12))))
    made = await imported(shared, text, "some", tags=["tag1"], paths=["/items1*/{id}"], methods=["GET", "DELETE"])
    assert {one.operation for one in made.tools} == {
        f"{method} /items{n}/{{id}}" for n in (1, 10) for method in ("GET", "DELETE")
    }
    fewer = await imported(shared, text, "some", methods=["GET"], paths=["/items1/{id}"], dry_run=True)
    assert (fewer.gone_count, fewer.unchanged_count) == (3, 1)


async def test_credentials_come_from_secrets_and_what_has_none_says_so(shared: Replica, stub: Validating) -> None:
    root = document(stub.url, groups=1)
    made = await imported(shared, root, "keyed", secrets=SECRETS, paths=["/items0*"])
    tools = await tools_of(shared, made)
    assert dict(tools["keyed/listItems0"].http.headers) == {"X-Key": "${secret.token}"}
    assert dict(tools["keyed/getItem0"].http.headers) == {"Authorization": "Basic ${secret.token}"}
    assert dict(tools["keyed/deleteItem0"].http.headers) == {}
    without = await imported(shared, root, "keyless", paths=["/items0/{id}"], methods=["GET", "DELETE"])
    notes = {one.operation.partition(" ")[0]: list(one.notes) for one in without.tools}
    assert notes == {
        "GET": ["is sent without credentials: no secrets are named for bearer or basic"],
        "DELETE": [],
    }
    folder = shared.settings.tools_secrets_dir
    assert folder is not None
    client = {"token_url": "https://login.example.com/token", "client_id": "qmcp", "client_secret": "cAnArY-secret"}
    (folder / "client").write_text(json.dumps(client))
    (folder / "wrong").write_text(json.dumps({**client, "scopes": "read"}))
    made = await imported(shared, root, "tokens", secrets={"bearer": "client"}, paths=["/items0/{id}"], methods=["GET"])
    [tool] = (await tools_of(shared, made)).values()
    assert dict(tool.http.headers) == {"Authorization": "${oauth.client}"}
    for secrets, reason in (
        ({"query": "token"}, "INVALID_REQUEST"),
        ({"no": "token"}, "INVALID_REQUEST"),
        ({"key": "no"}, "SECRET_NOT_FOUND"),
        ({"key": "client"}, "INVALID_REQUEST"),
        ({"bearer": "wrong"}, "SECRET_NOT_FOUND"),
    ):
        assert (await refusal(imported(shared, root, "keyed", secrets=secrets))).reason == reason


async def test_a_document_is_fetched_from_an_address_that_may_be_reached(shared: Replica, peer: Upstream) -> None:
    root = {"openapi": "3.1.0", "servers": [{"url": "../v2"}], "paths": {"/a/{b}": {"get": {}}}}
    root["paths"]["/a/{b}"]["get"] = {"parameters": [{"name": "b", "in": "path", "required": True, "schema": {}}]}
    peer.status, peer.body, peer.headers = 200, json.dumps(root).encode(), {"Content-Type": "application/json"}
    made = await imported(shared, None, "fetched", url=peer.url("/exactly/openapi.json"))
    [tool] = (await tools_of(shared, made)).values()
    assert (tool.name, tool.http.url) == ("fetched/get__a__b", peer.url("/v2/a/{b}"))
    for path, reason in (
        ("/status/404", "DOCUMENT_NOT_FETCHED"),
        ("/redirect", "DOCUMENT_NOT_FETCHED"),
        ("/text", "DOCUMENT_INVALID"),
    ):
        assert (await refusal(imported(shared, None, "fetched", url=peer.url(path)))).reason == reason
    refused = await refusal(imported(shared, None, "fetched", url="http://169.254.169.254/latest"))
    assert (refused.reason, refused.fields) == ("ADDRESS_NOT_ALLOWED", ["url"])
    relative = await imported(shared, root, "fetched", dry_run=True)
    assert (relative.refused_count, "server_url" in relative.tools[-1].details[0]) == (1, True)


def chain(levels: int) -> dict[str, Any]:
    """Schemas of which each leads twice to the next."""
    return {
        f"S{n}": {"type": "object", "properties": {side: {"$ref": f"#/components/schemas/S{n + 1}"} for side in "ab"}}
        for n in range(levels)
    } | {f"S{levels}": {"type": "string", "pattern": "(?=x)x"}}  # fmt: skip


@pytest.mark.parametrize(
    ("schemas", "schema", "change", "part"),
    [
        (chain(40), {"$ref": "#/components/schemas/S0"}, "added", "in part"),
        (chain(3), {"$ref": "#/components/schemas/S0"}, "added", "in part"),
        ({"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}}, {"$ref": "#/components/schemas/A"}, "refused", "without end"),
        ({}, {"$ref": "#/components/schemas/Absent"}, "refused", "not in the document"),
        ({}, {"$ref": "http://169.254.169.254/x"}, "refused", "nothing is fetched"),
        ({}, {"$ref": "file:///etc/passwd"}, "refused", "nothing is fetched"),
        ({}, {"enum": [{"a": [[[]] * 40] * 40}] * 40}, "added", "in part"),
        ({"Tree": {"type": "object", "properties": {"t": {"$ref": "#/components/schemas/Tree"}}}}, {"$ref": "#/components/schemas/Tree"}, "added", ""),
    ],
)  # fmt: skip
async def test_references_stay_within_the_document_and_cost_what_may_be_spent(
    shared: Replica, schemas: Any, schema: Any, change: str, part: str
) -> None:
    body = {"content": {"application/json": {"schema": schema}}}
    root = {
        "openapi": "3.1.0",
        "servers": [{"url": "http://a.example"}],
        "components": {"schemas": schemas},
        "paths": {"/a": {"post": {"operationId": "a", "requestBody": body}}},
    }
    made = await imported(shared, root, "bounded", dry_run=True)
    [tool] = [one for one in made.tools if one.change != "gone"]
    told = " ".join([*tool.details, *tool.notes])
    assert (tool.change, part in told) == (change, True), told


@pytest.mark.parametrize(
    "text",
    [
        "no: document",
        "[1]",
        "{",
        "openapi: 2.0",
        '{"swagger": "2.0"}',
        "openapi: 3.0.0\nx: &a [1]\ny: *a",
        "openapi: 3.0.0\nx: !!python/object/apply:os.system [ls]",
        "openapi: 3.0.0\npaths: " + "[" * 300 + "]" * 300,
    ],
)
async def test_what_is_no_document_is_refused(shared: Replica, text: str) -> None:
    refused = await refusal(imported(shared, text))
    assert (refused.reason, refused.fields) == ("DOCUMENT_INVALID", ["document"])


async def test_operations_that_are_not_as_openapi_has_them_are_told_beside_those_that_are(shared: Replica) -> None:
    await shared.update(name="odd/taken", http={"url": "http://a.example"})
    operations: dict[str, Any] = {
        "taken": {"operationId": "taken"},
        "twice": {"operationId": "twi ce"},
        "twice2": {"operationId": "twi_ce"},
        "in": {"operationId": "in", "parameters": [{"name": "x", "in": "nowhere"}]},
        "multipart": {"operationId": "mixed", "requestBody": {"content": {"multipart/mixed": {}}}},
        "xml": {"operationId": "xml", "requestBody": {"required": True, "content": {"application/xml": {}}}},
        "any": {"operationId": "any", "requestBody": {"content": {"*/*": {"schema": {"type": "array"}}}}},
        "long": {"operationId": "l" * 200},
        "placeholder/{x}": {"operationId": "placeholder"},
    }
    root = {
        "openapi": "3.0.0",
        "servers": [{"url": "http://a.example"}],
        "paths": {f"/{name}": {"post": one} for name, one in operations.items()},
    }
    made = await imported(shared, root, "odd")
    found = {
        one.operation.removeprefix("POST /"): (one.change, one.tool_name, " ".join(one.details)) for one in made.tools
    }
    assert {name for name, (change, _, _) in found.items() if change == "refused"} == {
        "taken", "twice2", "in", "multipart", "placeholder/{x}",
    }  # fmt: skip
    assert [
        part in found[name][2] for name, part in (("taken", "another tool's"), ("in", "in"), ("multipart", "no form"))
    ] == [True] * 3
    assert (found["twice"][1], len(found["long"][1])) == ("odd/twi_ce", 64)
    xml = await shared.stub.GetTool(pb.GetToolRequest(name="odd/xml"))
    assert json_format.MessageToDict(xml.http.body) == {
        "format": "text", "contentType": "application/xml", "argument": "body",
    }  # fmt: skip


async def test_an_import_is_had_once_under_its_key(shared: Replica, tmp_path: Path) -> None:
    root = {
        "openapi": "3.0.0",
        "servers": [{"url": "http://a.example"}],
        "paths": {"/a": {"get": {"operationId": "a"}}},
    }
    first = await imported(shared, root, "once", idempotency_key="import-1")
    assert await imported(shared, root, "once", idempotency_key="import-1") == first
    assert (first.added_count, (await imported(shared, root, "once")).unchanged_count) == (1, 1)
