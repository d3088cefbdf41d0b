"""Logs: one JSON object a line, with the fields that were promised."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, sys
import structlog
from servicekit import logs
from servicekit.request_context import RequestContext, current_context

logs.configure(sys.argv[1], sys.argv[2])
logger = structlog.get_logger("somewhere")

async def main():
    current_context.set(RequestContext({}, None, request_id="aaaaaaaa", correlation_id="bbbbbbbb"))
    logger.debug("hidden")
    logger.info("shown", number=1, text="two\\nlines")
    logging.getLogger("library").warning("from a library")
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("failed")

asyncio.run(main())
"""


def lines(level, form):
    command = [sys.executable, "-c", PROGRAM, level, form]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()


@pytest.mark.promise("Q10", "Q16")
def test_every_line_is_an_object_with_time_level_logger_event_and_the_ids_of_its_call():
    shown, library, failed = sorted(map(json.loads, lines("INFO", "json")), key=lambda line: line["timestamp"])
    assert {"timestamp", "level", "logger", "event"} <= shown.keys() & library.keys() & failed.keys()
    assert (shown["event"], shown["level"], shown["logger"]) == ("shown", "info", "somewhere")
    assert (shown["request_id"], shown["correlation_id"]) == ("aaaaaaaa", "bbbbbbbb")
    assert (library["event"], library["logger"]) == ("from a library", "library")
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"


@pytest.mark.promise("Q08")
def test_debug_shows_everything_and_the_console_form_is_no_json():
    assert any("hidden" in line for line in lines("DEBUG", "console"))
    assert not any(line.startswith("{") for line in lines("INFO", "console"))


def test_a_traceback_shows_no_values():
    failed = next(line for line in lines("INFO", "json") if "ZeroDivisionError" in line)
    assert "locals" not in failed
