"""What code of a stranger might try in the process of a run, by name: run by the zygote in place of rendering."""

# Which a name of a host needs: where root keeps Python, nobody loads it later.
import encodings.idna  # noqa: F401
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534


def warm() -> None:
    """Everything is loaded."""


def run(request: bytes) -> bytes:
    asked = json.loads(request)
    try:
        return json.dumps({"done": ATTEMPTS[asked["do"]](asked)}).encode()
    except (OSError, MemoryError) as error:
        return json.dumps({"refused": type(error).__name__}).encode()


def read(asked: dict) -> str:
    return Path(asked["path"]).read_text()[:10]


def write(asked: dict) -> int:
    return Path(asked["path"]).write_text("mine")


def write_here(asked: dict) -> int:
    return Path("x").write_bytes(b"x" * asked["bytes"])


def connect(asked: dict) -> bool:
    with socket.create_connection(("127.0.0.1", asked["port"])):
        return True


def fork(asked: dict) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def fork_and_stay(asked: dict) -> int:
    """Children that leave the group and outlive whoever began them."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
            time.sleep(600)
    return os.getpid()


def execute(asked: dict) -> int:
    os.execv("/bin/true", ["/bin/true"])
    return 0


def kill(asked: dict) -> bool:
    os.kill(asked["pid"], signal.SIGCONT)
    return True


def be_root(asked: dict) -> bool:
    os.setresuid(0, 0, 0)
    return os.geteuid() == 0


def who(asked: dict) -> int:
    return os.geteuid()


def take_memory(asked: dict) -> int:
    return len(bytearray(asked["bytes"]))


def open_many(asked: dict) -> int:
    return len([os.dup(1) for _ in range(200)])


def wait(asked: dict) -> None:
    time.sleep(600)


def compute(asked: dict) -> None:
    while True:
        pass


def die(asked: dict) -> None:
    os._exit(7)


def much(asked: dict) -> str:
    return "x" * asked["bytes"]


def environment(asked: dict) -> dict:
    return dict(os.environ)


ATTEMPTS: dict[str, Callable] = {
    each.__name__: each
    for each in (read, write, write_here, connect, fork, fork_and_stay, execute, kill, be_root, who, take_memory)
} | {each.__name__: each for each in (open_many, wait, compute, die, much, environment)}
