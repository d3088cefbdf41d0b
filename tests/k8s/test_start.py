"""The image's entrypoint starts the tools service with the environment of the manifests, and its probes tell the truth."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from devstack import ports
from servicekit.identity import credentials
from tests.k8s.objects import System, environment, main
from tests.k8s.render import ROOT, overlay
from tests.k8s.test_image import ENTRYPOINT

STARTS_WITHIN = 20.0
SYSTEM_STARTS_WITHIN = 120.0


def _image(folder: Path) -> Path:
    """The folder of a `python` that is the one of this test, beside packages as the image has them."""
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    packages = folder / "lib" / "python3.13" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "services").symlink_to(ROOT / "services")
    return python.parent


@pytest.mark.promise("Q04", "M01", "M07")
def test_without_an_argument_it_is_the_whole_system_and_the_first_start_shows_the_key_once(tmp_path: Path) -> None:
    port = str(ports.free())
    environment = {
        "PATH": f"{_image(tmp_path)}:{os.environ['PATH']}",
        "PYTHONPATH": ":".join(map(str, (ROOT, ROOT / "gen", ROOT / "client"))),
        "HOME": str(tmp_path),
        "QMCP_HOME": str(tmp_path / "home"),
        "QMCP_HOST": "0.0.0.0",
        "QMCP_PORT": port,
    }
    url, log = f"http://127.0.0.1:{port}", tmp_path / "log"
    shown = []
    for _ in range(2):
        with log.open("wb") as output:
            process = subprocess.Popen([ENTRYPOINT], env=environment, cwd=tmp_path, stdout=output, stderr=output)
        try:
            until = time.monotonic() + SYSTEM_STARTS_WITHIN
            while "QMCP stands" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            words = next(line for line in log.read_text().splitlines() if "QMCP stands" in line)
            shown.append(re.findall(r"qmcp_\S+", words))
            key = (tmp_path / "home" / "admin-key").read_text().strip()
            body = {"input": {"message": "hello"}}
            assert httpx.post(f"{url}/v1/tools/echo", json=body).status_code == 401
            answer = httpx.post(f"{url}/v1/tools/echo", json=body, headers={"X-API-Key": key})
            assert (answer.status_code, answer.json()["result"]) == (200, "hello")
            assert subprocess.run([ENTRYPOINT, "health", "system"], env=environment, check=False).returncode == 0
        finally:
            process.terminate()
            process.wait(60)
    assert shown[0] == [key]
    assert shown[1] == []


@pytest.fixture
def variables(tmp_path: Path, database: str, renderer: str) -> dict[str, str]:
    """What the pod of development has, at free ports, with files of this test and without the wait for a balancer."""
    assert renderer
    system = System("dev", overlay("dev"))
    found = environment(main(system.named("Deployment", "tools")), system)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "access-key").write_text(credentials.generate()[0])
    own = {
        "QMCP_DATABASE_URL": database,
        "QMCP_GRPC_HOST": "127.0.0.1",
        "QMCP_GRPC_PORT": str(ports.free()),
        "QMCP_METRICS_HOST": "127.0.0.1",
        "QMCP_METRICS_PORT": str(ports.free()),
        "QMCP_DRAIN_SECONDS": "0",
        "QMCP_ACCESS_ADDRESS": f"127.0.0.1:{ports.free()}",
        "QMCP_ACCESS_KEY_FILE": str(tmp_path / "access-key"),
        "QMCP_TOOLS_RECEIPT_KEY_FILE": str(tmp_path / "receipt.pem"),
        "QMCP_TOOLS_SECRETS_KEY_FILE": str(tmp_path / "tools-secrets-key"),
        "QMCP_TOOLS_SECRETS_DIR": str(tmp_path / "secrets"),
    }
    paths = ":".join(map(str, (ROOT, ROOT / "gen", ROOT / "client")))
    path = f"{_image(tmp_path)}:{os.environ['PATH']}"
    process = {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": paths}
    return {**process, **{name: str(value) for name, value in found.items()}, **own}


def _run(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENTRYPOINT, *arguments], env=variables, capture_output=True, text=True, timeout=30, check=False
    )


def _wait_until_healthy(variables: dict[str, str], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while (asked := _run(variables, "health", "tools")).returncode:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, asked.stderr


@pytest.mark.promise("M01", "M08")
def test_the_pod_migrates_serves_and_leaves(variables: dict[str, str]) -> None:
    migrated = _run(variables, "tools", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert _run(variables, "health", "tools").returncode == 1
    with subprocess.Popen(
        [ENTRYPOINT, "tools"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _wait_until_healthy(variables, process)
            target = f"127.0.0.1:{variables['QMCP_GRPC_PORT']}"
            liveness = subprocess.run(
                [sys.executable, "-m", "servicekit.probe", target, "liveness"], env=variables, timeout=30, check=False
            )
            assert liveness.returncode == 0
            assert Path(variables["QMCP_TOOLS_RECEIPT_KEY_FILE"]).exists()
        finally:
            process.terminate()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
