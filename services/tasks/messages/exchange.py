"""Documents: YAML as what a document asks for, and what became of it as messages."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from qmcp.tasks.v1 import board_document_pb2 as pb

from servicekit.errors import ServiceError, Violation, invalid_argument, invalid_field
from servicekit.http_json.reading import read
from servicekit.interceptors.validation import require_valid
from services.tasks.board.transitions import status_of
from services.tasks.exchange import yaml_text
from services.tasks.exchange.exporting import MAX_ITEMS
from services.tasks.exchange.models import (
    Exported,
    Imported,
    ImportedItem,
    Place,
    PlannedEpic,
    PlannedProject,
    PlannedTask,
)
from services.tasks.messages.changes import change_from
from services.tasks.models import Change

# Of a message of what became of an item.
ITEM_BYTES = 200
# Where tasks of no project belong.
STANDALONE = "Standalone"


def plan_from(yaml: str) -> list[PlannedProject]:
    """What a YAML text asks for.

    Raises:
        ServiceError: INVALID_REQUEST, with the place and the line.
    """
    try:
        root = yaml_text.read(yaml)
    except yaml_text.YamlError as error:
        raise invalid_field("yaml", str(error)) from None
    document = root.plain()
    if not isinstance(document, dict):
        raise invalid_field("yaml", "must be a mapping, with `projects` or `standalone_tasks`")
    for task in _tasks_in(document):
        _spell_out(task)
    try:
        board = cast("pb.BoardDocument", read(json.dumps(document).encode(), pb.BoardDocument(), "*"))
        require_valid(board)
    except ServiceError as error:
        raise _with_lines(error, root) from None
    plan = [_project(each, f"projects[{number}]", root) for number, each in enumerate(board.projects)]
    if board.standalone_tasks:
        plan.append(_standalone(board, root))
    _require_once(plan)
    if sum(1 + len(project.epics) + sum(len(epic.tasks) for epic in project.epics) for project in plan) > MAX_ITEMS:
        raise invalid_field("yaml", f"has more than {MAX_ITEMS:,} projects, epics and tasks; import it in parts")
    return plan


def imported_to(imported: Imported) -> pb.ImportedProjects:
    counted = dict.fromkeys(("created", "updated", "unchanged", "left"), 0)
    for item in imported.items:
        counted[item.action] += 1
    return pb.ImportedProjects(dry_run=imported.dry_run, items=map(_item_to, imported.items), **counted)


def imported_size(imported: Imported) -> int:
    return len(imported.items) * ITEM_BYTES


def exported_to(exported: Exported) -> pb.ExportedProjects:
    return pb.ExportedProjects(
        yaml=exported.yaml, projects=exported.projects, epics=exported.epics, tasks=exported.tasks
    )


def _item_to(item: ImportedItem) -> pb.ImportedItem:
    return pb.ImportedItem(
        place=item.place,
        kind=item.kind,
        name=item.name,
        id=item.id,
        action=item.action,
        fields=item.fields,
        note=item.note,
    )


def _tasks_in(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever stands where a task does; of any other form it is refused later."""
    lists = [document.get("standalone_tasks")]
    for project in _mappings(document.get("projects")):
        lists += [epic.get("tasks") for epic in _mappings(project.get("epics"))]
    for each in lists:
        yield from _mappings(each)


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _spell_out(task: dict[str, Any]) -> None:
    """A text for a dependency is the name of a task in the same epic."""
    if isinstance(task.get("dependencies"), list):
        task["dependencies"] = [{"name": each} if isinstance(each, str) else each for each in task["dependencies"]]


def _with_lines(error: ServiceError, root: yaml_text.Node) -> ServiceError:
    violations = [
        Violation(each.field or "yaml", f"{each.description}; line {root.line_of(each.field)}")
        for each in error.violations
    ]
    first = violations[0]
    return invalid_argument("INVALID_REQUEST", f"{first.field} {first.description}.", violations)


def _project(project: pb.BoardProject, path: str, root: yaml_text.Node) -> PlannedProject:
    epics = [_epic(each, f"{path}.epics[{number}]", root) for number, each in enumerate(project.epics)]
    _require_once(epics)
    return PlannedProject(_place(path, root), project.name, change_from(project), epics)


def _epic(epic: pb.BoardEpic, path: str, root: yaml_text.Node) -> PlannedEpic:
    tasks = [_task(each, f"{path}.tasks[{number}]", root) for number, each in enumerate(epic.tasks)]
    _require_once(tasks)
    return PlannedEpic(_place(path, root), epic.name, change_from(epic), tasks)


def _task(task: pb.BoardTask, path: str, root: yaml_text.Node) -> PlannedTask:
    change = change_from(task, ("name", "status", "dependencies"))
    waits = [(each.epic, each.name) for each in task.dependencies]
    return PlannedTask(_place(path, root), task.name, status_of(task.status), change, waits)


def _standalone(board: pb.BoardDocument, root: yaml_text.Node) -> PlannedProject:
    path = "standalone_tasks"
    tasks = [_task(each, f"{path}[{number}]", root) for number, each in enumerate(board.standalone_tasks)]
    _require_once(tasks)
    place = _place(path, root)
    return PlannedProject(place, STANDALONE, Change(), [PlannedEpic(place, STANDALONE, Change(), tasks)])


def _place(path: str, root: yaml_text.Node) -> Place:
    return Place(path, root.line_of(path))


def _require_once(planned: Sequence[PlannedProject | PlannedEpic | PlannedTask]) -> None:
    seen: dict[str, Place] = {}
    for each in planned:
        other = seen.setdefault(each.name, each.place)
        if other is not each.place:
            what = f"has {each.name!r} a second time, after {other}; line {each.place.line}"
            raise invalid_field(f"{each.place.path}.name", what)
