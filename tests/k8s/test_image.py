"""The image's recipe: what it copies exists, what it runs is there, nobody is root, and nothing is left to chance."""

import os
import re
import stat
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from servicekit import probe
from tests.k8s.render import ROOT
from tests.version import VERSION

ENTRYPOINT = ROOT / "k8s" / "image" / "entrypoint.sh"
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/__main__.py"))


def _instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, continued lines joined, comments dropped."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def _stages() -> dict[str, list[tuple[str, str]]]:
    stages: dict[str, list[tuple[str, str]]] = {}
    for word, rest in _instructions():
        if word == "FROM":
            current = stages.setdefault(rest.split(" AS ")[1], [])
            current.append((word, rest))
        elif stages:
            current.append((word, rest))
    return stages


def _last() -> dict[str, str]:
    return dict(list(_stages().values())[-1])


def _sources(rest: str) -> list[str]:
    parts = [part for part in rest.split() if not part.startswith("--")]
    return parts[:-1]


def test_the_base_is_slim_and_of_an_exact_version() -> None:
    (arg,) = [rest for word, rest in _instructions() if word == "ARG"]
    assert re.fullmatch(r"PYTHON=python:3\.13\.\d+-slim-\w+", arg)


@pytest.mark.promise("Q04")
def test_the_image_is_python_313_slim_and_serves_on_every_address_at_3333() -> None:
    last = _last()
    assert last["FROM"] == "${PYTHON} AS image"
    assert last["EXPOSE"] == "3333"
    assert "QMCP_HOST=0.0.0.0 QMCP_PORT=3333" in last["ENV"]
    assert last["CMD"] == '["system"]'


def test_everything_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for stage in _stages().values():
        for word, rest in stage:
            if word == "COPY" and "--from=" not in rest:
                for source in _sources(rest):
                    assert (ROOT / source).exists(), source
                    assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_nothing_else_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith(("#", "!"))) == "*"
    copied = [rest for stage in _stages().values() for word, rest in stage if word == "COPY" and "--from=" not in rest]
    sources = [source for rest in copied for source in _sources(rest)]
    for sent in (line[1:] for line in lines if line.startswith("!")):
        assert any(source == sent or source.startswith(f"{sent}/") for source in sources), sent


def test_the_wheel_has_all_that_it_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    folders = {name.split("/")[0] for name in wheel["packages"]}
    copied = {source for word, rest in _stages()["application"] if word == "COPY" for source in _sources(rest)}
    assert folders | {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]} <= copied


@pytest.mark.promise("M07", "P02")
def test_the_last_stage_runs_no_installer_and_has_no_compiler() -> None:
    stage = list(_stages().values())[-1]
    runs = [rest for word, rest in stage if word == "RUN"]
    assert not any(re.search(r"\b(apt|apt-get|pip|gcc|build-essential)\b", each) for each in runs)
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"\b(gcc|g\+\+|build-essential|apt-get)\b", text)


@pytest.mark.promise("M07", "P02")
def test_it_runs_as_the_numeric_user_that_kubernetes_expects() -> None:
    patch = (ROOT / "k8s" / "components" / "pod-security" / "deployment.yaml").read_text()
    user = re.search(r"runAsUser: (\d+)", patch)
    assert user is not None
    assert _last()["USER"] == f"{user[1]}:{user[1]}"
    assert int(user[1]) >= 10000


def test_every_package_that_is_installed_has_a_hash() -> None:
    for stage in _stages().values():
        for word, rest in stage:
            for command in re.split(r"&&|;", rest) if word == "RUN" else []:
                if re.search(r"pip .*install .*-r ", command):
                    assert "--require-hashes" in command
                    assert "--only-binary=:all:" in command


def _pins(file: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+==[^ \\]+)", (ROOT / file).read_text(), re.MULTILINE))


def test_the_image_has_the_versions_that_are_tested() -> None:
    (lock,) = [rest.split()[0] for word, rest in _stages()["packages"] if word == "COPY"]
    image = _pins(lock)
    assert image < _pins("requirements.lock")
    assert not any(name.startswith(("pytest", "mypy", "ruff")) for name in image)


@pytest.mark.parametrize(
    "file",
    [
        "requirements.lock",
        "requirements-run.lock",
        "requirements-uv.lock",
        "k8s/image/build.lock",
    ],
)
def test_locks_name_no_registry(file: str) -> None:
    assert not re.search(r"https?://|--index|--find-links", (ROOT / file).read_text())


def test_the_label_has_the_version_of_the_project() -> None:
    assert f'org.opencontainers.image.version="{VERSION}"' in _last()["LABEL"]


def test_the_entrypoint_can_be_run() -> None:
    assert ENTRYPOINT.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["sh", "-n", ENTRYPOINT], check=False).returncode == 0


def _enter(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the entrypoint with a `python` that prints how it was called, beside packages as the image has them."""
    fake = folder / "bin" / "python"
    fake.parent.mkdir()
    packages = folder / "lib" / "python3.13" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "services").symlink_to(ROOT / "services")
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{fake.parent}:{os.environ['PATH']}", **variables}
    return subprocess.run([ENTRYPOINT, *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "-m devstack serve --show-key"),
        (["system", "--port", "3400"], "-m devstack serve --show-key --port 3400"),
        (["health", "system"], "-m servicekit.probe http://127.0.0.1:3333/ready"),
        (["gateway"], "-m gateway.envoy"),
        (["mcp"], "-m gateway.mcp"),
        (["web"], "-m gateway.web"),
        *(([service], f"-m services.{service}") for service in SERVICES),
        ([SERVICES[0], "migrate", "--status"], f"-m services.{SERVICES[0]} migrate --status"),
        (["keys", "/keys"], "-m devstack.keys /keys"),
        (["health", "gateway"], "-m servicekit.probe http://127.0.0.1:3333/ready"),
        (["health", "web"], "-m servicekit.probe http://127.0.0.1:3380/docs"),
        (["health", "mcp"], "-m servicekit.probe http://127.0.0.1:3381/health"),
        *((["health", service], "-m servicekit.probe 127.0.0.1:50051") for service in SERVICES),
        (["health"], "-m servicekit.probe 127.0.0.1:50051"),
    ],
)
def test_the_argument_picks_what_runs(tmp_path: Path, arguments: list[str], expected: str) -> None:
    done = _enter(tmp_path, *arguments)
    assert (done.returncode, done.stdout.strip()) == (0, expected)
    module = expected.split()[1]
    assert find_spec(module) is not None, module


@pytest.mark.promise("M07")
def test_health_asks_where_the_settings_say(tmp_path: Path) -> None:
    done = _enter(tmp_path, "health", "any", QMCP_GRPC_PORT="6000")
    assert done.stdout.strip() == "-m servicekit.probe 127.0.0.1:6000"


@pytest.mark.parametrize("argument", ["tolls", "*", "..", f"{SERVICES[0]} {SERVICES[1]}", "__pycache__"])
def test_an_unknown_argument_is_told_what_there_is(tmp_path: Path, argument: str) -> None:
    done = _enter(tmp_path, argument)
    assert done.returncode == 64
    there = ", ".join((*SERVICES, "system", "gateway", "mcp", "web", "keys and health."))
    assert f"'{argument}' is nothing that this image runs; it runs {there}" in done.stderr


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()
        self.wfile.write(b"tools is down")

    def log_message(self, *_: object) -> None:
        pass


def test_the_probe_tells_whether_a_page_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert probe.main([f"{address}/well"]) == 0
        assert probe.main([f"{address}/ill"]) == 1
        server.shutdown()
    assert "does not serve: status 503: tools is down" in capsys.readouterr().err
    assert probe.main([f"{address}/well"]) == 1


def test_the_probe_tells_whether_a_grpc_service_serves(capsys: pytest.CaptureFixture[str]) -> None:
    servicer = health.HealthServicer()
    servicer.set("down", health_pb2.HealthCheckResponse.NOT_SERVING)
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        assert probe.main([f"127.0.0.1:{port}"]) == 0
        assert probe.main([f"127.0.0.1:{port}", "down"]) == 1
        assert "NOT_SERVING" in capsys.readouterr().err
        assert probe.main([f"127.0.0.1:{port}", "unknown"]) == 1
        assert "NOT_FOUND" in capsys.readouterr().err
    finally:
        server.stop(0).wait()
    done = subprocess.run(
        [sys.executable, "-m", "servicekit.probe", f"127.0.0.1:{port}", "--timeout", "1"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1
    assert "UNAVAILABLE" in done.stderr
