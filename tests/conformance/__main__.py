"""`python -m tests.conformance`: both revisions against a system of its own; needs npm and half a minute.

npm brings the suite, and the Node.js that it needs on Linux; elsewhere Node.js 22 must be there.

Ends with 1 where anything fails, and where next to nothing ran.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from devstack import ports
from tests import memory
from tests.conformance import tools
from tests.stack import ROOT, STACK_STARTS_WITHIN, STACK_STOPS_WITHIN, Stack, running_stack

HERE = Path(__file__).parent
REVISIONS = ("2025-11-25", "2026-07-28")
INSTALLED = ROOT / ".venv" / "conformance"
LOCK = "package-lock.json"
# What is to be believed: a suite that has run next to nothing shows nothing.
MIN_SCENARIOS = 20


def installed() -> Path:
    """The folder of the programs, at the versions of the lock; wherever npm is told to fetch from."""
    kept = INSTALLED / LOCK
    if not kept.exists() or kept.read_bytes() != (HERE / LOCK).read_bytes():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", INSTALLED)
        shutil.copy(HERE / LOCK, INSTALLED)
        try:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=INSTALLED, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            kept.unlink(missing_ok=True)
            raise SystemExit(f"The suite could not be installed: {error}") from None
    return INSTALLED / "node_modules" / ".bin"


@contextmanager
def edge(stack: Stack, folder: Path) -> Iterator[str]:
    """An edge of the suite's own in front of an endpoint that has its fixtures; both lead to the services of the stack."""
    at, mcp_at = ports.free(), ports.free()
    environment = stack.env | {
        "QMCP_PORT": str(at),
        "QMCP_ENVOY_METRICS_PORT": "0",
        "QMCP_MCP_ADDRESS": f"127.0.0.1:{mcp_at}",
        "QMCP_MCP_PORT": str(mcp_at),
        "QMCP_MCP_TASK_AFTER_SECONDS": "1",
        "QMCP_MCP_WATCH_SECONDS": "0.2",
    }
    with (folder / "edge.log").open("wb") as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", module], env=environment, cwd=ROOT, stdout=log, stderr=log)
            for module in ("gateway.envoy", "tests.conformance.endpoint")
        ]
    try:
        until = time.monotonic() + STACK_STARTS_WITHIN
        for url in (f"http://127.0.0.1:{at}/ready", f"http://127.0.0.1:{mcp_at}/health"):
            while not _answers(url):
                if time.monotonic() > until or any(process.poll() is not None for process in processes):
                    raise SystemExit(f"The edge of the suite did not start:\n{(folder / 'edge.log').read_text()}")
                time.sleep(0.05)
        yield f"http://127.0.0.1:{at}"
    finally:
        for process in processes:
            process.terminate()
            process.wait(STACK_STOPS_WITHIN)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """What the suite says in the end."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout[done.stdout.find("=== SUMMARY") :] + done.stderr


def outcomes(said: str) -> tuple[set[str], set[str]]:
    """The scenarios that passed and those in which something failed, of the tasks extension too."""
    found = re.findall(r"^([✓✗]) (\S+): (\d+) passed, (\d+) failed", said, re.MULTILINE)
    failed = {name for mark, name, _, faults in found if mark == "✗" or faults != "0"}
    return {name for _, name, passes, _ in found if passes != "0"} - failed, failed


def main() -> int:
    """Runs both; returns the exit status."""
    programs = installed()
    environment = {**os.environ, "PATH": os.pathsep.join((str(programs), os.environ["PATH"]))}
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="qmcp-conformance-") as folder,
        memory.folder(Path(folder)) as place,
        running_stack(place / "home", QMCP_TOOLS_ALLOWED_NETWORKS="127.0.0.0/8") as stack,
        tools.registered(stack.edge_url),
        edge(stack, place) as url,
    ):
        for revision in REVISIONS:
            command = [str(programs / "conformance"), "server", "--url", f"{url}/mcp", "--requirements", revision]
            said = run(command, environment, Path(folder))
            passed, failed = outcomes(said)
            if failed or len(passed) < MIN_SCENARIOS:
                print(said)
                wrong += 1
            print(f"{revision}: {len(passed)} scenarios pass, {len(failed)} fail: {sorted(failed)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
