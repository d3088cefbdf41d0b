"""Arguments of HTTP tools go where the tool says, in OpenAPI's forms, and what cannot be sent so is refused before it is."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.tools.service import Replica, pb, python, query, refusal
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST, OBJECT = ["a/b", None, 2], {"x": "1&2", "n": None, "y": True}
BLOB = b"\x00\xff\r\n--"
FILE = base64.b64encode(BLOB).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


async def sent(replica: Replica, peer: Upstream, arguments: dict[str, Any], path: str = "/x", **source: Any) -> Any:
    """The request that a tool of this source makes of the arguments."""
    fields = {key: source.pop(key) for key in ("input_schema",) if key in source}
    await replica.update(name="placed", http={"url": peer.url(path), **source}, **fields)
    before = len(peer.requests)
    made = await replica.invoke("placed", arguments)
    assert (made.status, made.error) == ("success", "")
    assert len(peer.requests) == before + 1
    return peer.requests[-1]


@pytest.mark.parametrize(
    ("style", "explode", "of_list", "of_object", "of_text"),
    [
        ("simple", False, "a%2Fb,2", "x,1%262,y,true", "k%20%C3%B6"),
        ("simple", True, "a%2Fb,2", "x=1%262,y=true", "k%20%C3%B6"),
        ("label", False, ".a%2Fb,2", ".x,1%262,y,true", ".k%20%C3%B6"),
        ("label", True, ".a%2Fb.2", ".x=1%262.y=true", ".k%20%C3%B6"),
        ("matrix", False, ";p=a%2Fb,2", ";p=x,1%262,y,true", ";p=k%20%C3%B6"),
        ("matrix", True, ";p=a%2Fb;p=2", ";x=1%262;y=true", ";p=k%20%C3%B6"),
    ],
)
async def test_a_path_has_lists_and_objects_in_every_style_of_openapi(
    shared: Replica, peer: Upstream, style: str, explode: bool, of_list: str, of_object: str, of_text: str
) -> None:
    parameter = {"argument": "value", "location": "path", "name": "p", "style": style, "explode": explode}
    for value, path in ((LIST, of_list), (OBJECT, of_object), ("k ö", of_text)):
        request = await sent(shared, peer, {"value": value}, "/a/{p}/b", method="GET", parameters=[parameter])
        assert request.raw_path == f"/a/{path}/b"


@pytest.mark.parametrize(
    ("fields", "of_list", "of_object"),
    [
        ({}, "q=a%2Fb&q=2", "x=1%262&y=true"),
        ({"explode": False}, "q=a%2Fb,2", "q=x,1%262,y,true"),
        ({"style": "spaceDelimited"}, "q=a%2Fb%202", "q=x%201%262%20y%20true"),
        ({"style": "pipeDelimited"}, "q=a%2Fb%7C2", "q=x%7C1%262%7Cy%7Ctrue"),
        ({"style": "deepObject"}, "q%5B0%5D=a%2Fb&q%5B1%5D=2", "q%5Bx%5D=1%262&q%5By%5D=true"),
        ({"allow_reserved": True}, "q=a/b&q=2", "x=1%262&y=true"),
        (
            {"content_type": "application/json"},
            "q=%5B%22a%2Fb%22%2C2%5D",
            "q=%7B%22x%22%3A%221%262%22%2C%22y%22%3Atrue%7D",
        ),
    ],
)
async def test_a_query_has_them_too_and_nothing_of_what_is_null(
    shared: Replica, peer: Upstream, fields: dict[str, Any], of_list: str, of_object: str
) -> None:
    parameter = {"argument": "value", "location": "query", "name": "q", **fields}
    source = {"method": "GET", "parameters": [parameter]}
    for value, pairs in ((LIST, of_list), (OBJECT, of_object)):
        request = await sent(shared, peer, {"value": value, "rest": 1}, "/x?fixed=1", **source)
        assert request.raw_path == f"/x?fixed=1&{pairs}&rest=1"
    for nothing in (None, [], {}, [None], {"x": None}):
        assert (await sent(shared, peer, {"value": nothing}, **source)).raw_path == "/x"
    assert (await sent(shared, peer, {}, **source)).raw_path == "/x"


async def test_what_stands_in_a_deep_object_has_brackets_of_its_own(shared: Replica, peer: Upstream) -> None:
    parameter = {"argument": "f", "location": "query", "style": "deepObject"}
    value = {"a": {"b": [1, {"c": "x y"}]}, "n": None}
    request = await sent(shared, peer, {"f": value}, method="GET", parameters=[parameter])
    assert list(request.query.items()) == [("f[a][b][0]", "1"), ("f[a][b][1][c]", "x y")]


async def test_headers_and_cookies_have_arguments_beside_what_their_owner_says(shared: Replica, peer: Upstream) -> None:
    parameters = [
        {"argument": "ids", "location": "header", "name": "X-Ids"},
        {"argument": "flags", "location": "header", "name": "X-Flags", "explode": True},
        {"argument": "absent", "location": "header"},
        {"argument": "session", "location": "cookie"},
        {"argument": "list", "location": "cookie", "explode": False},
    ]
    arguments = {
        "ids": [1, "b"], "flags": {"a": True, "b": "x"}, "absent": None, "session": 'a;b"', "list": [1, 2], "body": 1,
    }  # fmt: skip
    headers = {"Authorization": "Bearer ${secret.token}", "cookie": "own=1"}
    request = await sent(shared, peer, arguments, parameters=parameters, headers=headers)
    assert (request.headers["X-Ids"], request.headers["X-Flags"]) == ("1,b", "a=true,b=x")
    assert "absent" not in request.headers
    assert request.headers.getall("Cookie") == ["own=1; session=a%3Bb%22; list=1,2"]
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert orjson.loads(peer.bodies[-1]) == {"body": 1}


async def test_a_form_has_lists_as_pairs_and_objects_as_json_or_by_brackets(shared: Replica, peer: Upstream) -> None:
    body = {
        "format": "form",
        "parts": [
            {"argument": "deep", "format": "deepObject"},
            {"argument": "joined", "format": "form", "explode": False},
            {"argument": "document", "format": "json"},
        ],
    }
    arguments = {
        "text": "a b&c", "list": [1, None, "x"], "object": {"a": 1}, "deep": {"a": {"b": True}}, "joined": [1, 2],
        "document": [1], "nothing": None, "q": "?",
    }  # fmt: skip
    parameters = [{"argument": "q", "location": "query"}]
    request = await sent(shared, peer, arguments, method="PUT", body=body, parameters=parameters)
    assert (request.content_type, request.raw_path) == ("application/x-www-form-urlencoded", "/x?q=%3F")
    assert peer.bodies[-1].decode().split("&") == [
        "deep%5Ba%5D%5Bb%5D=true", "joined=1%2C2", "document=%5B1%5D", "list=1", "list=x", "object=%7B%22a%22%3A1%7D",
        "text=a+b%26c",
    ]  # fmt: skip


async def test_a_multipart_form_has_files_from_base64(shared: Replica, peer: Upstream) -> None:
    body = {
        "format": "multipart",
        "parts": [
            {"argument": "photo", "format": "file", "content_type": "image/png"},
            {"argument": "files", "format": "file"},
            {"argument": "note", "content_type": "text/markdown"},
        ],
    }
    named = {"base64": FILE, "content_type": "image/gif", "filename": 'ü "x".gif'}
    arguments = {
        "photo": FILE, "files": [named, FILE], "note": "# hi", "tags": ["a", None, 2], "meta": {"k": 1}, "gone": None,
    }  # fmt: skip
    request = await sent(shared, peer, arguments, body=body)
    assert request.content_type == "multipart/form-data"
    parts = [
        (part.split(b"\r\n\r\n", 1)[0].decode().strip(), part.split(b"\r\n\r\n", 1)[1][:-2])
        for part in peer.bodies[-1].split(f"--{request.headers['Content-Type'].split('boundary=')[1]}".encode())[1:-1]
    ]
    assert [content for _, content in parts] == [BLOB, BLOB, BLOB, b"# hi", b'{"k":1}', b"a", b"2"]
    heads = [head.lower() for head, _ in parts]
    kinds = ["image/png", "image/gif", "application/octet-stream", "text/markdown", "application/json", "text/plain",
             "text/plain"]  # fmt: skip
    assert [kind in head for kind, head in zip(kinds, heads, strict=True)] == [True] * 7
    assert 'name="files"; filename="ü \\"x\\".gif"' in heads[1]
    assert ['filename="photo"' in heads[0], "filename" in heads[3]] == [True, False]


@pytest.mark.parametrize(
    ("body", "value", "expected", "content_type"),
    [
        ({}, {"a": None}, b'{"whole":{"a":null},"b":1}', "application/json"),
        ({"argument": "whole"}, [1, None], b"[1,null]", "application/json"),
        (
            {"argument": "whole", "content_type": "application/merge-patch+json"},
            {"a": None},
            b'{"a":null}',
            "application/merge-patch+json",
        ),
        (
            {"argument": "whole", "format": "text", "content_type": "application/xml"},
            "<ü/>",
            "<ü/>".encode(),
            "application/xml",
        ),
        ({"argument": "whole", "format": "bytes"}, FILE, BLOB, "application/octet-stream"),
        ({"argument": "whole", "format": "bytes"}, {"base64": FILE, "content_type": "image/png"}, BLOB, "image/png"),
        ({"argument": "whole", "format": "form"}, {"a": 1}, b"a=1", "application/x-www-form-urlencoded"),
        ({"argument": "whole"}, None, b"", None),
        ({"format": "none"}, None, b"", None),
    ],
)
async def test_one_argument_may_be_the_whole_body(
    shared: Replica, peer: Upstream, body: dict[str, Any], value: Any, expected: bytes, content_type: str | None
) -> None:
    parameters = [] if not body else [{"argument": "b", "location": "query"}]
    arguments = {"b": 1} if body.get("format") == "none" else {"whole": value, "b": 1}
    request = await sent(shared, peer, arguments, body=body, parameters=parameters, method="DELETE")
    received = peer.bodies[-1]
    # The members of a JSON object have no order.
    is_json = content_type == "application/json"
    assert received == expected or (is_json and orjson.loads(received) == orjson.loads(expected))
    # aiohttp says of what has no type that it is bytes.
    assert request.headers.get("Content-Type") == content_type


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"p": []}, "/p"),
        ({"p": {}}, "/p"),
        ({"p": None}, "/p"),
        ({"p": ["a", ""]}, "/p"),
        ({"p": ["..", None]}, "/p"),
        ({"p": ["a", "/"]}, "/p"),
        ({"p": {"..": "/"}}, "/p"),
        ({"p": "a", "h": "x\r\nX-Evil: 1"}, "/h"),
        ({"p": "a", "h": ["a", "ü"]}, "/h"),
        ({"p": "a", "h": " a"}, "/h"),
        ({"p": "a", "file": "no base64"}, "/file"),
        ({"p": "a", "file": {"base64": FILE, "filename": 'x"\r\n'}}, "/file"),
        ({"p": "a", "file": {"base64": FILE, "name": "x"}}, "/file"),
        ({"p": "a", "file": [FILE, 7]}, "/file"),
        ({"p": "a", "x\r\ny": "1"}, "/x\r\ny"),
    ],
)
async def test_what_has_no_form_in_its_place_is_refused_and_nothing_is_sent(
    shared: Replica, peer: Upstream, arguments: dict[str, Any], field: str
) -> None:
    parameters = [
        {"argument": "p", "location": "path"},
        {"argument": "h", "location": "header"},
    ]
    body = {"format": "multipart", "parts": [{"argument": "file", "format": "file"}]}
    await shared.update(name="strict", http={"url": peer.url("/a/{p}/b"), "parameters": parameters, "body": body})
    before = len(peer.requests)
    refused = await refusal(shared.invoke("strict", arguments))
    assert (refused.reason, refused.fields, len(peer.requests)) == ("ARGUMENTS_INVALID", [field], before)


@pytest.mark.parametrize("body", [{"argument": "whole"}, {"format": "none"}])
async def test_an_argument_without_a_place_is_refused(shared: Replica, peer: Upstream, body: dict[str, str]) -> None:
    await shared.update(name="strict", http={"url": peer.url("/x"), "body": body})
    refused = await refusal(shared.invoke("strict", {"other": 1}))
    assert (refused.reason, refused.fields) == ("ARGUMENTS_INVALID", ["/other"])


async def test_null_is_as_if_it_were_not_there_where_the_schema_has_no_null(shared: Replica, peer: Upstream) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}, "c": {}}}
    arguments = {"a": None, "c": "x"}
    await sent(shared, peer, arguments, input_schema=schema)
    assert orjson.loads(peer.bodies[-1]) == {"c": "x"}
    recorded = (await shared.listed(tool_name="placed"))[0]
    assert python(recorded.input_params) == {"c": "x"}, "record, policy and request are one"
    await sent(shared, peer, {"b": None, "c": None}, input_schema=schema)
    assert orjson.loads(peer.bodies[-1]) == {"b": None, "c": None}
    required = {**schema, "required": ["a"]}
    await shared.update(name="placed", http={"url": peer.url("/x")}, input_schema=required)
    assert (await refusal(shared.invoke("placed", {"a": None}))).reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ({"parameters": [{"argument": "z", "location": "query"}]}, "parameters[0]"),
        ({"parameters": [{"argument": "a", "location": "query"}, {"argument": "a", "location": "header"}]}, "parameters[1]"),
        ({"parameters": [{"argument": "a", "location": "header", "name": "x-1"},
                         {"argument": "b", "location": "header", "name": "X-1"}]}, "parameters[1]"),
        ({"parameters": [{"argument": "a", "location": "header", "name": "Authorization"}],
          "headers": {"authorization": "x"}}, "parameters[0]"),
        ({"parameters": [{"argument": "a", "location": "header", "name": "Host"}]}, "parameters[0]"),
        ({"parameters": [{"argument": "a", "location": "header", "name": "a b"}]}, "parameters[0]"),
        ({"parameters": [{"argument": "a", "location": "path", "name": "nowhere"}]}, "parameters[0]"),
        ({"parameters": [{"argument": "a", "location": "path", "style": "form"}]}, "parameters[0]"),
        ({"parameters": [{"argument": "p", "location": "query"}]}, "parameters[0]"),
        ({"parameters": [{"argument": "a", "location": "cookie", "allow_reserved": True}]}, "parameters[0]"),
        ({"body": {"format": "text"}}, "body.argument"),
        ({"body": {"format": "none"}}, "body"),
        ({"body": {"argument": "a"}}, "body"),
        ({"body": {"argument": "p"}}, "body.argument"),
        ({"body": {"argument": "z"}}, "body.argument"),
        ({"body": {"format": "json", "parts": [{"argument": "a"}]}}, "body.parts"),
        ({"body": {"format": "form", "parts": [{"argument": "a", "format": "file"}]}}, "body.parts[0]"),
        ({"body": {"format": "form", "parts": [{"argument": "z"}]}}, "body.parts[0]"),
        ({"body": {"format": "multipart", "content_type": "multipart/form-data"}}, "body.content_type"),
    ],
)  # fmt: skip
async def test_what_could_never_be_sent_is_refused_when_the_tool_is_registered(
    shared: Replica, peer: Upstream, source: dict[str, Any], field: str
) -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}, "p": {}}}
    refused = await refusal(shared.create(name="never", http={"url": peer.url("/{p}"), **source}, input_schema=schema))
    assert refused.reason == "INVALID_REQUEST"
    assert f"tool.http.{field}" in refused.fields


async def test_a_tool_with_places_is_what_it_was_and_no_release_before_runs_it_otherwise(
    shared: Replica, peer: Upstream
) -> None:
    http = {
        "url": peer.url("/{p}"),
        "parameters": [
            {"argument": "p", "location": "path"},
            {"argument": "q", "location": "query", "style": "form", "explode": False},
        ],
        "body": {"format": "multipart", "parts": [{"argument": "f", "format": "file"}]},
    }
    await shared.update(name="whole", http=http)
    read = await shared.stub.GetTool(pb.GetToolRequest(name="whole"))
    again = await shared.stub.UpdateTool(pb.UpdateToolRequest(tool=read))
    assert (again.http, again.etag) == (read.http, read.etag)
    assert [each.style for each in read.http.parameters] == ["simple", "form"]
    url = shared.settings.database_url
    [row] = await query(url, "SELECT source, full_source FROM tools WHERE name = 'whole'")
    assert (row["source"], orjson.loads(row["full_source"])["url"]) == (None, peer.url("/{p}"))
    await shared.update(name="whole", http={"url": peer.url("/y")})
    [row] = await query(url, "SELECT source, full_source FROM tools WHERE name = 'whole'")
    assert (orjson.loads(row["source"]).keys(), row["full_source"]) == ({"url", "method", "headers"}, None)
