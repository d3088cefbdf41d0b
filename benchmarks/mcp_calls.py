"""tools/call of `echo` over MCP through Envoy, with key check and durable audit, against servers that have neither."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg

from benchmarks import load
from benchmarks.measuring import Contender, Plan, measure
from benchmarks.peers import serving
from benchmarks.peers.environments import PeerMissingError, version_of
from benchmarks.processes import accepts, cpu_seconds, python, running, wait_until
from benchmarks.report import Row, Section, figures_table, ratio
from benchmarks.systems import MESSAGE
from devstack import ports, postgres

OURS, SDK, FASTMCP = "qmcp tools/call through Envoy", "official SDK, bare", "FastMCP, bare"
REVISION = "2026-07-28"
# What of the system has to do with a call.
PROCESSES = ("mcp", "tools", "envoy", "postgres", "access")
META = "io.modelcontextprotocol/"
CALL = {"name": "echo", "arguments": {"message": MESSAGE}}
ENVELOPE = {
    f"{META}protocolVersion": REVISION,
    f"{META}clientInfo": {"name": "bench", "version": "1"},
    f"{META}clientCapabilities": {},
}
BODY = json.dumps({**serving.TOOLS_CALL, "params": {**CALL, "_meta": ENVELOPE}})
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": REVISION,
    "Mcp-Method": "tools/call",
    "Mcp-Name": "echo",
}


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("MCP `tools/call` of `echo`, key checked, intent and outcome durable, against bare servers")
    with ExitStack() as started:
        contenders = [started.enter_context(_system(folder))]
        for name, start in ((SDK, _sdk), (FASTMCP, serving.fastmcp)):
            try:
                peer = started.enter_context(start(folder))
            except (PeerMissingError, RuntimeError, OSError, subprocess.CalledProcessError) as error:
                section.notes.append(f"{name} is left out: {error}")
                continue
            contenders.append(_contender(name, peer))
        section.notes.append(version_of("fastmcp"))
        figures = measure(contenders, plan)
    section.table = figures_table(figures.values())
    most = max(plan.in_flight)
    section.rows = [
        Row(f"{OURS} against {peer.name}, {most} in flight", "", ratio(figures, OURS, peer.name, most))
        for peer in contenders[1:]
    ]
    return section


def _contender(name: str, peer: serving.Peer) -> Contender:
    answer = serving.post(peer.url, peer.body, peer.headers)
    if MESSAGE not in answer:
        raise RuntimeError(f"{name} does not echo: {answer[:300]}")
    return Contender(
        name,
        lambda in_flight, seconds: load.http(peer.url, peer.body, in_flight, seconds, peer.headers),
        lambda: {"server": cpu_seconds(peer.pids)},
    )


@contextmanager
def _sdk(folder: Path) -> Iterator[serving.Peer]:
    """See peers/sdk_echo.py."""
    port, log = ports.free(), folder / "sdk.log"
    with running(python(str(serving.PEERS / "sdk_echo.py"), str(port)), log) as pid:
        wait_until(lambda: accepts(port), pid, log)
        yield serving.Peer(f"http://127.0.0.1:{port}/mcp", BODY, (pid,), HEADERS)


@contextmanager
def _system(folder: Path) -> Iterator[Contender]:
    """The whole system as `make run` starts it, with auth on."""
    home, port, log = folder / "home", ports.free(), folder / "system.log"
    environment = {"QMCP_HOME": str(home), "QMCP_PORT": str(port), "QMCP_AUTH": "on", "QMCP_LOG_LEVEL": "WARNING"}
    described = home / "running.json"
    with running(python("-m", "devstack", "serve"), log, environment) as pid:
        wait_until(lambda: "QMCP stands" in log.read_text(), pid, log)
        told = json.loads(described.read_text())
        key = (home / "admin-key").read_text().strip()
        headers = HEADERS | {"X-API-Key": key}
        url = f"http://127.0.0.1:{port}/mcp"
        if MESSAGE not in (answer := serving.post(url, BODY, headers)):
            raise RuntimeError(f"The system does not echo: {answer[:300]}")
        password = (home / "postgres" / "password").read_text().strip()
        host = told["database_server"].rpartition("@")[2].partition("/")[0]
        database = f"postgresql://{postgres.USER}:{password}@{host}/qmcp_tools"
        yield Contender(
            OURS,
            lambda in_flight, seconds: load.http(url, BODY, in_flight, seconds, headers),
            lambda: {name: cpu_seconds([told["processes"][name]]) for name in PROCESSES},
            lambda: asyncio.run(_count(database)),
        )


async def _count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM outcomes"))
    finally:
        await connection.close()
