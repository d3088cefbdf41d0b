"""Logs: JSON, one event a line, for machines; colours for people."""

import asyncio
import atexit
import io
import logging
import sys
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from servicekit.request_context import current_context

# A write a line costs a system call a line, a quarter of what a call costs in all. Lines are written together, at the
# latest after this time; warnings and errors at once. A process that is killed loses the lines of this time.
WRITE_SECONDS = 0.05
MAX_BUFFERED = 512


def configure(level: str, form: Literal["json", "console"]) -> None:
    """Sets up structlog, and leads the libraries' standard logging through it.

    Every line has timestamp, level, logger, event, and within a call request_id and correlation_id.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_call,
        structlog.processors.add_log_level,
        structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        render: list[Processor] = [
            # Without local variables: arguments and secrets would stand in the log.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(serializer=_as_json),
        ]
    else:
        plain = structlog.dev.plain_traceback
        render = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain)]
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name or an error may hold what UTF-8 does not; a line about it must not become an error of its own.
        sys.stdout.reconfigure(errors="backslashreplace")
    output = _Output()
    structlog.configure(
        processors=[_add_logger_name, *shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *names: _Logger(str(names[0]) if names else "qmcp", output),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, structlog.processors.format_exc_info],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries speak up when something is wrong; their DEBUG lines would bury ours.
    root.setLevel(max(logging.getLevelNamesMapping()[level], logging.INFO))


class _Output:
    """Standard output, written in batches while an event loop runs."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        atexit.register(self.write)

    def add(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_later(WRITE_SECONDS, self.write)
            except RuntimeError:
                self.write()
        elif len(self._lines) >= MAX_BUFFERED:
            self.write()

    def write(self) -> None:
        if self._lines:
            text = "\n".join(self._lines) + "\n"
            self._lines.clear()
            sys.stdout.write(text)
            sys.stdout.flush()


class _Logger:
    """What structlog hands finished lines to."""

    def __init__(self, name: str, output: _Output) -> None:
        self.name = name
        self._output = output

    def debug(self, line: str) -> None:
        self._output.add(line)

    info = msg = debug

    def warning(self, line: str) -> None:
        self._output.add(line)
        self._output.write()

    error = critical = fatal = warn = exception = warning


def _add_logger_name(logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _add_call(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """The ids of the call in whose course the line is written."""
    call = current_context.get(None)
    if call is not None and "request_id" not in event:
        event["request_id"] = call.request_id
        event["correlation_id"] = call.correlation_id
    return event


def _as_json(event: EventDict, **_: object) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:
        # Halves of surrogate pairs, integers past 64 bits, keys that are no strings: a line that says less, but a line.
        return orjson.dumps({_utf8(key): _plain(value) for key, value in event.items()}).decode()


def _plain(value: object) -> object:
    try:
        orjson.dumps(value)
    except TypeError:
        return _utf8(value if isinstance(value, str) else repr(value))
    return value


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
