"""Logs: whatever is logged, a line is one JSON object, and a line is never an error."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from servicekit.logs import _as_json

anything = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text()
    | some.binary()
    | some.uuids()
    | some.dates(),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5) | some.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(some.dictionaries(some.text(max_size=8), anything, max_size=4))
def test_any_event_becomes_one_line_with_one_object(event: dict[str, Any]) -> None:
    line = _as_json(event)
    assert "\n" not in line
    assert "\r" not in line
    assert isinstance(json.loads(line), dict)
    assert len(json.loads(line)) == len(dict.fromkeys(event))


PROGRAM = """
import sys, structlog, logging
from servicekit import logs
logs.configure("INFO", sys.argv[1])
logger = structlog.get_logger("x")
logger.info("one", file="\\udcff.txt", large=2**70, keys={(1, 2): 3})
password = "confidential"
try:
    raise ValueError("\\ud800")
except ValueError:
    logger.exception("two")
    logging.getLogger("library").exception("three \\udc00")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_utf8_cannot_hold_is_written_all_the_same_and_values_of_variables_are_not(form: str) -> None:
    command = [sys.executable, "-c", PROGRAM, form]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    assert "confidential" not in done.stdout.replace("password = ", "")
    if form == "json":
        assert {json.loads(line)["event"][:3] for line in done.stdout.splitlines()} == {"one", "two", "thr"}
