"""Planning files: nothing outside of the folder is read or moved, and what is moved goes together or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from servicekit.errors import ServiceError
from services.tasks.planning.files import MAX_BYTES, MAX_ENTRIES, PlanningFolder
from tests.client.command import qmcp
from tests.stack import Stack


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one product, its epic and two tasks, and a task of another."""
    made = tmp_path / "pm"
    for name in ("prds/001-shop.md", "epics/001-cart.md", "tasks/001-sum.md", "tasks/001-tax.md", "tasks/0010-x.md"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(f"# {name}")
    return made


def names(folder: PlanningFolder, *, archived: bool) -> list[str]:
    return [each.name for kind in ("prd", "epic", "task") for each in folder.files(kind, archived=archived)]


def test_links_pipes_and_folders_are_no_planning_files_and_names_lead_nowhere_else(root: Path) -> None:
    folder, tasks, outside = PlanningFolder(str(root)), root / "tasks", root.parent / "secret.md"
    outside.write_text("secret")
    (tasks / "link.md").symlink_to(outside)
    (tasks / "folder.md").mkdir()
    os.mkfifo(tasks / "pipe.md")
    (tasks / ".hidden.md").write_text("x")
    (tasks / "notes.txt").write_text("x")
    assert [each.name for each in folder.files("task", archived=False)] == ["001-sum.md", "001-tax.md", "0010-x.md"]
    for name in ("link.md", "folder.md", "pipe.md", ".hidden.md", "notes.txt", "../../secret.md", "..", "/etc/passwd"):
        with pytest.raises(ServiceError, match="no planning file"):
            folder.read("task", name, archived=False)
        with pytest.raises(ServiceError, match="no planning file"):
            folder.move("task", name, archived=True)
    # A folder that is a link leads out of the operator's; theirs may be one.
    elsewhere = root.parent / "elsewhere"
    (root / "epics").rename(elsewhere)
    (root / "epics").symlink_to(elsewhere)
    assert folder.files("epic", archived=False) == []
    (root / "archive").symlink_to(elsewhere)
    with pytest.raises(ServiceError, match="cannot be used"):
        folder.move("task", "0010-x.md", archived=True)
    assert (tasks / "0010-x.md").exists()
    linked = root.parent / "linked"
    linked.symlink_to(root)
    assert len(PlanningFolder(str(linked)).files("task", archived=False)) == 3
    assert names(PlanningFolder(""), archived=False) == names(PlanningFolder(str(root / "no")), archived=True) == []


def test_what_is_too_large_or_no_text_is_refused_and_told(root: Path) -> None:
    folder = PlanningFolder(str(root))
    (root / "prds" / "large.md").write_bytes(b"x" * (MAX_BYTES + 1))
    (root / "prds" / "bytes.md").write_bytes(b"\xff\xfe")
    (root / "prds" / "whole.md").write_text("ä" * (MAX_BYTES // 2))
    assert folder.read("prd", "whole.md", archived=False).size == MAX_BYTES
    for name, why in (("large.md", "more than"), ("bytes.md", "UTF-8")):
        with pytest.raises(ServiceError, match=why):
            folder.read("prd", name, archived=False)
    for number in range(MAX_ENTRIES):
        (root / "tasks" / f"{number}.md").touch()
    with pytest.raises(ServiceError, match="more than"):
        folder.files("task", archived=False)


def test_what_belongs_together_is_moved_together_or_nothing_is(root: Path) -> None:
    folder = PlanningFolder(str(root))
    there = names(folder, archived=False)
    (root / "archive" / "tasks").mkdir(parents=True)
    (root / "archive" / "tasks" / "001-tax.md").write_text("another")
    with pytest.raises(ServiceError, match=r"001-tax\.md") as refused:
        folder.move("prd", "001-shop.md", archived=True)
    assert refused.value.reason == "PLANNING_FILE_EXISTS"
    assert (names(folder, archived=False), names(folder, archived=True)) == (there, ["001-tax.md"])
    assert (root / "archive" / "tasks" / "001-tax.md").read_text() == "another"
    (root / "archive" / "tasks" / "001-tax.md").unlink()
    # What a process that died left standing twice is made good.
    os.link(root / "tasks" / "001-tax.md", root / "archive" / "tasks" / "001-tax.md")
    moved = folder.move("prd", "001-shop.md", archived=True)
    together = ["001-shop.md", "001-cart.md", "001-sum.md", "001-tax.md"]
    assert [(each.name, each.archived) for each in moved] == [(name, True) for name in together]
    assert names(folder, archived=False) == ["0010-x.md"]
    assert [each.name for each in folder.move("epic", "001-cart.md", archived=False)] == together[1:]
    assert names(folder, archived=True) == ["001-shop.md"]


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


def test_planning_files_are_listed_read_and_archived_on_the_originals_routes_and_at_a_shell(
    stack: Stack, http: httpx.Client
) -> None:
    root = Path(stack.env["QMCP_TASKS_PLANNING_FOLDER"])
    assert http.get("/api/planning/files").json() == {"files": []}
    for name in ("prds/007-till.md", "epics/007-drawer.md"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(f"# {name}\n")
    [first, second] = http.get("/api/planning/files").json()["files"]
    assert (first["file_type"], first["name"], first["content"], first["size_bytes"]) == ("prd", "007-till.md", "", 19)
    assert http.get("/v1/planning/files", params={"file_type": "epic"}).json()["files"] == [second]
    read = http.get("/api/planning/file/prds/007-till.md").json()
    assert (read["content"], read["archived"]) == ("# prds/007-till.md\n", False)
    asked = {"file_type": "prd", "name": "007-till.md"}
    moved = http.post("/api/planning/archive", json=asked).json()
    assert ([each["name"] for each in moved["moved"]], moved["success"]) == (["007-till.md", "007-drawer.md"], True)
    assert http.get("/api/planning/files").json() == {"files": []}
    assert [each["archived"] for each in http.get("/api/planning/archive/files").json()["files"]] == [True, True]
    again = http.post("/api/planning/archive", json=asked)
    assert (again.status_code, "007-till.md" in again.json()["detail"]) == (404, True)
    (root / "prds" / "007-till.md").write_text("another")
    taken = http.post("/api/planning/unarchive", json=asked)
    assert (taken.status_code, "007-till.md" in taken.json()["detail"]) == (409, True)
    (root / "prds" / "007-till.md").unlink()
    for name in ("..%2F..%2Fhome%2Frunning.json", "%2e%2e%2fx.md", "..%5Cx.md", "x.txt", ".x.md"):
        assert http.get(f"/api/planning/file/prds/{name}").status_code in (400, 404), name
    for wrong in ({"name": "../007-till.md"}, {"file_type": "prds"}, {"folder": "x"}):
        refused = http.post("/api/planning/archive", json=asked | wrong)
        assert (refused.status_code, bool(refused.json()["detail"])) == (400, True)

    def run(*words: str) -> str:
        ended = qmcp("tasks", "planning", *words, env={**stack.env, "QMCP_URL": stack.edge_url})
        assert ended.code == 0, ended.err
        return ended.out

    assert "007-drawer.md" in run("list", "--archived")
    assert run("show", "epic", "007-drawer.md", "--archived") == "# epics/007-drawer.md\n"
    assert run("unarchive", "prd", "007-till.md") == "prd 007-till.md\nepic 007-drawer.md\n"
    assert run("archive", "epic", "007-drawer.md") == "epic 007-drawer.md\n"
    assert (root / "archive" / "epics" / "007-drawer.md").exists()
