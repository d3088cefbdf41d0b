"""The main job, start to end: tools of one's own through every door, the record, its proof, a forgery, a restart."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncpg
import grpc
import httpx
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from qmcp.client import Client

from tests.stack import Stack, running_stack


class Weather(BaseHTTPRequestHandler):
    """A weather service: answers with the city, and with the correlation id that came along."""

    def do_GET(self) -> None:
        answer = {"city": self.path.split("/")[-1], "told": self.headers["x-correlation-id"]}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def weather() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Weather)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/cities/{{city}}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def greeter() -> Iterator[str]:
    """Any gRPC server with reflection will do; this one tells its health."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    servicer.set("greeter", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def command(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = [str(Path(sys.executable).parent / "qmcp"), *arguments]
    return subprocess.run(
        program, check=False, env={**stack.env, "QMCP_URL": stack.edge_url}, capture_output=True, text=True, timeout=60
    )


async def forge(stack: Stack, invocation_id: str) -> None:
    """What somebody with the database's password might do."""
    connection = await asyncpg.connect(stack.database_url("tools"))
    await connection.execute(
        """UPDATE outcomes SET result = '{"city": "Rome"}' WHERE invocation_id = $1""", invocation_id
    )
    await connection.close()


def test_tools_run_through_every_door_and_a_forged_row_is_named_after_a_restart_too(
    tmp_path: Path, weather: str, greeter: str
) -> None:
    with running_stack(tmp_path / "home", QMCP_TOOLS_ALLOWED_NETWORKS="127.0.0.0/8") as stack:
        with httpx.Client(base_url=stack.edge_url, timeout=30) as http:
            schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
            definition = {"description": "Weather", "input_schema": schema, "http": {"method": "GET", "url": weather}}
            assert http.put("/v1/tools/weather", json=definition).status_code == 201
            method = {"target": greeter, "method": "grpc.health.v1.Health/Check"}
            registered = http.put("/v1/tools/health", json={"description": "Health", "grpc": method})
            assert registered.json()["input_schema"]["properties"]["service"] == {"type": "string"}

            # Over HTTP, with a correlation id that the tool's server hears as well.
            answer = http.post(
                "/v1/tools/weather", json={"input": {"city": "Paris"}}, headers={"X-Correlation-ID": "trip"}
            )
            assert answer.json()["result"] == {"city": "Paris", "told": "trip"}
            forged_id = answer.json()["invocation_id"]
        # Over gRPC, and from the command line.
        with Client(stack.edge_url) as client:
            checked = client.invoke_tool("health", {"service": "greeter"}, correlation_id="trip")
            assert checked.result == {"status": "SERVING"}
        assert command(stack, "tools", "invoke", "echo", "message=hello").stdout.strip() == "hello"

        with Client(stack.edge_url) as client:
            found = [invocation.tool_name for invocation in client.list_invocations(correlation_id="trip")]
        assert sorted(found) == ["health", "weather"]
        assert command(stack, "receipts", "verify").returncode == 0

        asyncio.run(forge(stack, forged_id))
        verified = command(stack, "receipts", "verify")
        assert verified.returncode == 1
        assert forged_id in verified.stdout + verified.stderr

        stack.stop()
        stack.start()
        with Client(stack.edge_url) as client:
            assert {tool.name for tool in client.list_tools()} >= {"weather", "health", "echo"}
            assert client.verify_receipts().faults[0].invocation_id == forged_id
            assert client.invoke_tool("weather", {"city": "Oslo"}).result["city"] == "Oslo"
