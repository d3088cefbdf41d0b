"""A child process with pipes, begun without a copy of this one: gRPC's threads would abort that, now and then."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic

LOOK_SECONDS = 0.02


class Child:
    """What asyncio's subprocesses are; those of uvloop fork."""

    def __init__(self, argv: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
        """Runs it. By the thread of the loop: it is told when the thread that has begun it ends.

        Raises:
            OSError: when it cannot be run.
        """
        # `subprocess` begins processes by vfork, in which no handler of a library runs.
        self._process = subprocess.Popen(  # noqa: S603 - without a shell
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()
        self._transports: list[asyncio.BaseTransport] = []
        self._stdin: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        """Connects its pipes to the loop."""
        loop = asyncio.get_running_loop()
        for reader, pipe in ((self.stdout, self._process.stdout), (self.stderr, self._process.stderr)):
            transport, _ = await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), pipe)
            self._transports.append(transport)
        writing, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, self._process.stdin)
        self._stdin = asyncio.StreamWriter(writing, flow, None, loop)

    @property
    def stdin(self) -> asyncio.StreamWriter:
        assert self._stdin is not None, "it is connected"
        return self._stdin

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    async def has_ended(self, seconds: float) -> bool:
        """Whether it ends within a time."""
        give_up = monotonic() + seconds
        while self.status is None and monotonic() < give_up:  # noqa: ASYNC110 - no event tells of its end
            await asyncio.sleep(LOOK_SECONDS)
        return self.status is not None

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """Lets go of its pipes."""
        for transport in self._transports:
            transport.close()
        if self._stdin is not None:
            self._stdin.close()
