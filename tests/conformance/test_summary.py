"""What the suite says in the end is read as it means it."""

from tests.conformance.__main__ import outcomes

SAID = """
✓ ping: 2 passed, 0 failed
✗ tools-list: 1 passed, 1 failed
✓ tasks-mrtr-input: 3 passed, 1 failed
✓ server-session-lifecycle: 0 passed, 0 failed
"""


def test_a_scenario_fails_with_one_of_its_checks_and_passes_where_one_was_made() -> None:
    assert outcomes(SAID) == ({"ping"}, {"tools-list", "tasks-mrtr-input"})
