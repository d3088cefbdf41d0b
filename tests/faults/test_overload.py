"""Too much at once harms nobody who is served."""

from pathlib import Path

import pytest

from tests.faults.overload import LIMIT, overload

pytestmark = pytest.mark.fault


async def test_calls_past_the_limit_are_refused_with_a_time_to_retry_and_the_others_are_served(tmp_path: Path) -> None:
    ended, recorded, left_open = await overload(tmp_path, 2_000)
    refused = ended["RESOURCE_EXHAUSTED OVERLOADED, retry told"]
    assert ended["success"] >= LIMIT, ended
    assert refused > 0, ended
    assert ended["success"] + refused == 2_000, ended
    assert ended["afterwards"] == LIMIT
    # A refused call leaves no record; one that was served before is found by its idempotency_key, not run again.
    assert ended["success"] <= recorded <= ended["success"] + LIMIT
    assert left_open == 0
