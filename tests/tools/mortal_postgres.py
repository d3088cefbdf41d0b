"""A Postgres that a test may kill and start again on the same data and port."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack import ports, postgres
from tests.stack import FAST, STARTS_WITHIN, Server


class MortalPostgres:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = ports.free()
        self.start()

    def start(self) -> None:
        """Only from the main thread: the server ends with the thread that started it."""
        until = time.monotonic() + STARTS_WITHIN
        while not self._started():
            # What is left of the killed one needs a moment to notice, and holds its shared memory until then.
            assert time.monotonic() < until, (self._folder / "log").read_text()
            time.sleep(0.1)

    def _started(self) -> bool:
        engine = postgres.prepare(self._folder, self._port, FAST, say=lambda _: None)
        with (self._folder / "log").open("ab") as output:
            self._process = subprocess.Popen(engine.command(), cwd="/", stdout=output, stderr=output)
        while not engine.ready(self._process.pid):
            if self._process.poll() is not None:
                return False
            time.sleep(0.01)
        self.server = Server(engine)
        return True

    def kill(self) -> None:
        """Without a word, as a power cut or the kernel would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.send_signal(postgres.STOP)
        self._process.wait(STARTS_WITHIN)


@contextmanager
def mortal_postgres(folder: Path) -> Iterator[MortalPostgres]:
    running = MortalPostgres(folder)
    try:
        yield running
    finally:
        running.stop()
