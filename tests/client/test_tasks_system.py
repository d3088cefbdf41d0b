"""`qmcp tasks` and the client against the real system."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.client.command import Ended, qmcp
from tests.stack import Stack


@pytest.mark.promise("P03")
def test_a_board_is_imported_worked_on_and_exported_by_the_command(stack: Stack, tmp_path: Path) -> None:
    def run(*words: str, **options: Any) -> Ended:
        return qmcp("tasks", *words, env={**stack.env, "QMCP_URL": stack.edge_url}, **options)

    name = f"cli-{uuid.uuid4()}"
    board = f"projects: [{{name: {name}, epics: [{{name: e, tasks: [{{name: one}}, {{name: two, dependencies: [one]}}]}}]}}]"
    said = run("import", "-", "--dry-run", stdin=board)
    assert (said.code, said.out.count("created")) == (0, 4)
    assert "nothing was done" in said.err
    assert run("board", name).code == 3, "nothing was done"
    assert run("import", "-", "--json", stdin=board).json["created"] == 4
    wrong = run("import", "-", stdin=board.replace("dependencies", "dependecies"))
    assert (wrong.code, wrong.out) == (2, "")
    assert (
        "projects[0].epics[0].tasks[1].dependecies is no field of BoardTask; dependencies is one; line 1" in wrong.err
    )
    # Whoever claims works on with what was printed.
    task, token, called = run("claim", name, "--agent", "ada").out.split()
    assert (token, called) == ("1", "one")
    assert run("claim", name).code == 1, "two waits for one"
    assert run("acquire", task).code == 4
    assert (
        run("log", task, "done:=3", "of:=8", "--kind", "progress", "--token", token).out
        == "It is number 3 in the log.\n"
    )
    assert run("complete", task, "--token", "2").code == 4
    assert "ada" in run("board", name).out
    assert run("renew", task, "--token", token).code == 0
    assert run("complete", task, "--token", token, "--note", "Easy.").out == f"{task} is completed.\n"
    shown = run("show", task, "--log", "--json").json
    assert shown["task"]["board_status"] == "DONE"
    assert [each["kind"] for each in shown["log"]] == ["transitioned", "progress", "leased", "created"]
    assert "transitioned" in run("show", task, "--log").out
    second = run("claim", name, "--json").json[0]
    assert run("release", second["id"], "--token", "1", "--failed").out == f"{second['id']} is pending.\n"
    assert run("move", second["id"], "BACKLOG").code == 0
    third = run("create", "three", "--project", name, "--epic", "e", "--after", task, "--priority", "3").out.split()[0]
    assert [each["id"] for each in run("list", "--project", name, "--ready", "--json").json] == [third]
    assert run("list", "--project", "no such").code == 3
    columns = run("board", name, "--json").json
    assert {status: len(tasks) for status, tasks in columns.items() if tasks} == {
        "backlog": 1,
        "pending": 1,
        "completed": 1,
    }
    assert any(each["name"] == name for each in run("projects", "--json").json)
    assert [each["task_count"] for each in run("epics", "--project", name, "--json").json] == [3]
    # What has happened is told again, each thing once.
    told = run("watch", name, "--after", "0", "--limit", "8", "--timeout", "60", "--json").out.splitlines()
    events = [json.loads(each) for each in told]
    assert [each["sequence"] for each in events] == list(range(1, 9))
    assert {"project.created", "epic.created", "task.created", "task.leased"} <= {each["kind"] for each in events}
    assert "project.created" in run("watch", name, "--after", "0", "--limit", "1", "--timeout", "60").out
    file = tmp_path / "board.yaml"
    assert run("export", name, "-o", str(file)).code == 0
    assert set(run("import", str(file), "--json").json) >= {"unchanged", "items"}
    assert run("import", str(file)).out.split() == ["what", "name", "changed", "note"]
    assert run("delete", third).code == 0
    assert run("show", third).code == 3
