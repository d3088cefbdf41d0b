"""What the processes write, passed on: for the person at the keyboard, or for programs a JSON object a line."""

import os
import sys
from datetime import UTC, datetime
from typing import TextIO

import orjson

# Bright enough on dark and on light ground; red is left for what went wrong.
COLOURS = (36, 33, 32, 35, 34)
GREY = 90


class Terminal:
    """Writes whole lines: the process's name before each, in colour where somebody looks at it."""

    def __init__(self, names: list[str], stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._width = max(map(len, names), default=0)
        self._colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
        self._colourful = is_terminal(stream) and not os.environ.get("NO_COLOR")

    def log(self, name: str, line: str) -> None:
        """One line that a process wrote."""
        self._write(f"{self._colour(f'{name:<{self._width}} |', self._colours.get(name, GREY))} {line}")

    def say(self, text: str) -> None:
        """A word of our own."""
        self._write(text)

    def _colour(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colourful else text

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except BrokenPipeError:
            # Whoever read us is gone; what we started still has to be stopped in order.
            self._stream = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- for the rest of this process


class JsonLines(Terminal):
    """Writes lines that each parse as JSON; what a process did not write as an object becomes one."""

    def log(self, name: str, line: str) -> None:
        """One line that a process wrote."""
        if line.strip():
            self._write(line if _is_object(line) else _event(name, line))

    def say(self, text: str) -> None:
        """A word of our own."""
        self._write(_event("devstack", text.strip()))


def is_terminal(stream: TextIO = sys.stdout) -> bool:
    """Whether somebody looks at it."""
    return stream.isatty()


def _is_object(line: str) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _event(logger: str, text: str) -> str:
    """As the services write their own lines (servicekit/logs.py)."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"event": text, "logger": logger, "level": "info", "timestamp": at}).decode()
