"""Acknowledged events outlive kill -9 of the service and of Postgres and are kept once, short form."""

from pathlib import Path

import pytest

from tests.faults.measurements import crash_measuring

pytestmark = pytest.mark.fault


async def test_no_acknowledged_event_is_lost_or_doubled_when_service_and_postgres_are_killed(tmp_path: Path) -> None:
    found = await crash_measuring(tmp_path, ["service", "postgres"] * 2)
    assert found.acknowledged > 0
    assert (found.lost, found.doubled, found.torn, found.violations) == (0, 0, 0, []), found
    print(found)


async def test_the_harness_sees_what_a_database_loses_that_acknowledges_too_early(tmp_path: Path) -> None:
    found = await crash_measuring(tmp_path, ["postgres"] * 2, synchronous_commit="off")
    assert found.lost > 0, found
    print(found)
