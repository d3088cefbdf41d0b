"""The tree as the checks see it: what git knows or would take in, so that nobody's scratch files matter."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("gen/", "tests/edge/golden/")
LOCKS = ("requirements.lock", "requirements-run.lock", "requirements-uv.lock")
# That of npm, for the conformance suite of MCP.
NPM_LOCK = "tests/conformance/package-lock.json"


@cache
def files() -> tuple[str, ...]:
    """Every file of the project, relative to its root."""
    if not (ROOT / ".git").exists():
        return tuple(sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if _counts(path)))
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def written() -> tuple[str, ...]:
    """The files that people write."""
    return tuple(name for name in files() if not _is_generated(name) and name not in (*LOCKS, NPM_LOCK))


def python() -> tuple[str, ...]:
    """The Python files that people write."""
    return tuple(name for name in written() if name.endswith(".py"))


def text(name: str) -> str:
    """The content of a file; empty for what is no text."""
    try:
        return (ROOT / name).read_text()
    except UnicodeDecodeError:
        return ""


def services() -> tuple[str, ...]:
    """The names of the services: the folders that can be started."""
    return tuple(sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py")))


def _is_generated(name: str) -> bool:
    # The client's generated files stand beside those that they are made of, and say so first.
    return name.startswith(GENERATED) or (name.startswith("client/") and text(name).startswith("# Generated from"))


def _counts(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    hidden = any(part.startswith(".") and part not in {".ci", ".github"} for part in parts[:-1])
    return path.is_file() and not hidden and "__pycache__" not in parts and "build" not in parts
