"""Turns itself into another program that dies with its parent and, where asked, has given up being root.

`python child.py --parent PID [--signal NAME] [--user NAME --needs PATH …] -- COMMAND …`. A program of its own instead
of a `preexec_fn`, because code between fork and exec may deadlock in a process that has threads. It keeps the process
id.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Applies what the arguments ask for and becomes the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", default="SIGKILL")
    parser.add_argument("--user")
    parser.add_argument("--needs", action="append", default=[])
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if arguments.user is not None:
        become(arguments.user, arguments.needs)
    # After the change of user, which clears it.
    die_with(arguments.parent, signal.Signals[arguments.signal])
    os.execvp(arguments.command[0], arguments.command)  # noqa: S606 -- the devstack's own table says what to run


def die_with(parent: int, number: signal.Signals) -> None:
    """Has the kernel send us `number` when the parent ends, however it ends: a supervisor killed by -9 cannot do it.

    Linux only. Elsewhere a supervisor killed by -9 leaves its children, and the next start meets their ports.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        # It ended before we asked.
        sys.exit(1)


def become(user: str, needs: list[str]) -> None:
    """Becomes this user for good, still able to reach the paths in `needs` below folders that are closed to it.

    Postgres refuses to run as root, but its programs and its data may well stand in root's home. Opening the folders
    above them to everybody is not ours to do; one capability that goes with the process is enough, and every
    container runtime grants it by default. It is kept only where a path cannot be reached without it.
    """
    entry = pwd.getpwnam(user)
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None, use_errno=True)
    if linux:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ.update(HOME="/", USER=user, LOGNAME=user)
    if linux:
        # os.access asks without capabilities, as the real user.
        kept = 0 if all(os.access(path, os.R_OK) for path in needs) else 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
        if libc.capset(header, sets) == 0 and kept:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    main()
