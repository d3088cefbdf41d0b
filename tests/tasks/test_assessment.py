"""How hard a task is taken to be where nobody says: by rules, over the wire, and never against what somebody said."""

import pytest

from services.tasks.board.assessment import score
from services.tasks.models import Change
from tests.tasks.service import Replica

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("name", "change", "points"),
    [
        ("rename", Change(), 1),
        ("x", Change({"description": "y" * 200}), 1),
        ("x", Change({"description": "y" * 201}), 2),
        ("x", Change({"description": "y" * 4_001}), 4),
        ("x", Change(merged={"dependencies": ["a"], "resources": ["port:1"]}), 3),
        ("x", Change(merged={"resources": ["a", "b", "c"]}, replaced={"ra_tags": ["#A", "#B", "#C", "#D"]}), 4),
        ("Migrate the schema", Change({"description": "securely, security, in a transaction, scaling"}), 4),
        ("terrace, escalate", Change(), 1),
        (
            "migrate",
            Change(
                {"description": "secure concurrency " * 300},
                merged={"dependencies": ["a"] * 4, "required_evidence": ["url"]},
            ),
            10,
        ),
    ],
)
def test_points_are_counted_by_what_a_task_says_of_itself(name: str, change: Change, points: int) -> None:
    assert score(name, change) == points


@in_one_loop
async def test_a_task_is_assessed_when_it_is_made_and_nobody_says_how_hard_it_is(shared: Replica) -> None:
    place = {"project_name": "assessed", "epic_name": "e"}
    assessed = await shared.call("CreateTask", **place, name="migrate", description="the schema", resources=["port:1"])
    assert assessed["ra_score"] == 4
    [created] = (await shared.call("ListTaskLogEntries", task_id=assessed["id"]))["entries"]
    assert created["payload"]["assessed"] == ["ra_score"]
    # What is there is not assessed anew; what somebody says is so, also that nobody knows.
    again = await shared.call("CreateTask", **place, name="migrate", description="security and concurrency too")
    assert (again["id"], again["ra_score"]) == (assessed["id"], 4)
    said = await shared.call("CreateTask", **place, name="said", description="migrate the schema", ra_score=9)
    unknown = await shared.call("CreateTask", **place, name="unknown", description="migrate the schema", ra_score=0)
    assert (said["ra_score"], unknown["ra_score"]) == (9, 0)
    [entry] = (await shared.call("ListTaskLogEntries", task_id=said["id"]))["entries"]
    assert "assessed" not in entry["payload"]
