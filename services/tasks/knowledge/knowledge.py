"""The knowledge base: items made, changed by versions, looked for, deleted; and what is said of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from servicekit import pagination
from servicekit.errors import invalid_field
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import entered, number_of, uuid_of
from services.tasks.board.changes import MAX_ITEMS
from services.tasks.board.projects import visible
from services.tasks.board.store import epics, projects, tasks
from services.tasks.board.tasks import require_small
from services.tasks.knowledge import store
from services.tasks.knowledge.models import (
    KnowledgeChange,
    KnowledgeFilter,
    KnowledgeItem,
    KnowledgeLogEntry,
    KnowledgeRemark,
)

# A project, an epic and a task, as far as something is about one.
About = tuple[UUID | None, UUID | None, UUID | None]


class Knowledge:
    """Reads and changes the knowledge base. What is global everybody reads, and its owner changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def upsert(self, change: KnowledgeChange, viewer: Viewer, once: Once[KnowledgeItem, Answer]) -> Answer:
        """Makes an item, or the next version of one; what changes nothing makes none.

        Raises:
            ServiceError: KNOWLEDGE_NOT_FOUND, PROJECT_NOT_FOUND, EPIC_NOT_FOUND, TASK_NOT_FOUND, PERMISSION_DENIED,
                ETAG_MISMATCH, INVALID_REQUEST.
        """
        require_small("metadata", change.values.get("metadata", {}))

        async def upsert(connection: Connection) -> KnowledgeItem:
            if change.knowledge_id:
                item = await _entered_item(connection, change.knowledge_id, viewer)
                _require_about(item, change)
            else:
                item = await _made(connection, change, viewer)
            return await _write(connection, item, change, viewer)

        return await once.run(self._database, upsert)

    async def get(self, knowledge_id: str, version: int, viewer: Viewer) -> KnowledgeItem:
        """One item, in a version; 0: as it is."""
        async with self._database.connection() as connection:
            item = await _shown(connection, knowledge_id, viewer)
            if version in (0, item.version):
                return item
            earlier = await store.version_of(connection, UUID(item.id), version)
        if earlier is None:
            raise errors.knowledge_not_found(knowledge_id)
        document, at = earlier
        parent_id = document["parent_id"] or ""
        return replace(item, **{**document, "parent_id": parent_id}, version=version, updated_at=at)

    async def page(
        self, wanted: KnowledgeFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[KnowledgeItem], str]:
        """A page, newest first, and the token of the next."""
        fields, filters = _filters(wanted)
        asked = pagination.page_request(
            page_size, page_token, fields, lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, filters, viewer, asked.after, asked.limit)
        return asked.page(found, lambda item: (item.created_at.isoformat(), item.id))

    async def counted_page(
        self, wanted: KnowledgeFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[KnowledgeItem], str, int]:
        """The same with how many there are on all pages.

        Raises:
            ServiceError: PROJECT_NOT_FOUND.
        """
        async with self._database.connection() as connection:
            if wanted.project_id:
                await visible(connection, wanted.project_id, viewer)
            total = await store.count(connection, _filters(wanted)[1], viewer)
        return *await self.page(wanted, viewer, page_size, page_token), total

    async def delete(self, knowledge_id: str, viewer: Viewer) -> None:
        """Deletes one.

        Raises:
            ServiceError: KNOWLEDGE_NOT_FOUND, PERMISSION_DENIED.
        """
        async with self._database.transaction() as connection:
            item = await _entered_item(connection, knowledge_id, viewer)
            await store.delete(connection, UUID(item.id))

    async def append(self, remark: KnowledgeRemark, viewer: Viewer, once: Once[KnowledgeLogEntry, Answer]) -> Answer:
        """Writes into the log of an item, which whoever sees it may.

        Raises:
            ServiceError: KNOWLEDGE_NOT_FOUND, INVALID_REQUEST.
        """
        require_small("metadata", remark.metadata)

        async def append(connection: Connection) -> KnowledgeLogEntry:
            item = await _shown(connection, remark.knowledge_id, viewer)
            if item.project_id:
                await entered(connection, UUID(item.project_id), viewer)
            written = await store.append(connection, remark, viewer.name)
            if written is None:
                # Deleted since it was looked at.
                raise errors.knowledge_not_found(remark.knowledge_id)
            return written

        return await once.run(self._database, append)

    async def log(
        self, knowledge_id: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[KnowledgeLogEntry], str]:
        """A page of an item's log, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (knowledge_id,), number_of)
        async with self._database.connection() as connection:
            item = await _shown(connection, knowledge_id, viewer)
            found = await store.log_before(connection, UUID(item.id), asked.after, asked.limit)
        return asked.page(found, lambda entry: (str(entry.sequence),))


def _filters(wanted: KnowledgeFilter) -> tuple[tuple[object, ...], list[object]]:
    """The filter as the caller has it, and as the store wants it."""
    ids = (wanted.project_id, wanted.epic_id, wanted.task_id)
    others = (wanted.knowledge_id, wanted.parent_id)
    fields = (*ids, wanted.scope, wanted.category, wanted.tag, *others, wanted.include_inactive, wanted.query)
    filters: list[object] = [*fields]
    for place in (0, 1, 2, 6, 7):
        filters[place] = uuid_of(str(fields[place])) if fields[place] else None
    return fields, filters


async def _shown(connection: Connection, knowledge_id: str, viewer: Viewer) -> KnowledgeItem:
    """An item that the viewer sees.

    Raises:
        ServiceError: KNOWLEDGE_NOT_FOUND.
    """
    item = await store.get(connection, uuid_of(knowledge_id))
    if item is not None and item.project_id:
        project = await projects.get(connection, UUID(item.project_id))
        if project is None or not viewer.sees(project.audience):
            item = None
    if item is None:
        raise errors.knowledge_not_found(knowledge_id)
    return item


async def _entered_item(connection: Connection, knowledge_id: str, viewer: Viewer) -> KnowledgeItem:
    """An item that the viewer is about to change, locked.

    Raises:
        ServiceError: KNOWLEDGE_NOT_FOUND, PERMISSION_DENIED.
    """
    item = await _shown(connection, knowledge_id, viewer)
    if not item.project_id:
        viewer.require_own(item.owner)
    elif await entered(connection, UUID(item.project_id), viewer) is None:
        raise errors.knowledge_not_found(knowledge_id)
    locked = await store.get(connection, UUID(item.id), lock=True)
    if locked is None:
        raise errors.knowledge_not_found(knowledge_id)
    return locked


async def _made(connection: Connection, change: KnowledgeChange, viewer: Viewer) -> KnowledgeItem:
    for name in ("title", "content"):
        if not change.values.get(name):
            raise invalid_field(name, "is what an item of knowledge is made of")
    about = await _about(connection, change, viewer)
    made = await store.insert(connection, viewer.name, change.created_by, about)
    item = await store.get(connection, made)
    assert item is not None, "what it is about is not deleted before the transaction ends"
    return item


async def _about(connection: Connection, change: KnowledgeChange, viewer: Viewer) -> About:
    """What an item shall be about, in a project that is entered."""
    task = await tasks.get(connection, uuid_of(change.task_id)) if change.task_id else None
    if change.task_id and task is None:
        raise errors.task_not_found(change.task_id)
    epic_id = task.epic_id if task else change.epic_id
    epic_project = await epics.project_of(connection, uuid_of(epic_id)) if epic_id else None
    if epic_id and epic_project is None:
        raise errors.epic_not_found(epic_id)
    project_id = str(epic_project) if epic_project else change.project_id
    if not project_id:
        return None, None, None
    if await entered(connection, uuid_of(project_id), viewer) is None:
        raise _not_found(change)
    for name, said, found in (("epic_id", change.epic_id, epic_id), ("project_id", change.project_id, project_id)):
        if said and uuid_of(said) != uuid_of(found):
            raise invalid_field(name, f"is not that of the {'task' if change.task_id else 'epic'}")
    return UUID(project_id), UUID(epic_id) if epic_id else None, UUID(task.id) if task else None


def _not_found(change: KnowledgeChange) -> Exception:
    """That what was named is not there, by its own name."""
    if change.task_id:
        return errors.task_not_found(change.task_id)
    return errors.epic_not_found(change.epic_id) if change.epic_id else errors.project_not_found(change.project_id)


def _require_about(item: KnowledgeItem, change: KnowledgeChange) -> None:
    for name in ("project_id", "epic_id", "task_id"):
        said = getattr(change, name)
        if said and uuid_of(said) != uuid_of(getattr(item, name)):
            raise invalid_field(name, "is another than what the item is about, which stays")


async def _write(connection: Connection, item: KnowledgeItem, change: KnowledgeChange, viewer: Viewer) -> KnowledgeItem:
    if change.etag and change.etag != str(item.version):
        raise errors.etag_mismatch("The item of knowledge")
    wanted = dict(change.values)
    if change.merges_tags and "tags" in wanted:
        wanted["tags"] = list(dict.fromkeys([*item.tags, *wanted["tags"]]))
        if len(wanted["tags"]) > MAX_ITEMS:
            raise invalid_field("tags", f"would be more than {MAX_ITEMS}")
    values = {name: value for name, value in wanted.items() if _plain(getattr(item, name)) != value}
    if item.version and not values:
        return item
    if not values.get("title", "x"):
        raise invalid_field("title", "must not be empty")
    if "parent_id" in values:
        values["parent_id"] = await _parent(connection, item, change.values["parent_id"], viewer)
    entry: Mapping[str, Any] = {
        "action": "updated" if item.version else "created",
        "reason": change.reason,
        "principal": viewer.name,
        "created_by": change.created_by,
    }
    await store.write(connection, UUID(item.id), values, item.version + 1, entry)
    written = await store.get(connection, UUID(item.id))
    assert written is not None, "the row is locked"
    return written


async def _parent(connection: Connection, item: KnowledgeItem, parent_id: str, viewer: Viewer) -> UUID | None:
    if not parent_id:
        return None
    parent = await _shown(connection, parent_id, viewer)
    if parent.id == item.id:
        raise invalid_field("parent_id", "is the item itself")
    return UUID(parent.id)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
