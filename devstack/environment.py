"""Sets `.venv` up from a lock, by the standard library alone: `python devstack/environment.py run` or `dev`."""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Written when all is done and removed before anything changes: an interrupted set-up starts again.
STATE = VENV / "state.json"
LOCKS = {"run": "requirements-run.lock", "dev": "requirements.lock"}
UV_LOCK = "requirements-uv.lock"
# What stands in this tree and runs.
OURS = ("client", "devstack", "gateway", "gen", "servicekit", "services")
INSTALL = ("--quiet", "--no-deps")

# What uv calls a setting of pip. uv does not read pip's configuration, and a machine may have no other.
SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
}


def uv_settings(listed: str) -> dict[str, str]:
    """Names the settings that `pip config list` tells as uv names them."""
    settings: dict[str, str] = {}
    # A setting for `install` is stronger than one for all commands, and the environment is stronger than both.
    for scope in ("global", "install", ":env:"):
        for key, value in re.findall(rf"^{scope}\.([a-z-]+)=(.+)$", listed, re.MULTILINE):
            if key in SETTINGS:
                name, separator = SETTINGS[key]
                settings[name] = separator.join(str(ast.literal_eval(value)).split())
    # pip takes a file from whichever index has it. With hashes that is safe.
    return settings | {"UV_INDEX_STRATEGY": "unsafe-best-match"}


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the environment's own pip."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603


def install(lock: str) -> None:
    """
    Installs what the lock names, and the project.

    Nothing is resolved: some versions of pip take a requirement with extras for one without a hash, and look afresh.
    """
    hashed = (*INSTALL, "--require-hashes")
    if pip("install", *hashed, "--only-binary=:all:", "-r", UV_LOCK).returncode == 0:
        environment = uv_settings(pip("config", "list").stdout) | os.environ | {"VIRTUAL_ENV": str(VENV)}
        environment.pop("PYTHONPATH", None)
        uv = [str(VENV / "bin" / "uv"), "pip"]
        locks = [UV_LOCK, lock]
        # Compiled once and by all cores: else each of the processes of the first start compiles what it imports, and
        # where PYTHONDONTWRITEBYTECODE is set every process of every start.
        sync = [*uv, "sync", "--quiet", "--require-hashes", "--compile-bytecode", *locks]
        subprocess.run(sync, check=True, env=environment)  # noqa: S603
        project = [*uv, "install", *INSTALL, "--no-build-isolation", "--editable", "."]
        subprocess.run(project, check=True, env=environment)  # noqa: S603
        subprocess.run([str(PYTHON), "-m", "compileall", "-q", "-j", "0", *OURS], check=True)  # noqa: S603
        return
    # uv has no wheel for this platform.
    for arguments in ((*hashed, "-r", lock), (*INSTALL, "--no-build-isolation", "--editable", ".")):
        done = pip("install", *arguments)
        if done.returncode:
            raise SystemExit(done.stderr)


def main(wanted: str) -> None:
    """Makes `.venv` hold what running needs, or what development needs too; at once where it does already."""
    os.chdir(ROOT)
    try:
        state = json.loads(STATE.read_text()) if PYTHON.exists() else {}
    except (OSError, ValueError):
        state = {}
    # What was set up for development stays so: `make run` takes nothing away.
    kind = "dev" if "dev" in (wanted, state.get("kind")) else "run"
    base = os.path.realpath(sys.executable)
    packages = hashlib.sha256()
    for file in (LOCKS[kind], UV_LOCK, "pyproject.toml"):
        packages.update(Path(file).read_bytes())
    current = {"kind": kind, "made": [sys.version, base, str(VENV)], "packages": packages.hexdigest()}
    if state == current:
        return
    print(f"Setting up .venv for {kind} with Python {sys.version.split()[0]}.", flush=True)  # noqa: T201
    STATE.unlink(missing_ok=True)
    # Without uv an environment is not brought up to date but made anew: pip removes nothing.
    if state.get("made") != current["made"] or not (VENV / "bin" / "uv").exists():
        subprocess.run([base, "-m", "venv", "--clear", str(VENV)], check=True)  # noqa: S603
    install(LOCKS[kind])
    STATE.write_text(json.dumps(current))


if __name__ == "__main__":
    main(sys.argv[1])
