"""Boards as documents: imported all or nothing, dry run first, with the place of what is wrong; exported as the same."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tasks.exchange import yaml_text
from tests.tasks.service import RefusedError, Replica

in_one_loop = pytest.mark.asyncio(loop_scope="module")

# As the original's users write them.
ORIGINALS = """
projects:
  - name: "Shop"
    description: Sells things
    epics:
      - name: Cart
        description: ""
        status: in_progress
        tasks:
          - name: Sum up
            description: |
              Net prices.
              Then taxes.
            status: completed
          - name: Show the sum
            description: On every page
            status: TODO
          - {name: Empty it, status: pending}
standalone_tasks:
  - name: Write the licence
    description: One page
"""
WORDS = st.sampled_from(
    ["no", "null", "1e3", "007", "- a", "a: b", "#x", ".inf", "a\n\n b\n", " x ", "\ta", "\u2028", "", "+1"]
)
TEXTS = WORDS | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example({"a": "x\n  y\n\n", "b": ["1.5", 1.5, 1e300, "\x85", "\ufeff"]})
def test_what_is_written_as_yaml_is_read_as_the_same(value: Any) -> None:
    assert yaml_text.read(yaml_text.write(value)).plain() == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x [1]\nb: *x", "anchor or an alias.* at line 1"),
        ("b: *x", "anchor or an alias.* at line 1"),
        ("a: 1\nb: !!python/object:os.system {}", "tag.* at line 2"),
        ("a: 1\n\na: 2", "'a' twice.* at line 3"),
        ("a: 1\n---\nb: 2", "second document at line 2"),
        ("a: [1", "is no YAML: .* at line 2"),
        ("a: \x01", "a character that YAML does not take"),
        ("? [a]\n: b", "a name that is no text at line 1"),
        ("a: .nan", "no number that JSON has"),
        (f"a: 1{'0' * 500}", "hundreds of digits"),
        ("[" * 60, "nested deeper than 40 levels at line 1"),
        ("- 1\n" * 100_001, "more than 100,000 values at line 100000"),
    ],
)
def test_yaml_that_stands_for_something_else_or_costs_too_much_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(yaml_text.YamlError, match=told):
        yaml_text.read(text)


async def imported(replica: Replica, yaml: str, **fields: Any) -> list[tuple[str, str, str]]:
    answer = await replica.call("ImportProjects", yaml=yaml, **fields)
    actions = [each["action"] for each in answer["items"]]
    assert [answer[each] for each in ("created", "updated", "unchanged", "left")] == [
        actions.count(each) for each in ("created", "updated", "unchanged", "left")
    ]
    return [(each["place"], each["action"], each["note"]) for each in answer["items"]]


async def exported(replica: Replica, *names: str) -> str:
    ids = [each["id"] for name in names for each in (await replica.call("ListProjects", name=name))["projects"]]
    return str((await replica.call("ExportProjects", project_ids=ids))["yaml"])


@in_one_loop
async def test_the_originals_documents_are_imported_and_again_they_change_nothing(shared: Replica) -> None:
    said = await imported(shared, ORIGINALS, dry_run=True)
    assert {action for _, action, _ in said} == {"created"}
    assert (await shared.call("ListProjects", name="Shop"))["projects"] == []
    assert await imported(shared, ORIGINALS) == said
    [project] = (await shared.call("ListProjects", name="Shop"))["projects"]
    assert (project["epic_count"], project["task_count"], project["completed_task_count"]) == (1, 3, 1)
    [epic] = (await shared.call("ListEpics", project_id=project["id"]))["epics"]
    assert epic["status"] == "in_progress"
    tasks = {each["name"]: each for each in (await shared.call("ListTasks", project_id=project["id"]))["tasks"]}
    assert tasks["Sum up"]["description"] == "Net prices.\nThen taxes.\n"
    assert "completed_at" in tasks["Sum up"]
    [alone] = (await shared.call("ListProjects", name="Standalone"))["projects"]
    assert alone["task_count"] == 1
    # What has been done since stays done; what is leased stays as it is, with its lease.
    shown = await shared.call("AcquireTask", id=tasks["Show the sum"]["id"], agent_id="ada")
    said = await imported(shared, ORIGINALS.replace("On every page", "Everywhere"))
    assert [each for each in said if each[1] != "unchanged"] == [
        (
            "projects[0].epics[0].tasks[1]",
            "left",
            "is in_progress and stays so: a status says only how a new task begins; local is at it, by the token 1",
        )
    ]
    after = await shared.call("GetTask", id=shown["id"])
    assert (after["description"], after["lease"]["fencing_token"], after["etag"]) == ("On every page", 1, shown["etag"])


@in_one_loop
async def test_what_is_exported_is_imported_as_the_same(shared: Replica) -> None:
    first = await shared.task(
        "trip", "first", priority=3, metadata={"when": "2026-01-01", "n": [1, 1.5, None]}, tags=["no"]
    )
    second = await shared.task(
        "trip", "second", dependencies=[first], resources=["path:src/**"], ra_mode="ra-full", parallel_eligible=False
    )
    await shared.call(
        "CreateTask", project_name="trip", epic_name="other", name="third", dependencies=[second], max_attempts=2,
        description="a\n  b: c\n", prompt_snapshot="|\n", ra_score=7, ra_tags=["#SUGGEST_DEFENSIVE: x"],
        required_evidence=["approval", "invocation:echo"],
    )  # fmt: skip
    for status in ("in_progress", "completed"):
        await shared.transition(first, status)
    [trip] = (await shared.call("ListProjects", name="trip"))["projects"]
    await shared.call("UpdateProject", id=trip["id"], members=["bob"], description="1")
    text = await exported(shared, "trip")
    assert {each[1] for each in await imported(shared, text)} == {"unchanged"}
    # In another place it makes the same, and says the same again.
    elsewhere = text.replace("name: trip", "name: back")
    assert {each[1] for each in await imported(shared, elsewhere)} == {"created"}
    assert await exported(shared, "back") == elsewhere
    made = await shared.call(
        "ListTasks", project_id=(await shared.call("ListProjects", name="back"))["projects"][0]["id"]
    )
    by_name = {each["name"]: each for each in made["tasks"]}
    assert by_name["third"]["open_dependencies"] == [by_name["second"]["id"]]
    assert (by_name["second"]["open_dependencies"], by_name["first"]["status"]) == ([], "completed")
    # One epic by itself, whose task waits for one of another.
    part = (await shared.call("ExportProjects", epic_id=by_name["third"]["epic_id"]))["yaml"]
    assert {each[1] for each in await imported(shared, part)} == {"unchanged"}
    assert "second" in part
    assert "first" not in part
    with pytest.raises(RefusedError, match="EPIC_NOT_FOUND"):
        await shared.call("ExportProjects", epic_id=first)


TASKS = "projects: [{name: wrong, epics: [{name: e, tasks: [\n%s]}]}]"


@in_one_loop
@pytest.mark.parametrize(
    ("yaml", "reason", "told"),
    [
        ("- 1", "INVALID_REQUEST", "yaml must be a mapping"),
        ("projects:\n- nmae: x", "INVALID_REQUEST", r"projects\[0\].nmae is no field of BoardProject; name is one; line 2"),
        ("projects:\n- name: 7", "INVALID_REQUEST", r"projects\[0\].name must be a string.*; line 2"),
        (TASKS % "{name: a, status: doing}", "INVALID_REQUEST", r"projects\[0\].epics\[0\].tasks\[0\].status .*; line 2"),
        (TASKS % "{name: a},\n{name: a}", "INVALID_REQUEST", r"tasks\[1\].name has 'a' a second time.*; line 3"),
        (TASKS % "{name: a, resources: ['port:x']}", "INVALID_REQUEST", r"tasks\[0\] \(line 2\): .*no port"),
        (TASKS % "{name: a},\n{name: b, dependencies: [c]}", "DEPENDENCY_NOT_FOUND", r"tasks\[1\] \(line 3\): 'e / c'"),
        (TASKS % "{name: a, dependencies: [b]},\n{name: b, dependencies: [a]}", "DEPENDENCY_CYCLE", r"tasks\[\d\] \(line"),
        (TASKS % "{name: a, dependencies: [a]}", "DEPENDENCY_CYCLE", r"tasks\[0\] \(line 2\)"),
        (TASKS % "{name: a},\n{name: b, status: DONE, dependencies: [a]}", "DEPENDENCIES_OPEN", r"tasks\[1\] \(line 3\)"),
        (TASKS % ",\n".join(f"{{name: t{n}}}" for n in range(5_000)), "INVALID_REQUEST", "more than 5,000"),
    ],
)  # fmt: skip
async def test_a_document_that_is_wrong_changes_nothing_and_is_told_where(
    shared: Replica, yaml: str, reason: str, told: str
) -> None:
    with pytest.raises(RefusedError, match=told) as refused:
        await shared.call("ImportProjects", yaml=yaml)
    assert refused.value.refusal.reason == reason
    assert (await shared.call("ListProjects", name="wrong"))["projects"] == []


def test_the_line_of_what_is_wrong_is_that_of_the_deepest_that_there_is() -> None:
    root = yaml_text.read("a:\n- b: 1\n  c: 2\n")
    assert [root.line_of(path) for path in ("", "a[0].c", "a[0].none", "a[7]", "a.b.c")] == [1, 3, 2, 2, 2]
    assert math.isfinite(root.plain()["a"][0]["b"])
