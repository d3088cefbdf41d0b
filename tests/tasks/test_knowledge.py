"""The knowledge base over the wire: scopes that follow, versions that stay, words that are found, a log without gaps."""

import asyncio
from typing import Any

import pytest

from tests.tasks.service import RefusedError, Replica

in_one_loop = pytest.mark.asyncio(loop_scope="module")


async def titles(replica: Replica, **wanted: Any) -> list[str]:
    return [each["title"] for each in (await replica.call("ListKnowledgeItems", **wanted))["items"]]


@in_one_loop
async def test_each_change_is_a_version_that_stays_and_stands_in_the_log(shared: Replica) -> None:
    first = await shared.call("UpsertKnowledge", title="GIN", content="Slow.", tags=["db"], created_by="ada")
    assert (first["scope"], first["version"], first["is_active"], first["created_by"]) == ("global", 1, True, "ada")
    second = await shared.call(
        "UpsertKnowledge",
        knowledge_id=first["id"],
        content="Fast.",
        priority=5,
        etag=first["etag"],
        change_reason="measured",
    )
    assert (second["content"], second["title"], second["tags"], second["version"]) == ("Fast.", "GIN", ["db"], 2)
    with pytest.raises(RefusedError, match="ETAG_MISMATCH"):
        await shared.call("UpsertKnowledge", knowledge_id=first["id"], content="Late.", etag=first["etag"])
    # What changes nothing makes no version.
    same = await shared.call("UpsertKnowledge", knowledge_id=first["id"], priority=5)
    assert same["version"] == 2
    merged = await shared.call("UpsertKnowledge", knowledge_id=first["id"], tags=["db", "x"], tags_mode="merge")
    assert merged["tags"] == ["db", "x"]
    earlier = await shared.call("GetKnowledgeItem", id=first["id"], version=1)
    assert {**earlier, "updated_at": ""} == {**first, "updated_at": ""}
    for version in (4, 99):
        with pytest.raises(RefusedError, match="KNOWLEDGE_NOT_FOUND"):
            await shared.call("GetKnowledgeItem", id=first["id"], version=version)
    await asyncio.gather(
        *(
            shared.call("AppendKnowledgeLog", knowledge_id=first["id"], action_type="used", metadata={"n": n})
            for n in range(8)
        ),
        *(shared.call("UpsertKnowledge", knowledge_id=first["id"], content=f"{n}") for n in range(4)),
    )
    entries = (await shared.call("ListKnowledgeLogEntries", knowledge_id=first["id"]))["entries"]
    assert [each["sequence"] for each in entries] == list(range(15, 0, -1))
    [changed] = [each for each in entries if each["sequence"] == 2]
    assert (changed["action_type"], changed["change_reason"], changed["changed_fields"], changed["version"]) == (
        "updated", "measured", ["content", "priority"], 2,
    )  # fmt: skip
    assert (await shared.call("GetKnowledgeItem", id=first["id"]))["version"] == 7
    await shared.call("DeleteKnowledgeItem", id=first["id"])
    with pytest.raises(RefusedError, match="KNOWLEDGE_NOT_FOUND"):
        await shared.call("GetKnowledgeItem", id=first["id"])


@in_one_loop
async def test_what_it_is_about_follows_from_the_task_and_goes_with_it(shared: Replica) -> None:
    task = await shared.call("CreateTask", project_name="knows", epic_name="e", name="t")
    other = await shared.call("CreateTask", project_name="knows not", epic_name="e", name="t")
    project = task["project_id"]
    made = {}
    for name, about in (
        ("everything", {}),
        ("project", {"project_id": project}),
        ("epic", {"epic_id": task["epic_id"]}),
        ("task", {"task_id": task["id"], "project_id": project.upper()}),
    ):
        made[name] = await shared.call("UpsertKnowledge", title=f"about the {name}", content="It waits.", **about)
    assert [each["scope"] for each in made.values()] == ["global", "project", "epic", "task"]
    assert (made["task"]["project_id"], made["task"]["epic_id"]) == (project, task["epic_id"])
    assert await titles(shared, project_id=project) == ["about the task", "about the epic", "about the project"]
    assert await titles(shared, epic_id=task["epic_id"], scope="epic") == ["about the epic"]
    with pytest.raises(RefusedError, match="project_id is not that of the task"):
        await shared.call("UpsertKnowledge", title="x", content="x", task_id=task["id"], project_id=other["project_id"])
    with pytest.raises(RefusedError, match="project_id is another than what the item is about"):
        await shared.call("UpsertKnowledge", knowledge_id=made["task"]["id"], project_id=other["project_id"])
    for missing, given in (("title", {"content": "x"}), ("content", {"title": "x", "content": ""})):
        with pytest.raises(RefusedError, match=f"{missing} is what"):
            await shared.call("UpsertKnowledge", **given)
    # Some belong to others; some hold no more.
    child = await shared.call(
        "UpsertKnowledge",
        title="part",
        content="x",
        project_id=project,
        parent_id=made["project"]["id"],
        category="c",
        is_active=False,
    )
    assert await titles(shared, parent_id=made["project"]["id"]) == []
    assert await titles(shared, parent_id=made["project"]["id"], include_inactive=True, category="c", limit=1) == [
        "part"
    ]
    with pytest.raises(RefusedError, match="parent_id is the item itself"):
        await shared.call("UpsertKnowledge", knowledge_id=child["id"], parent_id=child["id"])
    assert (await shared.call("UpsertKnowledge", knowledge_id=child["id"], parent_id=""))["parent_id"] == ""
    assert (await shared.call("GetKnowledgeItem", id=child["id"], version=1))["parent_id"] == made["project"]["id"]
    # What it is about takes it along.
    await shared.call("DeleteTask", id=task["id"])
    assert await titles(shared, project_id=project) == ["about the epic", "about the project"]
    assert (await shared.call("DeleteProject", id=project))["tasks"] == 0
    with pytest.raises(RefusedError, match="KNOWLEDGE_NOT_FOUND"):
        await shared.call("GetKnowledgeItem", id=made["project"]["id"])


@in_one_loop
async def test_words_are_found_as_people_ask_for_them(shared: Replica) -> None:
    project = (await shared.call("CreateProject", name="words"))["id"]
    for title, content in (
        ("Token refresh", "OAuth tokens are refreshed before they end"),
        ("Index", "A GIN index made the search fast"),
        ("Über", "日本 und O'Reilly: 100% \\ done"),
    ):
        await shared.call("UpsertKnowledge", title=title, content=content, project_id=project)
    for query, found in (
        ("gin", ["Index"]),
        ("OAUTH tokens", ["Token refresh"]),
        ('"gin index"', ["Index"]),
        ('"index gin"', []),
        ("gin or oauth", ["Index", "Token refresh"]),
        ("fast -gin", []),
        ("über", ["Über"]),
        ("'; DROP TABLE -- & | ! <-> :*", []),
        ("o'reilly", ["Über"]),
    ):
        assert await titles(shared, project_id=project, query=query) == found, query
