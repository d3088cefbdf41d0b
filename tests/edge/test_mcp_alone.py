"""The MCP endpoint while nothing behind it answers: who asks is told so, and nobody is taken for somebody."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.server.request_state import InvalidRequestState
from prometheus_client import CollectorRegistry

from devstack import ports
from gateway import services
from gateway.mcp import sessions
from gateway.mcp.app import application
from gateway.mcp.request_state import request_state
from gateway.settings import McpSettings
from tests.stack import ROOT
from tests.system.mcp_requests import request

ACCEPT = {"accept": "application/json, text/event-stream", "x-api-key": "qmcp_x"}
INFORMATION = {"name": "test", "version": "1"}
OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFORMATION},
}
GUARD_SECONDS = 60


async def asked(http: httpx.AsyncClient, method: str, **params: object) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = await http.post("/mcp", json=message, headers=ACCEPT)
    assert answer.status_code == 200, answer.text
    (data,) = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return dict(json.loads(data))


async def test_lists_are_refused_and_calls_are_for_the_services_to_judge_while_access_is_away() -> None:
    away = {name: f"127.0.0.1:{ports.free()}" for name in services.names()}
    registry = CollectorRegistry()
    app = application(McpSettings(auth="on", service_addresses=away), registry)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
        assert (await http.get("/health")).status_code == 200
        # No issuer is configured, so there is none to name.
        assert (await http.get("/.well-known/oauth-protected-resource/mcp")).status_code == 404
        listed = await asked(http, "tools/list")
        assert listed["error"]["code"] == -32603
        for name in ("echo", "query_costs"):
            called = (await asked(http, "tools/call", name=name, arguments={}))["result"]
            assert (called["isError"], called["_meta"]["qmcp/error"]["code"]) == (True, "UNAVAILABLE")
    counted = {
        (sample.labels["method"], sample.labels["outcome"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "qmcp_mcp_requests_total"
    }
    assert counted == {("tools/list", "refused"): 1, ("tools/call", "tool_error"): 2}


async def test_who_has_as_many_sessions_as_one_may_have_is_served_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_OF_ONE", 2)
    app = application(McpSettings(), CollectorRegistry())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://edge") as http:

        async def opened() -> str:
            answer = await http.post("/mcp", json=OPENING, headers=ACCEPT)
            assert answer.status_code == 200
            return str(answer.headers.get("mcp-session-id", ""))

        first, second, third = await opened(), await opened(), await opened()
        assert (bool(first), bool(second), bool(third)) == (True, True, False)
        await http.delete("/mcp", headers=ACCEPT | {"mcp-session-id": first})
        assert await opened()


def test_a_stop_ends_the_streams_that_clients_hold_open() -> None:
    """It would wait for them as for calls in flight."""
    port = ports.free()
    settings = {"PORT": port, "METRICS_PORT": ports.free(), "SHUTDOWN_GRACE_SECONDS": 3600}
    environment = {**os.environ, **{f"QMCP_MCP_{name}": str(value) for name, value in settings.items()}}
    process = subprocess.Popen([sys.executable, "-m", "gateway.mcp"], env=environment, cwd=ROOT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=GUARD_SECONDS, headers=ACCEPT) as http:
            until = time.monotonic() + GUARD_SECONDS
            while not _is_there(http):
                assert time.monotonic() < until
                time.sleep(0.05)
            message, headers = request("", "subscriptions/listen", {}, notifications={"promptsListChanged": True})
            session = {"mcp-session-id": http.post("/mcp", json=OPENING).headers["mcp-session-id"]}
            with (
                http.stream("POST", "/mcp", json=message, headers=headers) as listened,
                http.stream("GET", "/mcp", headers=session) as stream,
            ):
                acknowledged = listened.iter_lines()
                assert any("acknowledged" in line for line in acknowledged)
                process.send_signal(signal.SIGTERM)
                assert any('"result"' in line for line in acknowledged)
                assert not any(line.startswith("data: {") for line in stream.iter_lines())
            # uvicorn ends by the signal that it was sent.
            assert process.wait(GUARD_SECONDS) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def _is_there(http: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return http.get("/health").is_success
    return False


def test_what_seals_is_made_once_is_for_its_owner_alone_and_need_not_be_kept(tmp_path: Path) -> None:
    file = tmp_path / "made" / "state-key"
    sealed = request_state(file).codec.seal(b"said")
    # Another replica, or the same after a restart.
    assert request_state(file).codec.unseal(sealed) == b"said"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    (tmp_path / "file").touch()
    for own in (tmp_path / "file" / "state-key", None):
        with pytest.raises(InvalidRequestState):
            request_state(own).codec.unseal(sealed)
