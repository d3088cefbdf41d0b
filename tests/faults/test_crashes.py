"""What was acknowledged outlives kill -9, short form; `python -m tests.faults` is the long one."""

from pathlib import Path

import pytest

from tests.faults.crashes import IN_FLIGHT, crash

pytestmark = pytest.mark.fault


async def test_nothing_acknowledged_is_lost_or_doubled_when_service_and_postgres_are_killed(tmp_path: Path) -> None:
    report = await crash(tmp_path, ["service", "postgres"] * 3)
    found = report.findings
    assert not found.violations, report.text()
    assert (found.lost, found.doubled, found.open, found.faults) == (0, 0, 0, []), report.text()
    assert found.receipts == found.recorded, report.text()
    assert found.unacknowledged <= 6 * IN_FLIGHT, report.text()
    print(report.text())


async def test_the_same_harness_catches_a_database_that_acknowledges_too_early(tmp_path: Path) -> None:
    report = await crash(tmp_path, ["postgres"] * 2, synchronous_commit="off")
    assert report.findings.lost > 0, report.text()
    print(report.text())
