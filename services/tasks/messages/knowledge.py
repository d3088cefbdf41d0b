"""The knowledge base as messages."""

from typing import Any

from qmcp.tasks.v1 import knowledge_pb2 as pb
from qmcp.tasks.v1 import original_knowledge_pb2 as original

from servicekit.json_values import document, fill_struct
from servicekit.timestamps import to_timestamp
from services.tasks.knowledge.models import (
    KnowledgeChange,
    KnowledgeFilter,
    KnowledgeItem,
    KnowledgeLogEntry,
    KnowledgeRemark,
)

OPTIONAL = ("title", "content", "category", "parent_id", "priority", "is_active")


def item_to(item: KnowledgeItem) -> pb.KnowledgeItem:
    message = pb.KnowledgeItem(
        id=item.id,
        scope=item.scope,
        project_id=item.project_id,
        epic_id=item.epic_id,
        task_id=item.task_id,
        parent_id=item.parent_id,
        title=item.title,
        content=item.content,
        category=item.category,
        tags=item.tags,
        priority=item.priority,
        is_active=item.is_active,
        version=item.version,
        owner=item.owner,
        created_by=item.created_by,
        created_at=to_timestamp(item.created_at),
        updated_at=to_timestamp(item.updated_at),
        etag=str(item.version),
    )
    fill_struct(message.metadata, item.metadata)
    return message


def entry_to(entry: KnowledgeLogEntry) -> pb.KnowledgeLogEntry:
    message = pb.KnowledgeLogEntry(
        knowledge_id=entry.knowledge_id,
        sequence=entry.sequence,
        action_type=entry.action,
        change_reason=entry.reason,
        changed_fields=entry.changed_fields,
        version=entry.version,
        principal=entry.principal,
        created_by=entry.created_by,
        at=to_timestamp(entry.at),
    )
    fill_struct(message.metadata, entry.metadata)
    return message


def change_from(request: pb.UpsertKnowledgeRequest) -> KnowledgeChange:
    values: dict[str, Any] = {name: getattr(request, name) for name in OPTIONAL if request.HasField(name)}
    if request.tags or request.tags_mode == "replace":
        values["tags"] = [*request.tags]
    if request.HasField("metadata"):
        values["metadata"] = document(request.metadata, "metadata")
    return KnowledgeChange(
        request.knowledge_id,
        request.project_id,
        request.epic_id,
        request.task_id,
        values,
        request.created_by,
        request.change_reason,
        request.etag,
        merges_tags=request.tags_mode == "merge",
    )


def put_from(request: original.PutKnowledgeRequest) -> KnowledgeChange:
    """As `change_from`, of what the original's clients send."""
    values: dict[str, Any] = {name: getattr(request, name) for name in OPTIONAL if request.HasField(name)}
    if request.tags:
        values["tags"] = [*request.tags]
    if request.HasField("metadata"):
        values["metadata"] = document(request.metadata, "metadata")
    about = (request.project_id, request.epic_id, request.task_id)
    return KnowledgeChange(request.knowledge_id, *about, values, request.created_by, "", "")


def put_to(request: original.PutKnowledgeRequest, item: KnowledgeItem) -> original.PutKnowledgeResponse:
    operation = "updated" if request.knowledge_id else "created"
    return original.PutKnowledgeResponse(success=True, knowledge_id=item.id, operation=operation, version=item.version)


def scoped_from(request: original.ListScopedKnowledgeRequest) -> KnowledgeFilter:
    of_project = "" if request.scope == "global" else request.project_id
    return KnowledgeFilter(
        of_project, request.epic_id, "", request.scope, "", "", "", "", include_inactive=False, query=""
    )


def scoped_to(
    wanted: KnowledgeFilter, page: list[KnowledgeItem], token: str, total: int
) -> original.ListScopedKnowledgeResponse:
    return original.ListScopedKnowledgeResponse(
        items=map(item_to, page),
        next_page_token=token,
        total_count=total,
        filters_applied=original.KnowledgeFilters(
            scope=wanted.scope, project_id=wanted.project_id, epic_id=wanted.epic_id
        ),
    )


def remark_from(request: pb.AppendKnowledgeLogRequest) -> KnowledgeRemark:
    return KnowledgeRemark(
        request.knowledge_id,
        request.action_type,
        request.change_reason,
        request.created_by,
        document(request.metadata, "metadata"),
    )


def filter_from(request: pb.ListKnowledgeItemsRequest) -> KnowledgeFilter:
    return KnowledgeFilter(
        request.project_id,
        request.epic_id,
        request.task_id,
        request.scope,
        request.category,
        request.tag,
        request.knowledge_id,
        request.parent_id,
        request.include_inactive,
        request.query,
    )
