"""`python -m tests.conformance`: both revisions against a system of its own; needs npm and half a minute.

What the endpoint does not have stands in `not_there/<revision>.yaml`, scenario by scenario. Ends with 1 where anything else
fails, and where something passes that stands there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import memory
from tests.conformance import tools
from tests.stack import ROOT, running_stack

HERE = Path(__file__).parent
REVISIONS = ("2025-11-25", "2026-07-28")
INSTALLED = ROOT / ".venv" / "conformance"
LOCK = "package-lock.json"


def installed() -> Path:
    """The folder of the programs, at the versions of the lock; wherever npm is told to fetch from."""
    kept = INSTALLED / LOCK
    if not kept.exists() or kept.read_bytes() != (HERE / LOCK).read_bytes():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", INSTALLED)
        shutil.copy(HERE / LOCK, INSTALLED)
        try:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=INSTALLED, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            kept.unlink(missing_ok=True)
            raise SystemExit(f"The suite could not be installed: {error}") from None
    return INSTALLED / "node_modules" / ".bin"


def main() -> int:
    """Runs both; returns the exit status."""
    programs = installed()
    environment = {**os.environ, "PATH": os.pathsep.join((str(programs), os.environ["PATH"]))}
    failed = []
    with (
        tempfile.TemporaryDirectory(prefix="qmcp-conformance-") as folder,
        memory.folder(Path(folder)) as place,
        running_stack(place / "home", QMCP_TOOLS_ALLOWED_NETWORKS="127.0.0.0/8") as stack,
        tools.registered(stack.edge_url),
    ):
        for revision in REVISIONS:
            command = [str(programs / "conformance"), "server", "--url", f"{stack.edge_url}/mcp"]
            command += ["--requirements", revision, "--expected-failures", str(HERE / "not_there" / f"{revision}.yaml")]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            print(revision, done.stdout[done.stdout.find("=== SUMMARY") :], done.stderr, sep="\n")
            if done.returncode:
                failed.append(revision)
    print(f"Not as expected: {', '.join(failed)}." if failed else "As expected, in both revisions.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
