"""A run of the suite is as listed, or it is told what is not."""

from tests.conformance.__main__ import MIN_SCENARIOS, faults, outcomes

SAID = """
✓ ping: 2 passed, 0 failed
✗ tools-list: 1 passed, 1 failed
✓ server-session-lifecycle: 0 passed, 0 failed
"""


def test_what_fails_unlisted_what_is_listed_and_passes_and_what_did_not_run_are_faults() -> None:
    passed, failed = outcomes(SAID)
    assert (passed, failed) == ({"ping"}, {"tools-list"})
    enough = passed | {f"scenario-{number}" for number in range(MIN_SCENARIOS)}
    assert faults(enough, failed, {"tools-list"}) == []
    assert faults(enough, failed, set()) == ["FAILS: tools-list"]
    assert faults(enough, set(), {"tools-list"}) == ["listed, and does not fail: tools-list"]
    assert len(faults(passed, failed, {"tools-list"})) == len(faults(*outcomes(""), set())) == 1
