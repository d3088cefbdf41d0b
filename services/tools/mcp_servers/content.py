"""What a tool of an MCP server answered, as a result: nothing of it is left out, and what is simple stays simple."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from services.tools.catalogue.http_tools import UpstreamError
from services.tools.models import Json, Output

# What the protocol itself writes beside a result.
PROTOCOL = "io.modelcontextprotocol/"
PLAIN_TEXT, PLAIN_BYTES = {"type", "text"}, {"type", "data", "mimeType"}


def output_of(result: Mapping[str, Any]) -> Output:
    """The result of a `tools/call`, a document of the wire.

    Raises:
        UpstreamError: the tool says that it has failed, or wants to be answered first.
    """
    if result.get("resultType", "complete") != "complete":
        raise UpstreamError("The tool asks for more input before it runs, which nobody here can give.")
    content = result.get("content") or []
    if result.get("isError"):
        raise UpstreamError(_text(content) or _text_of(result.get("structuredContent")) or "The tool failed.")
    meta = {name: value for name, value in (result.get("_meta") or {}).items() if not name.startswith(PROTOCOL)}
    if "structuredContent" in result:
        structured = result["structuredContent"]
        if not meta and _says_the_same(content, structured):
            return Output(structured)
        whole = {"structured_content": structured, "content": content, **({"_meta": meta} if meta else {})}
        return Output(whole, judged=(structured,))
    if meta:
        return Output({"content": content, "_meta": meta})
    match content:
        case []:
            return Output(None)
        case [block]:
            simple = _simple(block)
            return Output({"content": content}) if simple is None else Output(simple)
    return Output({"content": content})


def _simple(block: Mapping[str, Any]) -> Json:
    """Of a block that holds text or bytes and says no more, these; None of others."""
    if block.keys() == PLAIN_TEXT and block["type"] == "text":
        return block["text"]
    if block.keys() == PLAIN_BYTES and block["type"] in {"image", "audio"} and _is_base64(block["data"]):
        return {"base64": block["data"], "content_type": block["mimeType"]}
    return None


def _is_base64(data: Any) -> bool:
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return False
    return True


def _says_the_same(content: list[Mapping[str, Any]], structured: Json) -> bool:
    """Whether the blocks only repeat the structured content for those who read text, as the protocol wants it."""
    if any(block.keys() != PLAIN_TEXT for block in content):
        return False
    texts = [block["text"] for block in content]
    if not texts or (len(texts) == 1 and _is_text_of(texts[0], structured)):
        return True
    # The official SDK wraps what is no object, and writes a block for each item of a list.
    if not isinstance(structured, dict) or structured.keys() != {"result"}:
        return False
    value = structured["result"]
    items = value if isinstance(value, list) else [value]
    return len(items) == len(texts) and all(map(_is_text_of, texts, items))


def _is_text_of(text: str, value: Json) -> bool:
    if text == value:
        return True
    try:
        return bool(json.loads(text) == value)
    except (ValueError, RecursionError):
        return False


def _text(content: list[Mapping[str, Any]]) -> str:
    return "\n".join(block["text"] for block in content if isinstance(block.get("text"), str))


def _text_of(value: Json) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
