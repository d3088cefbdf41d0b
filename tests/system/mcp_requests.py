"""Requests of MCP's revision 2026-07-28 as a client without an SDK sends them, which can do what it says."""

import json
from typing import Any

import httpx

REVISION = "2026-07-28"
TASKS: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
FORMS: dict[str, Any] = {"elicitation": {}}
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
META = "io.modelcontextprotocol/"


def request(key: str, method: str, can: dict[str, Any], **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The message, which wants to hear what happens to it, and the headers of a request of the holder of this key."""
    envelope = {
        f"{META}protocolVersion": REVISION,
        f"{META}clientInfo": {"name": "test", "version": "1"},
        f"{META}clientCapabilities": can,
        f"{META}logLevel": "info",
    }
    headers = {
        "x-api-key": key,
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": method,
    }
    if name := params.get(NAMED_BY.get(method, "taskId")):
        headers["mcp-name"] = name
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": envelope}}, headers


def ask(http: httpx.Client, key: str, method: str, can: dict[str, Any], **params: Any) -> dict[str, Any]:
    """The JSON-RPC message with the answer."""
    message, headers = request(key, method, can, **params)
    answer = http.post("/mcp", json=message, headers=headers)
    if answer.headers["content-type"].startswith("text/event-stream"):
        *_, last = (line for line in answer.text.splitlines() if line.startswith("data: "))
        return dict(json.loads(last.removeprefix("data: ")))
    return dict(answer.json())


def result(http: httpx.Client, key: str, method: str, can: dict[str, Any], **params: Any) -> dict[str, Any]:
    """What was answered where nothing was refused."""
    answer = ask(http, key, method, can, **params)
    assert "result" in answer, answer
    return dict(answer["result"])


def code(http: httpx.Client, key: str, method: str, can: dict[str, Any], **params: Any) -> int:
    """As what it was refused."""
    answer = ask(http, key, method, can, **params)
    assert "error" in answer, answer
    return int(answer["error"]["code"])
