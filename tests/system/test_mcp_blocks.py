"""What HTTP tools answer that is no JSON, as clients of MCP get it: blocks of the protocol, and never other bytes."""

import base64
from typing import Any

import httpx
import pytest

from tests.stack import Stack
from tests.system.mcp_clients import REVISIONS, connected, issued
from tests.upstream import Upstream, upstream

GUARD_SECONDS = 60
# None of them is text in any charset.
BYTES = bytes(range(256))
FILES = {
    "/image": ("Image/PNG", BYTES),
    "/audio": ("audio/wav; rate=8000", BYTES),
    "/bytes": ("application/pdf", BYTES),
    "/unnamed": ("application/octet-stream", b"\x00"),
    "/drawing": ("image/svg+xml", b"<svg/>"),
    "/text": ("text/csv; charset=iso-8859-1", "gr\u00fc\u00df;1".encode("latin-1")),
    "/lines": ("application/x-ndjson", b'{"a": 1}\n{"a": 2}\n'),
    "/nothing": ("", b""),
    "/wrong": ("application/json", b"{not JSON"),
    "/not-text": ("text/plain; charset=utf-8", b"\xff\xfe\x00"),
}


def block(content: Any) -> dict[str, Any]:
    return dict(content.model_dump(mode="json", by_alias=True, exclude_none=True))


def named(path: str) -> str:
    return f"mcp-blocks{path.replace('/', '.')}"


def registered(stack: Stack, service: Upstream) -> str:
    """A tool for each file; gives the key of an agent."""
    headers = {"x-api-key": stack.admin_key}
    with httpx.Client(base_url=stack.edge_url, timeout=GUARD_SECONDS, headers=headers) as http:
        for path in FILES:
            tool = {"http": {"method": "GET", "url": service.url.removesuffix("/") + path}}
            http.put(f"/v1/tools/{named(path)}", json=tool).raise_for_status()
        return str(issued(http, "agent")["api_key"])


@pytest.mark.parametrize("revision", REVISIONS)
async def test_binary_answers_are_images_sounds_and_resources_and_all_else_is_text_that_lost_nothing(
    revision: str, guarded: Stack
) -> None:
    with upstream() as service:
        service.files |= FILES
        async with connected(guarded, registered(guarded, service), revision) as client:
            found = {path: await client.call_tool(named(path), {}) for path in FILES}
    assert not any(each.is_error for each in found.values())
    blocks = {path: [block(each) for each in made.content] for path, made in found.items()}
    encoded = base64.b64encode(BYTES).decode()
    assert blocks["/image"] == [{"type": "image", "data": encoded, "mimeType": "image/png"}]
    assert blocks["/audio"] == [{"type": "audio", "data": encoded, "mimeType": "audio/wav"}]
    for path in ("/bytes", "/unnamed"):
        kind, content = FILES[path]
        uri = f"qmcp://invocations/{(found[path].meta or {})['qmcp/invocation_id']}"
        resource = {"uri": uri, "mimeType": kind, "blob": base64.b64encode(content).decode()}
        assert blocks[path] == [{"type": "resource", "resource": resource}]
    texts = {path: [each["text"] for each in found] for path, found in blocks.items() if found[0]["type"] == "text"}
    assert texts["/drawing"] == ["<svg/>"]
    assert texts["/text"] == ["gr\u00fc\u00df;1"]
    assert texts["/lines"] == ['[{"a": 1}, {"a": 2}]']
    assert texts["/nothing"] == ["null"]
    # Its label was wrong, which is told beside it.
    told, why = texts["/wrong"]
    assert (told, "says that it is JSON and is not" in why) == ("{not JSON", True)
    resource, why = blocks["/not-text"]
    assert resource["resource"]["blob"] == base64.b64encode(FILES["/not-text"][1]).decode()
    assert "charset" in why["text"] or "utf-8" in why["text"]
