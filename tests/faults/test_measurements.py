"""Acknowledged events outlive kill -9 of the service and of Postgres, are kept once and rolled up once, short form."""

from pathlib import Path

import pytest

from tests.faults.measurements import crash_measuring

pytestmark = pytest.mark.fault


async def test_no_acknowledged_event_is_lost_or_doubled_when_service_and_postgres_are_killed(tmp_path: Path) -> None:
    found = await crash_measuring(tmp_path, ["service", "postgres"] * 2)
    assert found.acknowledged > 0
    assert found.sound, found
    print(found)


async def test_the_harness_sees_what_is_lost_by_acknowledging_too_early_and_what_is_rolled_up_twice(
    tmp_path: Path,
) -> None:
    found = await crash_measuring(tmp_path, ["postgres"] * 2, synchronous_commit="off", forgetful=True)
    assert found.lost > 0, found
    assert len(found.rolled_up_wrong) == 6, found
    print(found)
