"""Logs: JSON, one event a line, for machines; colours for people."""

import logging
import sys
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def configure(level: str, form: Literal["json", "console"]) -> None:
    """Sets up structlog, and leads the libraries' standard logging through it.

    Every line has timestamp, level, logger, event, and within a call request_id and correlation_id.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        render: list[Processor] = [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=_as_json),
        ]
    else:
        render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[_add_logger_name, *shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=_NamedLoggerFactory(),
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


class _NamedLogger(structlog.PrintLogger):
    """Writes to standard output, and knows its name."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stdout)
        self.name = name


class _NamedLoggerFactory:
    def __call__(self, *arguments: object) -> _NamedLogger:
        return _NamedLogger(str(arguments[0]) if arguments else "qmcp")


def _add_logger_name(logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _as_json(event: EventDict, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()
