"""Ports of this machine: a free one, whether one is taken, and by whom as far as that can be known."""

import fcntl
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

from devstack.errors import CannotRunError

LISTENING = "0A"
# Below what Linux (32768) and macOS (49152) give to outgoing connections, above what services are known by.
RANGE = range(15000, 32768)
ATTEMPTS = 100
# In an order of its own for each process, and each port once.
_UNTRIED = iter(secrets.SystemRandom().sample(RANGE, len(RANGE)))


def free(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on.

    Not one that the kernel would choose: it gives those to outgoing connections too, and another program may have it
    before its listener starts. Nor one that another process of this user was given and whose listener has not started
    yet: it is that one's until it ends.
    """
    for port in islice(_UNTRIED, ATTEMPTS):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            if (claims := _claims()) is not None:
                fcntl.lockf(claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            return port
    raise CannotRunError(f"No port from {RANGE.start} to {RANGE.stop - 1} is free on {host}.")


@cache
def _claims() -> int | None:
    """The file of which each process locks one byte for each port that it was given; None where there can be none."""
    path = Path(tempfile.gettempdir(), f"qmcp-ports-{os.getuid()}")
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on the port now."""
    try:
        _try(host, port)
    except OSError:
        return False
    return True


def require_free(wanted: Iterable[tuple[str, int, str, str]]) -> None:
    """Raises where ports cannot be listened on, with who holds each and which variable chooses another, all at once.

    Args:
        wanted: host, port, the process that needs it, the variable that chooses it.
    """
    found = [text for each in wanted if (text := _obstacle(*each))]
    if found:
        raise CannotRunError(f"{'; '.join(found)}.")


def _obstacle(host: str, port: int, wanted_by: str, variable: str) -> str:
    """Why a port cannot be listened on; empty where it can."""
    try:
        _try(host, port)
    except PermissionError:
        return (
            f"{wanted_by} may not listen on port {port}, as ports below 1024 are the administrator's: choose another "
            f"by {variable}=…"
        )
    except socket.gaierror:
        return f"{wanted_by} cannot listen on {host!r}, which is no address on this machine"
    except OSError as error:
        by = holder(port)
        return (
            f"Port {port}, which {wanted_by} needs, is busy{f': {by} holds it' if by else ''} ({error.strerror}), stop "
            f"that or choose another by {variable}=…"
        )
    return ""


def _try(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do: connections that linger after their server's end do not make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def holder(port: int) -> str:
    """Who listens on the port: `name (process 123)`; empty where that cannot be known."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        if inodes & _sockets(process):
            return f"{command_of(int(process.name))[:80]} (process {process.name})"
    return ""


def command_of(pid: int) -> str:
    """The command line of a process; empty where there is none or it cannot be known."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        if Path("/proc/self").exists():
            return ""
    found = subprocess.run(  # noqa: S603 -- where there is no /proc
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


def _sockets(process: Path) -> set[str]:
    """The inodes of the sockets that a process has open; none where it is another user's."""
    found = set()
    with suppress(OSError):
        for entry in (process / "fd").iterdir():
            # A file may be closed while we look.
            with suppress(OSError):
                found.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                found.add(inode)
    return found
