"""What agents are told of how to work with tasks: by the rules as they are, with what the knowledge base has."""

from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.pagination import fitting_into
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import uuid_of
from services.tasks.board.store import epics, projects
from services.tasks.board.transitions import BOARD_WORDS, TRANSITIONS
from services.tasks.knowledge import store as knowledge
from services.tasks.knowledge.models import KnowledgeItem
from services.tasks.models import DEFAULT_LEASE_SECONDS
from services.tasks.original.models import Guide

MAX_ITEMS = 20
MAX_BYTES = 256 * 1024
CONCISE = f"""\
1. `claim_task` gives you the best task that is ready, or `acquire_task_lock` one that you choose from
   `get_available_tasks`. Keep the `fencing_token` of its `lease`: whatever you write about the task carries it.
2. `get_task_details` says what is to be done and what happened before. `get_knowledge` has what others have learned.
3. Work. The lease lasts {DEFAULT_LEASE_SECONDS} seconds unless you asked for another time; each write under it, and
   `renew_task_lock`, lets it last anew. `create_task_log_entry` says how far you are.
4. Tag what you assume with `add_ra_tag`.
5. `update_task_status` with `DONE` ends it, with `REVIEW` hands it on. `release_task_lock` gives it back.

Refused as TASK_LEASED, somebody else is at it: take another. As LEASE_LOST, your lease is over: stop, nothing was
written.
"""
TABLE = "\n".join(
    f"- `{BOARD_WORDS[status]}` can become {', '.join(f'`{BOARD_WORDS[each]}`' for each in ways)}."
    for status, ways in TRANSITIONS.items()
)
FULL = f"""\
{CONCISE}
## Statuses

{TABLE}

`IN_PROGRESS` takes a lease; any other status ends it. A task is ready when it is `TODO` and all of its `dependencies`
are `DONE`.

## What is refused, and what to do

- DEPENDENCIES_OPEN: work on what it waits for first.
- RESOURCES_HELD: another task holds what this one needs (`resources`). Take another, or come back.
- EVIDENCE_MISSING: the task demands to be shown that it is done (`required_evidence`). Run the tool or ask the human
  under its lease, and show its id as `evidence` of `update_task_status`.
- TRANSITION_NOT_ALLOWED: the table above has no such way.

## What you assume

`add_ra_tag` writes down what you assumed, suggested or decided, as `#COMPLETION_DRIVE_IMPL: prices are net`. Whoever
looks at it later says by `capture_assumption_validation` whether it has held. What is true beyond the task belongs into
the knowledge base: `upsert_knowledge`.
"""


class Instructions:
    """Answers GetInstructions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def guide(self, form: str, project_id: str, epic_id: str, viewer: Viewer, *, with_knowledge: bool) -> Guide:
        """How to work, with what is known of a project or an epic, and what is global.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, EPIC_NOT_FOUND.
        """
        found: list[KnowledgeItem] = []
        async with self._database.connection() as connection:
            about = await _about(connection, project_id, epic_id, viewer)
            if with_knowledge:
                found = await knowledge.most_important(connection, about, viewer, MAX_ITEMS + 1)
        shown = found[:MAX_ITEMS]
        shown = shown[: fitting_into(MAX_BYTES, [len(each.content.encode()) for each in shown])]
        return Guide(form, FULL if form == "full" else CONCISE, shown, len(shown) < len(found))


async def _about(
    connection: Connection, project_id: str, epic_id: str, viewer: Viewer
) -> tuple[UUID | None, UUID | None]:
    """The project and the epic that are asked for, as far as they are, seen by the viewer."""
    if not (project_id or epic_id):
        return None, None
    of_epic = await epics.project_of(connection, uuid_of(epic_id)) if epic_id else None
    if epic_id and (of_epic is None or (project_id and uuid_of(project_id) != of_epic)):
        raise errors.epic_not_found(epic_id)
    project = await projects.get(connection, of_epic or uuid_of(project_id))
    if project is None or not viewer.sees(project.audience):
        raise errors.epic_not_found(epic_id) if epic_id else errors.project_not_found(project_id)
    return UUID(project.id), uuid_of(epic_id) if epic_id else None
