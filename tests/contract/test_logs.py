"""What every service writes about its calls: lines for machines in production, for people where somebody debugs."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.process import process
from tests.contract.running import Answer
from tests.contract.subject import Subject

FIELDS = {"timestamp", "level", "logger", "event", "request_id", "correlation_id", "method", "code", "duration_ms"}


async def written(subject: Subject, database: str, folder: Path, **variables: str) -> tuple[str, list[Answer]]:
    """The log of a service that was called three times, twice for the same piece of work."""
    name = subject.reading
    async with process(subject, database, folder, QMCP_DRAIN_SECONDS="0", **variables) as (child, running):
        answers = [await running.call(name, metadata={"x-correlation-id": work}) for work in ("one", "two", "one")]
        child.send_signal(signal.SIGTERM)
        await child.wait()
    assert all(isinstance(answer, Answer) for answer in answers)
    return await asyncio.to_thread((folder / "log").read_text), answers  # type: ignore[return-value]


@pytest.mark.promise("Q10", "Q11", "Q16", "Q35", "P19")
async def test_a_log_has_one_json_object_a_line_and_each_call_is_found_by_its_ids(
    subject: Subject, database: str, tmp_path: Path
) -> None:
    log, answers = await written(subject, database, tmp_path)
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)
    completed = [line for line in lines if line["event"] == "request_completed" and subject.reading in line["method"]]
    assert [line["correlation_id"] for line in completed] == ["one", "two", "one"]
    assert [line["request_id"] for line in completed] == [answer.trailers["x-request-id"] for answer in answers]
    assert all(line.keys() >= FIELDS for line in completed)


@pytest.mark.promise("Q08", "Q10")
async def test_whoever_debugs_gets_lines_for_people_and_more_of_them(
    subject: Subject, database: str, tmp_path: Path
) -> None:
    log, answers = await written(subject, database, tmp_path, QMCP_DEBUG="true")
    [line] = [line for line in log.splitlines() if answers[0].trailers["x-request-id"] in line]
    assert "request_completed" in line
    assert not line.startswith("{")


@pytest.mark.promise("Q08")
async def test_no_call_is_written_where_only_errors_are_wanted(subject: Subject, database: str, tmp_path: Path) -> None:
    log, _ = await written(subject, database, tmp_path, QMCP_LOG_LEVEL="ERROR")
    assert "request_completed" not in log
