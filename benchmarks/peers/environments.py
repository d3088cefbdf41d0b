"""A virtual environment for each peer, below .qmcp/bench, so that no peer's dependencies meet ours."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.processes import ROOT

HOME = Path(os.environ.get("QMCP_BENCH_HOME", ROOT / ".qmcp" / "bench"))
REQUIREMENTS = {
    "original": ["fastapi", "uvicorn[standard]", "sqlalchemy[asyncio]", "aiosqlite", "structlog"],
    "fastmcp": ["fastmcp", "uvicorn[standard]"],
    "contextforge": ["mcp-contextforge-gateway"],
    "procrastinate": ["procrastinate", "psycopg[binary]"],
    "awa": ["awa-pg"],
}
# What names the release in the report.
DISTRIBUTION = {
    "original": "fastapi",
    "fastmcp": "fastmcp",
    "contextforge": "mcp-contextforge-gateway",
    "procrastinate": "procrastinate",
    "awa": "awa-pg",
}


class PeerMissingError(Exception):
    """A peer cannot be had here; the text says why."""


def python_of(peer: str) -> Path:
    """The Python of a peer's environment, which is made where it is missing.

    Raises:
        PeerMissingError: when its packages cannot be installed.
    """
    folder = HOME / peer
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*install, *REQUIREMENTS[peer]], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PeerMissingError(f"{peer} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        (folder / "complete").touch()
    return python


def version_of(peer: str) -> str:
    """Name and release: `fastmcp 4.1.2`."""
    name = DISTRIBUTION[peer]
    folders = [str(folder) for folder in (HOME / peer / "lib").glob("python*/site-packages")]
    versions = [found.version for found in distributions(path=folders) if found.name.lower() == name]
    return f"{name} {versions[0] if versions else '?'}"
