"""The process that each run is forked from: it has loaded all that a run needs and never saw what a stranger sent.

It is told by lines of JSON over a socket which runs to begin (with a descriptor each, over which the run is asked and
answers) and which to kill, and says which have ended. Of a run that has ended nothing is left: no process that it
started, no file.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.documents.isolation import hardening, layers
from services.documents.isolation.hardening import Hardening
from services.documents.isolation.models import LAYERS, ProcessLimits

PR_SET_CHILD_SUBREAPER = 36
LINE_BYTES = 4096
FOLDER_MODE = 0o700
Task = Callable[[bytes], bytes]


@dataclass(slots=True)
class Zygote:
    """What runs and what has ended; one thread, one loop."""

    control: socket.socket
    home: Path
    task: Task
    hardening: Hardening
    # Process ids by run, and the other way round.
    running: dict[int, int] = field(default_factory=dict)
    # Runs whose process has ended, with its status: told once nothing of them is left.
    ended: dict[int, int] = field(default_factory=dict)
    # Connections that came with lines which are not whole yet.
    connections: list[int] = field(default_factory=list)

    def serve(self) -> None:
        """Until whoever began it hangs up."""
        woken, waking = socket.socketpair()
        for end in (woken, waking):
            end.setblocking(False)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        rest = b""
        with selectors.DefaultSelector() as ready:
            ready.register(self.control, selectors.EVENT_READ)
            ready.register(woken, selectors.EVENT_READ)
            while True:
                events = {key.fileobj for key, _ in ready.select()}
                if woken in events:
                    with contextlib.suppress(BlockingIOError):
                        woken.recv(LINE_BYTES)
                self._reap()
                if self.control in events:
                    said, descriptors, _, _ = socket.recv_fds(self.control, LINE_BYTES, 16)
                    self.connections += descriptors
                    if not said:
                        return
                    *lines, rest = (rest + said).split(b"\n")
                    for line in lines:
                        self._obey(json.loads(line))

    def close(self) -> None:
        """Ends all that runs."""
        for pid in self.running.values():
            _kill(pid)
        while self.running or self.ended:
            self._reap(os.WEXITED)

    def _obey(self, command: dict[str, Any]) -> None:
        run = int(command["run"])
        if command["do"] == "kill":
            if run in self.running:
                _kill(self.running[run])
            return
        descriptor = self.connections.pop(0)
        folder = self.home / str(run)
        folder.mkdir(mode=FOLDER_MODE)
        if os.geteuid() == 0 and "identity" in self.hardening.active:
            os.chown(folder, hardening.NOBODY, hardening.NOBODY)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._begin(descriptor, folder, parent)
        os.close(descriptor)
        self.running[run] = pid
        self._tell({"run": run, "pid": pid})

    def _begin(self, descriptor: int, folder: Path, parent: int) -> None:
        status = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            connection = _only(descriptor)
            os.chdir(folder)
            os.environ["TMPDIR"] = str(folder)
            self.hardening.apply(parent)
            with open(connection, "rb", closefd=False) as asked:
                request = asked.read()
            answer = memoryview(self.task(request))
            while answer:
                answer = answer[os.write(connection, answer) :]
            status = 0
        finally:
            # No handler, no flush, no destructor: nothing of the zygote happens twice.
            os._exit(status)

    def _reap(self, how: int = os.WEXITED | os.WNOHANG) -> None:
        while True:
            try:
                # Looked at first: as long as it is not waited for, its number is nobody else's.
                seen = os.waitid(os.P_ALL, 0, how | os.WNOWAIT)
            except ChildProcessError:
                break
            if seen is None:
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(seen.si_pid, signal.SIGKILL)
            _, status = os.waitpid(seen.si_pid, 0)
            for run in [run for run, pid in self.running.items() if pid == seen.si_pid]:
                del self.running[run]
                self.ended[run] = os.waitstatus_to_exitcode(status)
            how |= os.WNOHANG
        # Whatever a run started that left its group is our child now; it ends before the run has ended.
        strays = _children() - set(self.running.values())
        for pid in strays:
            _kill(pid)
        if not strays:
            for run, status in self.ended.items():
                shutil.rmtree(self.home / str(run), ignore_errors=True)
                self._tell({"run": run, "status": status})
            self.ended.clear()

    def _tell(self, what: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(what).encode() + b"\n")


def main() -> None:
    """Arguments: the descriptor of the socket, the folder, the task as `module:function`, and the rest as JSON."""
    descriptor, home, task, options = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        hardening.prctl(PR_SET_CHILD_SUBREAPER, 1)
    module_name, _, function = task.partition(":")
    module = importlib.import_module(module_name)
    # What is loaded late would have to be read by the run, which reads nothing.
    module.warm()
    limits = ProcessLimits(**options["limits"])
    tried = layers.found(home, limits, [name for name in LAYERS if name in options["layers"]])
    active = {layer.name for layer in tried if layer.active}
    prepared = Hardening(limits, active, hardening.call_filter() if "calls" in active else None)
    gc.collect()
    # What is there now is shared with every run, and stays so where no collector writes on it.
    gc.freeze()
    with socket.socket(fileno=descriptor) as control:
        said = [{"name": layer.name, "active": layer.active, "detail": layer.detail} for layer in tried]
        control.sendall(json.dumps({"layers": said}).encode() + b"\n")
        zygote = Zygote(control, home, getattr(module, function), prepared)
        try:
            zygote.serve()
        finally:
            zygote.close()
            shutil.rmtree(home, ignore_errors=True)


def _only(descriptor: int) -> int:
    """Closes all descriptors but the connection, which is 3 then; in, out and err are nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    connection = 3
    if descriptor != connection:
        os.dup2(descriptor, connection)
    os.closerange(connection + 1, os.sysconf("SC_OPEN_MAX"))
    return connection


def _kill(pid: int) -> None:
    """Of a process that is not waited for yet: its group, and itself where it has not made one yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _children() -> set[int]:
    try:
        return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()}
    except OSError:
        return set()


if __name__ == "__main__":
    main()
