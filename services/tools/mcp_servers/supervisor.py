"""Runs one command and ends it with all that it has started: when asked, when it takes too much, when its parent dies.

A program of its own: `python supervisor.py MAX_MEMORY_BYTES COMMAND…`, over the pipes that it was given. What a command
leaves behind is a child of this process and not of the machine's first (PR_SET_CHILD_SUBREAPER), so none gets away.
"""

import ctypes
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
MAX_PROCESSES = 64
LOOK_SECONDS = 0.25
# Between the request to end and the end.
GRACE_SECONDS = 2.0
TOO_MUCH, NO_COMMAND = 125, 127
ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

_PAGE_BYTES = resource.getpagesize()


def main(max_memory_bytes: int, command: list[str]) -> int:
    """Runs it; returns its exit status."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *ENDING})
    child = os.fork()
    if child == 0:
        _become(command, max_memory_bytes, libc)
    # The pipes are the command's: they must close when it closes them.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    status = _reaped(child)
    while status is None and os.getppid() == parent:
        heard = signal.sigtimedwait({signal.SIGCHLD, *ENDING}, LOOK_SECONDS)
        status = _reaped(child)
        family = _descendants()
        if heard is not None and heard.si_signo in ENDING:
            break
        if sum(map(_memory_bytes, family)) > max_memory_bytes or len(family) > MAX_PROCESSES:
            sys.stderr.write("It took more memory or processes than it may, and was ended.\n")
            status = TOO_MUCH
    return _end(child, status)


def _become(command: list[str], max_memory_bytes: int, libc: ctypes.CDLL) -> None:
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (max_memory_bytes, max_memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvp(command[0], command)  # noqa: S606 - what an administrator allowed, without a shell
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
    os._exit(NO_COMMAND)


def _end(child: int, status: int | None) -> int:
    """Ends all that is left, first politely; returns the status of the command."""
    give_up = time.monotonic() + GRACE_SECONDS
    for process in _descendants():
        _send(process, signal.SIGTERM)
    while family := _descendants():
        found = _reaped(child)
        status = found if status is None else status
        if time.monotonic() > give_up:
            for process in family:
                _send(process, signal.SIGKILL)
        time.sleep(0.01)
    return 0 if status is None else status


def _reaped(child: int) -> int | None:
    """Buries the dead; the exit status of the child where it is among them."""
    status = None
    while True:
        try:
            process, how = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if process == 0:
            return status
        if process == child:
            status = os.waitstatus_to_exitcode(how) % 256


def _descendants() -> list[int]:
    """All processes below this one, dead ones that nobody has buried left out."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            if state not in "ZX":
                parents.setdefault(int(parent), []).append(int(entry.name))
    found = list(parents.get(os.getpid(), []))
    for process in found:
        found.extend(parents.get(process, []))
    return found


def _memory_bytes(process: int) -> int:
    try:
        resident, shared = Path(f"/proc/{process}/statm").read_text().split()[1:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE_BYTES


def _send(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
