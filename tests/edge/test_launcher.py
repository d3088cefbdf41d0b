"""`python -m gateway.envoy`: it refuses plainly, stops without cutting calls off, and leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from devstack import ports, services
from tests.edge.conftest import ROOT, running_edge


def launch(**environment):
    paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client"))
    return subprocess.run(
        [sys.executable, "-m", "gateway.envoy"],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def calling(url):
    return subprocess.Popen(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", url], stdout=subprocess.PIPE, text=True
    )


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listening(pid):
    """The TCP ports on which a process takes connections."""
    opened = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        # It closes some while we look; what it listens on is not among them.
        with suppress(FileNotFoundError):
            opened.add(str(each.readlink()))
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    ]
    return {int(at[1].rpartition(":")[2], 16) for at in lines if at[3] == "0A" and f"socket:[{at[9]}]" in opened}


def gone(pid, seconds=5.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.promise("Q41")
@pytest.mark.parametrize("variable", ["QMCP_PORT", "QMCP_ENVOY_METRICS_PORT"])
def test_a_busy_port_is_told_in_a_sentence(variable):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = launch(**{"QMCP_PORT": str(ports.free()), variable: str(port)})
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_that_do_not_hold_are_told_in_a_sentence():
    ended = launch(QMCP_TOOLS_ADDRESS="nowhere")
    assert ended.returncode == 2
    assert "host:port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_beyond_loopback_it_wants_to_be_told_explicitly():
    ended = launch(QMCP_HOST="0.0.0.0", QMCP_PORT=str(ports.free()))
    assert ended.returncode == 1
    assert "QMCP_ALLOW_KEYLESS" in ended.stderr
    assert "QMCP_AUTH=on" in ended.stderr


def test_beyond_loopback_it_serves_where_callers_are_checked(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, host="0.0.0.0", auth="on", envoy_drain_seconds=0.1) as edge:
        assert httpx.get(f"{edge.url}/v1/tools").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_in_flight_ends_well_when_the_edge_is_stopped(tmp_path, upstreams, number):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=10) as edge:
        call = calling(f"{edge.url}/v1/tools/sleep/6:invoke")
        time.sleep(0.5)
        (envoy,) = children(edge.envoy.pid)
        edge.envoy.send_signal(number)
        while httpx.get(f"{edge.url}/ready").status_code != 503:
            assert call.poll() is None, "it drains before the call ends"
        draining = httpx.get(f"{edge.url}/v1/tools")
        assert draining.status_code == 200
        assert draining.headers["connection"] == "close"
        assert call.communicate()[0] == "200"
        assert edge.envoy.wait(60) == 0
        assert gone(envoy)


def test_a_stop_waits_no_longer_than_it_is_told(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=0.5) as edge:
        call = calling(f"{edge.url}/v1/tools/sleep/20:invoke")
        time.sleep(0.5)
        edge.envoy.terminate()
        assert edge.envoy.wait(60) == 0
        assert call.communicate()[0] == "000"


def test_killing_the_launcher_leaves_no_envoy_behind(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams) as edge:
        (envoy,) = children(edge.envoy.pid)
        edge.envoy.kill()
        edge.envoy.wait()
        assert gone(envoy)


def test_when_envoy_dies_the_launcher_says_so_by_its_status(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams) as edge:
        (envoy,) = children(edge.envoy.pid)
        os.kill(envoy, signal.SIGKILL)
        assert edge.envoy.wait(5) != 0


@pytest.mark.promise("Q11", "P25")
def test_each_request_leaves_one_line_of_json(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=1) as edge:
        httpx.post(
            f"{edge.url}/v1/tools/echo:invoke?", json={}, headers={"X-Request-ID": "line-1", "X-Correlation-ID": "c-1"}
        )
        httpx.get(f"{edge.url}/v1/nowhere?secret=1", headers={"X-Request-ID": 'quote" and \\'})
        edge.envoy.terminate()
        edge.envoy.wait(10)
        lines = [json.loads(line) for line in edge.log.read_text().splitlines() if line.startswith("{")]
    invoked = next(line for line in lines if line["request_id"] == "line-1")
    assert invoked["event"] == "request_completed"
    assert invoked["level"] == "info"
    assert invoked["correlation_id"] == "c-1"
    assert (invoked["method"], invoked["path"], invoked["status_code"]) == ("POST", "/v1/tools/echo:invoke", 200)
    assert invoked["rpc"] == "/qmcp.tools.v1.ToolsService/InvokeTool"
    assert invoked["duration_ms"] >= 0
    assert invoked["timestamp"].endswith("Z")
    refused = next(line for line in lines if line["request_id"].startswith("quote"))
    assert (refused["path"], refused["status_code"]) == ("/v1/nowhere", 404)
    assert "secret" not in json.dumps(lines)


def test_the_access_log_can_be_off(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, edge_access_log="false", envoy_drain_seconds=0.1) as edge:
        httpx.get(f"{edge.url}/v1/tools")
        edge.envoy.terminate()
        edge.envoy.wait(10)
        assert "request_completed" not in edge.log.read_text()


@pytest.fixture(scope="module")
def plain(tmp_path_factory, upstreams):
    """An edge that nobody has told anything, where the path of temporary files is a long one."""
    long = tmp_path_factory.mktemp("plain") / ("x" * 100)
    long.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(long))
        with running_edge(long.parent, upstreams, envoy_drain_seconds=0.1) as edge:
            yield edge


def test_nobody_but_our_user_gives_envoy_orders(plain):
    assert stat.S_IMODE(plain.admin_socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(plain.admin_socket.parent.stat().st_mode) == 0o700
    (envoy,) = children(plain.envoy.pid)
    assert listening(envoy) == {plain.port}


def test_a_long_path_of_temporary_files_is_no_obstacle(plain):
    assert plain.stat("server.live") == 1


def test_envoys_own_figures_are_had_where_asked_for_and_only_they(tmp_path, upstreams):
    port = ports.free()
    with running_edge(tmp_path, upstreams, envoy_metrics_port=port, envoy_drain_seconds=0.1) as edge:
        httpx.post(f"{edge.url}/v1/tools/echo:invoke", json={})
        page = httpx.get(f"http://127.0.0.1:{port}/metrics")
        assert page.status_code == 200
        assert 'grpc_service="qmcp.tools.v1.ToolsService"' in page.text
        assert 'grpc_method="InvokeTool"' in page.text
        assert httpx.get(f"http://127.0.0.1:{port}/config_dump").status_code == 404
        assert httpx.get(f"{edge.url}/stats").status_code == 404


def test_a_replica_that_is_not_ready_is_known_within_seconds(plain):
    httpx.post(f"{plain.url}/v1/tools/health/NOT_SERVING:invoke", json={})
    try:
        until = time.monotonic() + 8
        while plain.stat("cluster.tools.membership_healthy") and time.monotonic() < until:
            time.sleep(0.1)
        assert plain.stat("cluster.tools.membership_healthy") == 0
        health = httpx.get(f"{plain.url}/health")
        assert (health.status_code, health.json()["services"]) == (
            503,
            {service.name: "NOT_SERVING" for service in services.found()},
        )
        # The only replica there is gets the calls nevertheless: its own error says more than the edge could.
        assert httpx.get(f"{plain.url}/v1/tools").status_code == 200
    finally:
        # Other edges have it too.
        httpx.post(f"{plain.url}/v1/tools/health/SERVING:invoke", json={})
