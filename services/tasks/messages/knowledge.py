"""The knowledge base as messages."""

from typing import Any

from qmcp.tasks.v1 import knowledge_pb2 as pb

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
