"""Starts the peers, and says what a call of `echo` looks like to each."""

import json
import os
import secrets
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.environments import python_of
from benchmarks.processes import ROOT, accepts, running, wait_until
from benchmarks.systems import MESSAGE
from devstack import ports

PEERS = ROOT / "benchmarks" / "peers"
TOOLS_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that answers POSTs."""

    url: str
    body: str
    pids: tuple[int, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    # Where it records its calls, if it does.
    database: Path | None = None

    def rows(self) -> int:
        """How many calls are on record."""
        assert self.database is not None
        with sqlite3.connect(self.database) as connection:
            counted: int = connection.execute(
                "SELECT count(*) FROM tool_invocations WHERE status = 'success'"
            ).fetchone()[0]
        return counted


@contextmanager
def original(folder: Path) -> Iterator[Peer]:
    """See peers/original.py."""
    python, port, log = python_of("original"), ports.free(), folder / "original.log"
    database = folder / "original.db"
    with running([str(python), str(PEERS / "original.py"), str(database), str(port)], log) as pid:
        wait_until(lambda: accepts(port), pid, log)
        body = json.dumps({"input": {"message": MESSAGE}})
        yield Peer(f"http://127.0.0.1:{port}/v1/tools/echo", body, (pid,), database=database)


@contextmanager
def original_metrics(folder: Path) -> Iterator[Peer]:
    """See peers/original_metrics.py."""
    python, port, log = python_of("original"), ports.free(), folder / "original_metrics.log"
    database = str(folder / "original_metrics.db")
    with running([str(python), str(PEERS / "original_metrics.py"), database, str(port)], log) as pid:
        wait_until(lambda: accepts(port), pid, log)
        yield Peer(f"http://127.0.0.1:{port}/metrics", "", (pid,))


@contextmanager
def fastmcp(folder: Path) -> Iterator[Peer]:
    """See peers/fastmcp_echo.py."""
    python, port, log = python_of("fastmcp"), ports.free(), folder / "fastmcp.log"
    with running([str(python), str(PEERS / "fastmcp_echo.py"), str(port)], log) as pid:
        wait_until(lambda: accepts(port), pid, log)
        body = json.dumps({**TOOLS_CALL, "params": {"name": "echo", "arguments": {"message": MESSAGE}}})
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
        yield Peer(f"http://127.0.0.1:{port}/mcp", body, (pid,), headers)


@contextmanager
def contextforge(folder: Path) -> Iterator[Peer]:
    """The gateway with one worker and SQLite, its rate limit out of the way, in front of peers/rest_echo.py."""
    python, log = python_of("contextforge"), folder / "contextforge.log"
    port, tool_port = ports.free(), ports.free()
    secret = secrets.token_urlsafe(32)
    environment = {
        # It leaves lock files behind.
        "TMPDIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'contextforge.db'}",
        "AUTH_REQUIRED": "false",
        "AUTH_ENCRYPTION_SECRET": secret,
        "JWT_SECRET_KEY": secret,
        "PLATFORM_ADMIN_EMAIL": "admin@example.com",
        "PLATFORM_ADMIN_PASSWORD": secret,
        "BASIC_AUTH_PASSWORD": secret,
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "TOOL_RATE_LIMIT": "100000000",
        "LOG_LEVEL": "ERROR",
        "MCPGATEWAY_UI_ENABLED": "false",
    }
    serve = [str(python), "-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--port"]
    with (
        running([*serve, str(tool_port), "--app-dir", str(PEERS), "rest_echo:app"], log) as tool,
        running([*serve, str(port), "mcpgateway.main:app"], log, environment, folder=folder) as gateway,
    ):
        wait_until(lambda: accepts(port) and accepts(tool_port), gateway, log)
        make_token = [str(python), "-m", "mcpgateway.utils.create_jwt_token", "--username", "admin@example.com"]
        made = subprocess.run(
            [*make_token, "--exp", "60", "--secret", secret],
            env={**os.environ, **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        headers = {"Authorization": f"Bearer {made.stdout.split()[-1]}"}
        registration = {
            "name": "echo",
            "url": f"http://127.0.0.1:{tool_port}/",
            "integration_type": "REST",
            "request_type": "POST",
            "visibility": "public",
            "input_schema": {"type": "object", "properties": {"message": {"type": "string"}}},
        }
        post(f"http://127.0.0.1:{port}/tools", json.dumps({"tool": registration}), headers)
        body = json.dumps({**TOOLS_CALL, "params": {"name": "echo", "arguments": {"message": MESSAGE}}})
        yield Peer(f"http://127.0.0.1:{port}/rpc", body, (gateway, tool), headers)


def post(url: str, body: str, headers: Mapping[str, str]) -> str:
    """The answer to one POST.

    Raises:
        OSError: when there is none, or the status is an error.
    """
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json", **headers})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        text: str = answer.read().decode()
        return text
