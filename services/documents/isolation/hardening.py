"""What a process gives up before it looks at what a stranger sent: resources, identity, files, system calls.

Each layer stands alone: a machine that lacks one still has the others, and each can be tried without the others.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.documents.isolation.models import LayerName, ProcessLimits

NOBODY = 65534
MODULES = sorted({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
# What Python, lxml and zlib need to compute and to answer; whatever is not named fails with EPERM. No sockets are made,
# nothing is executed, nobody is signalled, and neither fork nor clone are here: os.fork goes by clone.
CALLS = (
    "read", "readv", "pread64", "write", "writev", "close", "lseek", "fcntl", "dup", "poll", "ppoll",
    "fstat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
    "open", "openat", "getdents64", "getcwd", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "ftruncate",
    "mmap", "munmap", "mremap", "mprotect", "madvise", "brk",
    "futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    "clock_gettime", "clock_getres", "gettimeofday", "time", "nanosleep", "clock_nanosleep", "getrandom", "getrusage",
    "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "sched_yield", "sched_getaffinity",
    "sysinfo", "uname", "exit", "exit_group",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hardening:
    """The layers of this machine, prepared once; `apply` is called in each process."""

    limits: ProcessLimits
    active: Collection[LayerName]
    # Loaded as it is by each process: compiling takes longer than loading.
    call_filter: Any

    def apply(self, parent: int) -> None:
        """Gives all up for good; what cannot be given up ends the process by an exception."""
        if "limits" in self.active:
            limit_resources(self.limits)
        if "identity" in self.active:
            become_nobody()
        # A change of identity takes it back, so it comes after.
        die_with(parent)
        if "files" in self.active:
            restrict_files()
        if "calls" in self.active:
            self.call_filter.load()


def limit_resources(limits: ProcessLimits) -> None:
    """Bounds of the kernel on CPU, memory, files and descriptors; no further process of this user, no core."""
    memory = limits.memory_bytes + _mapped_bytes()
    for which, most in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.descriptors),
        # Counted over all processes of the user, of which this is one: so it can have none.
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (bound, bound))


def become_nobody() -> None:
    """Root becomes nobody; anybody else stays what they are."""
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def restrict_files() -> None:
    """By landlock: of the file system only the folder it is in and Python's own modules, no TCP, no signal to others.

    What is loaded late is read then; everything that is usual is loaded before.
    """
    from landlockpy import AccessFS, Ruleset, Scope, fs_for_abi  # noqa: PLC0415 — exists on Linux only

    with Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as ruleset:
        ruleset.allow_path(
            ".",
            AccessFS.READ_FILE
            | AccessFS.WRITE_FILE
            | AccessFS.READ_DIR
            | AccessFS.MAKE_REG
            | AccessFS.MAKE_DIR
            | AccessFS.REMOVE_FILE
            | AccessFS.REMOVE_DIR
            | (AccessFS.TRUNCATE & fs_for_abi(ruleset.abi_version)),
        )
        for path in MODULES:
            # Nobody may not get as far as this one; then nothing of it is loaded late.
            with contextlib.suppress(OSError):
                ruleset.allow_path(path, AccessFS.READ_FILE | AccessFS.READ_DIR)
        ruleset.restrict()


def call_filter() -> Any:
    """By seccomp: the calls that are allowed.

    Raises:
        RuntimeError: where libseccomp is missing, which no wheel brings.
    """
    import pyseccomp  # noqa: PLC0415 — looks for the library as it is imported

    allowed = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    for name in CALLS:
        # Not every architecture has every one of them.
        if (number := pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)) >= 0:
            allowed.add_rule(pyseccomp.ALLOW, number)
    return allowed


def die_with(parent: int) -> None:
    """Ends this process when its parent ends, and keeps it from gaining rights by what it executes."""
    if sys.platform != "linux":
        return
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def is_denied(attempt: Callable[[], object]) -> bool:
    """Whether the kernel refuses it."""
    try:
        attempt()
    except OSError:
        return True
    return False


def _mapped_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0
