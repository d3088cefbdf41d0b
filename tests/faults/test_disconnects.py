"""Callers may leave at any moment, short form; `python -m tests.faults` is the long one."""

from pathlib import Path

import pytest

from tests.faults.disconnects import storm

pytestmark = pytest.mark.fault


async def test_callers_that_leave_during_flushes_leave_nothing_behind(tmp_path: Path) -> None:
    after = await storm(tmp_path, 3_000)
    print(after.text())
    assert after.gone > 1_000, after.text()
    assert set(after.outcomes) <= {"success", "cancelled CALLER_GONE"}, after.text()
    assert (after.open, after.in_flight, after.queued) == (0, 0, 0), after.text()
    # The loops of the service are the same ones; a poll of one of them may come or go.
    assert len(after.tasks_after) <= len(after.tasks_before) + 2, (after.tasks_before, after.tasks_after)
    assert after.memory_after_mb < after.memory_before_mb + 20, after.text()
