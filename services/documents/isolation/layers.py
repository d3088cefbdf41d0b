"""Which layers hold here: each is put on in a process of its own, which then tries what the layer forbids."""

import os
import resource
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from services.documents.isolation import hardening
from services.documents.isolation.models import Layer, LayerName, ProcessLimits

HOLDS, DOES_NOT = 0, 1


def found(folder: Path, limits: ProcessLimits, wanted: Iterable[LayerName]) -> tuple[Layer, ...]:
    """Every wanted layer, tried: `folder` is one that the layer of files leaves open."""
    trials: dict[LayerName, Callable[[], bool]] = {
        "limits": lambda: _limits_hold(limits),
        "identity": _identity_holds,
        "files": lambda: _files_hold(folder),
        "calls": _calls_hold,
    }
    return tuple(Layer(name, *_tried(name, trials[name])) for name in wanted)


def _tried(name: LayerName, trial: Callable[[], bool]) -> tuple[bool, str]:
    if missing := _missing(name):
        return False, missing
    if _in_a_process(trial):
        return True, _detail(name)
    return False, "it was put on, and what it forbids was possible, or it could not be put on"


def _missing(name: LayerName) -> str:
    if name == "files":
        if sys.platform != "linux":
            return "landlock is Linux's"
        import landlockpy  # noqa: PLC0415 — exists on Linux only

        return "" if landlockpy.supported() else "the kernel has no landlock, or it is switched off"
    if name == "calls":
        try:
            hardening.call_filter()
        except (ImportError, RuntimeError, OSError) as error:
            return f"seccomp needs the library libseccomp ({error})"
    return ""


def _detail(name: LayerName) -> str:
    if name == "files":
        import landlockpy  # noqa: PLC0415 — exists on Linux only

        return f"landlock, ABI {landlockpy.abi_version()}"
    if name == "identity":
        return f"user {hardening.NOBODY if os.geteuid() == 0 else os.geteuid()}"
    return {"limits": "rlimits", "calls": "seccomp"}.get(name, "")


def _limits_hold(limits: ProcessLimits) -> bool:
    hardening.limit_resources(limits)
    bounds = (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
    return all(resource.getrlimit(each)[1] != resource.RLIM_INFINITY for each in bounds)


def _identity_holds() -> bool:
    hardening.become_nobody()
    return 0 not in os.getresuid() + os.getresgid() and hardening.is_denied(lambda: os.setresuid(0, 0, 0))


def _files_hold(folder: Path) -> bool:
    os.chdir(folder)
    hardening.restrict_files()
    return hardening.is_denied(lambda: os.open("/", os.O_RDONLY)) and not hardening.is_denied(
        lambda: list(Path().iterdir())
    )


def _calls_hold() -> bool:
    hardening.call_filter().load()
    return hardening.is_denied(socket.socket) and hardening.is_denied(_fork)


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(HOLDS)
    os.waitpid(pid, 0)


def _in_a_process(trial: Callable[[], bool]) -> bool:
    pid = os.fork()
    if pid == 0:
        outcome = DOES_NOT
        try:
            outcome = HOLDS if trial() else DOES_NOT
        finally:
            os._exit(outcome)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == HOLDS
