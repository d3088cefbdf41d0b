"""Checks the contract: buf's lint rules, no breaking change against main, and what derives from it as it would be made.

`python -m tests.api.contract [lint | breaking | drift | client …]`; without an argument all of them.
"""

import filecmp
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "protos" / "buf.yaml"
# Nobody was promised what these said, and 0.2.0 settled the names on the wire (docs/decisions/0011-names-on-the-wire.md).
UNRELEASED = {"0.1.0"}
# BASE names another commit to compare with.
BASES = (os.environ.get("BASE", ""), "origin/main", "main")

# Pythons before 3.11.4 do not know the argument; the archive is git's own all the same.
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def lint(scratch: Path) -> list[str]:
    """What buf finds in style and comments."""
    return _buf("lint", _documented(ROOT, scratch / "now.binpb"))


def breaking(scratch: Path) -> list[str]:
    """What would break callers that were built against main."""
    base = _base()
    if base is None:
        print("breaking: NOT CHECKED, because there is no commit to compare with (BASE, origin/main, main)")
        return []
    if _version(base) in UNRELEASED:
        print(f"breaking: nothing to compare with, because {base[:12]} was never released")
        return []
    before = scratch / "before"
    archive = _git("archive", base, "protos")
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(before, **SAFELY)
    old = _documented(before, scratch / "before.binpb")
    return _buf("breaking", _documented(ROOT, scratch / "now.binpb"), "--against", f"{old}#format=binpb")


def drift(scratch: Path) -> list[str]:
    """Where gen/ is not what the protos make."""
    fresh = scratch / "gen"
    _generate(ROOT, "code", fresh)
    made = {str(path.relative_to(fresh)) for path in fresh.rglob("*.*")}
    kept = {
        str(path.relative_to(ROOT / "gen")) for path in (ROOT / "gen").rglob("*.*") if "__pycache__" not in path.parts
    }
    differ = {name for name in made & kept if not filecmp.cmp(fresh / name, ROOT / "gen" / name, shallow=False)}
    faults = [f"gen/{name} is not what the protos make" for name in differ]
    faults += [f"gen/{name} is missing" for name in made - kept]
    faults += [f"gen/{name} is made from no proto" for name in kept - made]
    return [*sorted(faults), "Run `make generate`."] if faults else []


def client(scratch: Path) -> list[str]:
    """Where the generated files of the client are not what the protos and its async files make."""
    subprocess.run([sys.executable, str(ROOT / "client" / "generate"), str(scratch)], check=True)
    made = {str(path.relative_to(scratch)) for path in scratch.rglob("*.py")}
    own = {path for path in (ROOT / "client" / "qmcp").rglob("*.py") if path.read_text().startswith("# Generated from")}
    kept = {str(path.relative_to(ROOT / "client")) for path in own}
    differ = {name for name in made & kept if not filecmp.cmp(scratch / name, ROOT / "client" / name, shallow=False)}
    faults = [f"client/{name} is not what is made" for name in differ | (made - kept)]
    faults += [f"client/{name} is made of nothing any more" for name in kept - made]
    return [*sorted(faults), "Run `make generate`."] if faults else []


CHECKS: dict[str, Callable[[Path], list[str]]] = {"lint": lint, "breaking": breaking, "drift": drift, "client": client}


def main(names: list[str]) -> int:
    """Prints what the checks find; returns the exit status."""
    failed = False
    for name in names or CHECKS:
        with tempfile.TemporaryDirectory() as scratch:
            faults = CHECKS[name](Path(scratch))
        failed = failed or bool(faults)
        print("\n".join([f"{name}: {'FAILED' if faults else 'ok'}", *(f"  {fault}" for fault in faults)]))
    return int(failed)


def _documented(tree: Path, file: Path) -> Path:
    _generate(tree, "documented", file)
    return file


def _generate(tree: Path, kind: str, target: Path) -> None:
    command = [sys.executable, str(tree / "protos" / "generate.py"), kind, str(target)]
    subprocess.run(command, check=True, env={**os.environ, "PATH": _path()})


def _path() -> str:
    """Where programs are looked for: buf and protoc's plugins stand beside the interpreter."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _buf(command: str, image: Path, *options: str) -> list[str]:
    buf = shutil.which("buf", path=_path())
    assert buf is not None, "buf comes with requirements.lock: make"
    # buf keeps a cache and asks for a folder of its own.
    environment = {**os.environ, "XDG_CACHE_HOME": str(image.parent), "XDG_RUNTIME_DIR": str(image.parent)}
    found = subprocess.run(
        [buf, command, f"{image}#format=binpb", "--config", str(RULES), *options],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if found.returncode == 0:
        return []
    return (found.stdout + found.stderr).strip().splitlines() or [f"buf {command} ended with {found.returncode}"]


def _base() -> str | None:
    """The commit to compare with; where that is the one checked out, its parent."""
    head = _commit("HEAD")
    for name in filter(None, BASES):
        commit = _commit(name)
        if commit is not None:
            chosen = _commit("HEAD~1") if commit == head else commit
            return chosen if chosen and _git("ls-tree", chosen, "protos/generate.py") else None
    return None


def _version(commit: str) -> str:
    """The version that a commit's distribution has."""
    return str(tomllib.loads(_git("show", f"{commit}:pyproject.toml").decode())["project"]["version"])


def _commit(name: str) -> str | None:
    if shutil.which("git") is None:
        return None
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
