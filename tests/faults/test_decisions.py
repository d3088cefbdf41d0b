"""What people were asked and answered outlives kill -9, short form; `python -m tests.faults` is the long one."""

from pathlib import Path

import pytest

from tests.faults.decisions import crash, interleave, race

pytestmark = pytest.mark.fault


async def test_no_answer_and_no_wake_up_is_lost_when_service_and_postgres_are_killed(tmp_path: Path) -> None:
    report = await crash(tmp_path, ["service", "postgres"] * 3)
    print(report.text())
    assert report.findings.sound, report.text()
    # Otherwise nothing was in progress when it was killed, and nothing was proved.
    assert report.findings.repeated > 0, report.text()
    assert report.findings.resumed > 0, report.text()


async def test_the_same_harness_catches_answers_that_are_acknowledged_too_early(tmp_path: Path) -> None:
    report = await crash(tmp_path, ["postgres"] * 2, synchronous_commit="off")
    print(report.text())
    assert report.findings.lost, report.text()


async def test_of_eight_who_race_over_two_replicas_one_decides(tmp_path: Path) -> None:
    report = await race(tmp_path, 150, 8)
    print(report.text())
    assert report.findings.sound, report.text()
    assert report.findings.questions == 150


async def test_nobody_waits_in_vain_while_the_listeners_are_killed(tmp_path: Path) -> None:
    report = await interleave(tmp_path, 400)
    print(report.text())
    assert report.findings.sound, report.text()
    assert report.kills["listeners"] > 0, report.text()
    # The look once a second finds what no notification told of.
    assert report.findings.slowest_wakeup < 10, report.text()
