"""Tags of tasks, and what was found of them."""

from collections import Counter
from typing import Any
from uuid import UUID

from servicekit import pagination
from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.assumptions import store
from services.tasks.assumptions.models import (
    Finding,
    Insights,
    NewTag,
    Recent,
    TagDetail,
    Validation,
    ValidationFilter,
)
from services.tasks.assumptions.vocabulary import KINDS, type_of
from services.tasks.board.access import entered_for, found, locked, uuid_of
from services.tasks.board.changes import changed
from services.tasks.board.leases import require_fenced
from services.tasks.board.store import log
from services.tasks.board.store import tasks as tasks_store
from services.tasks.models import Change, Task

# As sure as people are of such an outcome, where nobody says.
CONFIDENCE = {"validated": 90, "rejected": 10, "partial": 75}
EXAMPLES = 10


class Assumptions:
    """Reads and writes what was assumed. Whoever works on the project may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def capture(self, said: Finding, viewer: Viewer, once: Once[Validation, Answer]) -> Answer:
        """Says what was found of a tag.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, RA_TAG_NOT_FOUND.
        """

        async def capture(connection: Connection) -> Validation:
            await entered_for(connection, said.task_id, viewer)
            task = await locked(connection, UUID(said.task_id))
            if said.tag not in task.ra_tags:
                raise errors.ra_tag_not_found(said.tag)
            sure = CONFIDENCE[said.outcome] if said.confidence is None else said.confidence
            validation = await store.write(connection, task, said, type_of(said.tag), sure, viewer.name)
            payload = {"tag": said.tag, "outcome": said.outcome, "confidence": sure, "reason": said.reason}
            await log.append(connection, UUID(task.id), "assumption_validated", viewer.name, payload, renew=False)
            return validation

        return await once.run(self._database, capture)

    async def page(
        self, wanted: ValidationFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Validation], str]:
        """A page, newest first, and the token of the next."""
        fields = (wanted.project_id, wanted.epic_id, wanted.task_id, wanted.outcome, wanted.tag_type)
        asked = pagination.page_request(
            page_size, page_token, fields, lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        async with self._database.connection() as connection:
            listed = await store.list_before(connection, _filters(wanted), viewer, asked.after, asked.limit)
        return asked.page(listed, lambda each: (each.created_at.isoformat(), each.id))

    async def recent(self, wanted: ValidationFilter, viewer: Viewer, limit: int, before_id: str) -> Recent:
        """The newest, or those before one.

        Raises:
            ServiceError: INVALID_REQUEST where there is none of that id.
        """
        filters = _filters(wanted)
        async with self._database.connection() as connection:
            before = await store.place_of(connection, uuid_of(before_id), viewer) if before_id else None
            if before_id and before is None:
                raise invalid_field("before_id", "is no validation that you see; take `next_cursor` as it came")
            found = await store.list_before(connection, filters, viewer, before, limit + 1)
            counted = await store.counts(connection, filters, viewer)
        return Recent(found[:limit], sum(number for _, _, number in counted), len(found) > limit)

    async def tag_details(self, project_id: str, tag_type: str, viewer: Viewer) -> list[TagDetail]:
        """The types of tags, those of the vocabulary first, and how well what has them has held."""
        async with self._database.connection() as connection:
            counted = await store.counts(
                connection, _filters(ValidationFilter(project_id, "", "", "", tag_type)), viewer
            )
        known = {of: (tag, about) for tag, (of, about) in KINDS.items() if tag_type in ("", of)}
        types = dict.fromkeys([*known, *(each for each, _, _ in counted)])
        outcomes: dict[str, Counter[str]] = {each: Counter() for each in types}
        for each, outcome, number in counted:
            outcomes[each][outcome] += number
        return [TagDetail(each, *known.get(each, ("", "")), outcomes[each]) for each in types]

    async def insights(self, wanted: ValidationFilter, viewer: Viewer) -> Insights:
        """How well what was assumed has held."""
        filters = _filters(wanted)
        async with self._database.connection() as connection:
            counted = await store.counts(connection, filters, viewer)
            days = await store.days(connection, filters, viewer)
            recent = await store.list_before(connection, filters, viewer, None, EXAMPLES)
        outcomes: Counter[str] = Counter()
        totals: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for tag_type, outcome, number in counted:
            outcomes[outcome] += number
            totals[tag_type] += number
            held[tag_type] += number if outcome == "validated" else 0
        return Insights(outcomes, {name: (totals[name], held[name]) for name in totals}, days, recent)

    async def add_tag(self, tag: NewTag, viewer: Viewer, once: Once[Task, Answer]) -> Answer:
        """Adds a tag to a task; one that it has changes nothing.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, TASK_LEASED, LEASE_LOST, INVALID_REQUEST.
        """

        async def add_tag(connection: Connection) -> Task:
            await entered_for(connection, tag.task_id, viewer)
            task = await locked(connection, UUID(tag.task_id))
            require_fenced(task, tag.fencing_token, viewer, tag.agent_id)
            values = changed(task, Change(merged={"ra_tags": [tag.text]}))
            if not values:
                return task
            where = {"file_path": tag.file_path, "line_number": tag.line_number, "code_snippet": tag.code_snippet}
            payload: dict[str, Any] = {"tag": tag.text, "tag_type": type_of(tag.text), "agent_id": tag.agent_id}
            payload |= {name: value for name, value in where.items() if value}
            await tasks_store.update(connection, UUID(task.id), values, "ra_tag_added", viewer.name, payload)
            return await found(connection, UUID(task.id))

        return await once.run(self._database, add_tag)


def _filters(wanted: ValidationFilter) -> list[object]:
    ids = (wanted.project_id, wanted.epic_id, wanted.task_id)
    return [*(uuid_of(each) if each else None for each in ids), wanted.outcome, wanted.tag_type]
