"""The main job: tools of one's own through every door, the record and its proof."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from qmcp.client import Client

from tests.stack import Stack


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
    environment = {**stack.env, "QMCP_URL": stack.edge_url, "QMCP_API_KEY": stack.admin_key}
    return subprocess.run(program, check=False, env=environment, capture_output=True, text=True, timeout=60)


def test_tools_run_through_every_door_and_are_on_one_record(guarded: Stack, weather: str, greeter: str) -> None:
    with httpx.Client(base_url=guarded.edge_url, timeout=60, headers={"x-api-key": guarded.admin_key}) as http:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        definition = {"description": "Weather", "input_schema": schema, "http": {"method": "GET", "url": weather}}
        assert http.put("/v1/tools/weather", json=definition).status_code == 201
        method = {"target": greeter, "method": "grpc.health.v1.Health/Check"}
        registered = http.put("/v1/tools/health", json={"description": "Health", "grpc": method})
        assert registered.json()["input_schema"]["properties"]["service"] == {"type": "string"}

        # Over HTTP, with a correlation id that the tool's server hears as well.
        answer = http.post("/v1/tools/weather", json={"input": {"city": "Paris"}}, headers={"X-Correlation-ID": "trip"})
        assert answer.json()["result"] == {"city": "Paris", "told": "trip"}
    # Over gRPC, and from the command line.
    with Client(guarded.edge_url, api_key=guarded.admin_key) as client:
        checked = client.invoke_tool("health", {"service": "greeter"}, correlation_id="trip")
        assert checked.result == {"status": "SERVING"}
        invoked = command(guarded, "tools", "invoke", "echo", "message=hello", "--correlation-id", "trip")
        assert invoked.stdout.strip() == "hello"
        found = [invocation.tool_name for invocation in client.list_invocations(correlation_id="trip")]
    assert sorted(found) == ["echo", "health", "weather"]
    assert command(guarded, "receipts", "verify").returncode == 0
