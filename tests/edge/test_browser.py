"""A real browser on a page of another site, where nothing checks who calls."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest

from tests.edge.conftest import running_edge

CHROMIUM = shutil.which("chromium")
# The edge as EDGE: a fetch that asks for no leave, one that asks, a form, an image, a frame.
PAGE = """<!doctype html><iframe name="frame"></iframe><iframe src="EDGE/docs"></iframe><img src="EDGE/metrics">
<form id="form" method="post" enctype="text/plain" target="frame" action="EDGE/v1/tools/echo:invoke"><input name="a" value="b"></form>
<script>
const key = new Blob(['{"owner":"w","roles":["admin"]}']);
const told = [
  fetch("EDGE/v1/keys", {method: "POST", mode: "no-cors", body: key}),
  fetch("EDGE/v1/tools/echo:invoke", {method: "POST", mode: "no-cors"}),
  fetch("EDGE/v1/tools/echo:invoke", {method: "POST", headers: {"content-type": "application/json"}, body: "{}"}),
  fetch("EDGE/v1/tools", {mode: "no-cors"}),
];
document.getElementById("form").submit();
Promise.allSettled(told).then(all => document.title = "asked " + all.length);
</script>"""


@contextmanager
def site(folder):
    """Another site on this machine; yields its port."""
    served = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def dom(url, profile):
    line = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    line += [f"--user-data-dir={profile}", "--host-resolver-rules=MAP *.example 127.0.0.1", "--timeout=8000"]
    return subprocess.run([*line, "--dump-dom", url], capture_output=True, text=True, timeout=90, check=True).stdout


def requests(edge):
    """What the edge's log tells of the browser's requests; the edge ends, so that all of it is there."""
    edge.envoy.terminate()
    edge.envoy.wait(30)
    lines = [json.loads(line) for line in edge.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "Chrome" in (line.get("user_agent") or "")]


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed here")
@pytest.mark.parametrize("edge_name", ["127.0.0.1", "localhost"])
def test_nothing_that_a_page_of_another_site_sends_is_done(tmp_path, upstreams, edge_name):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=0.1) as edge, site(tmp_path) as port:
        (tmp_path / "page.html").write_text(PAGE.replace("EDGE", f"http://{edge_name}:{edge.port}"))
        shown = dom(f"http://localhost:{port}/page.html", tmp_path / "profile")
        assert "<title>asked 4</title>" in shown
        asked = requests(edge)
        assert {line["path"] for line in asked} >= {
            "/v1/keys",
            "/v1/tools/echo:invoke",
            "/v1/tools",
            "/metrics",
            "/docs",
        }
        assert {(line["status_code"], line.get("upstream")) for line in asked} == {(403, None)}, asked


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed here")
def test_a_name_of_another_site_that_leads_to_this_machine_reads_nothing(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=0.1) as edge:
        assert "HOST_NOT_ALLOWED" in dom(f"http://evil.example:{edge.port}/v1/tools", tmp_path / "profile")
        assert '"tools"' in dom(f"http://qmcp.localhost:{edge.port}/v1/tools", tmp_path / "profile")
