# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with the knowledge base, and with what was assumed of tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from qmcp.client.calling.conversion import to_object
from qmcp.client.calling.sync import Calls
from qmcp.client.tasks.models import (
    AssumptionInsights,
    AssumptionValidation,
    KnowledgeItem,
    KnowledgeLogEntry,
    Task,
)
from qmcp.tasks.v1 import assumption_pb2, knowledge_pb2


class Knowledge(Calls):
    """The calls about what agents have learned and assumed."""

    def upsert_knowledge(
        self,
        title: str | None = None,
        content: str | None = None,
        *,
        knowledge_id: str = "",
        category: str | None = None,
        tags: Sequence[str] | None = None,
        parent_id: str | None = None,
        project_id: str = "",
        epic_id: str = "",
        task_id: str = "",
        priority: int | None = None,
        is_active: bool | None = None,
        created_by: str = "",
        metadata: Mapping[str, Any] | None = None,
        change_reason: str = "",
        etag: str = "",
        idempotency_key: str | None = None,
    ) -> KnowledgeItem:
        """Makes an item of the knowledge base, or the next version of one; what is given replaces what it has."""
        request = knowledge_pb2.UpsertKnowledgeRequest(
            title=title,
            content=content,
            knowledge_id=knowledge_id,
            category=category,
            tags=tags,
            tags_mode="" if tags is None else "replace",
            parent_id=parent_id,
            project_id=project_id,
            epic_id=epic_id,
            task_id=task_id,
            priority=priority,
            is_active=is_active,
            created_by=created_by,
            metadata=to_object(metadata),
            change_reason=change_reason,
            etag=etag,
            idempotency_key=idempotency_key,
        )
        return self._call(request, KnowledgeItem)

    def get_knowledge_item(self, knowledge_id: str, *, version: int = 0) -> KnowledgeItem:
        """One item of the knowledge base, as it is or as it was in a version."""
        return self._call(knowledge_pb2.GetKnowledgeItemRequest(id=knowledge_id, version=version), KnowledgeItem)

    def list_knowledge_items(
        self,
        query: str = "",
        *,
        project_id: str = "",
        epic_id: str = "",
        task_id: str = "",
        scope: str = "",
        category: str = "",
        tag: str = "",
        parent_id: str = "",
        include_inactive: bool = False,
        limit: int | None = 50,
    ) -> list[KnowledgeItem]:
        """The newest items for which all filters hold, with a query those with its words; `limit` None means all."""
        request = knowledge_pb2.ListKnowledgeItemsRequest(
            query=query,
            project_id=project_id,
            epic_id=epic_id,
            task_id=task_id,
            scope=scope,
            category=category,
            tag=tag,
            parent_id=parent_id,
            include_inactive=include_inactive,
        )
        return self._list(request, KnowledgeItem, limit=limit)

    def delete_knowledge_item(self, knowledge_id: str) -> None:
        """Deletes an item of the knowledge base."""
        self._send(knowledge_pb2.DeleteKnowledgeItemRequest(id=knowledge_id))

    def append_knowledge_log(
        self,
        knowledge_id: str,
        action_type: str,
        change_reason: str = "",
        *,
        created_by: str = "",
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> KnowledgeLogEntry:
        """Writes into the log of an item of the knowledge base."""
        request = knowledge_pb2.AppendKnowledgeLogRequest(
            knowledge_id=knowledge_id,
            action_type=action_type,
            change_reason=change_reason,
            created_by=created_by,
            metadata=to_object(metadata),
            idempotency_key=idempotency_key,
        )
        return self._call(request, KnowledgeLogEntry)

    def list_knowledge_log(self, knowledge_id: str, *, limit: int | None = 50) -> list[KnowledgeLogEntry]:
        """What happened to an item and what was said of it, newest first; `limit` None means all there is."""
        request = knowledge_pb2.ListKnowledgeLogEntriesRequest(knowledge_id=knowledge_id)
        return self._list(request, KnowledgeLogEntry, limit=limit)

    def add_ra_tag(
        self,
        task_id: str,
        ra_tag_text: str,
        *,
        file_path: str = "",
        line_number: int = 0,
        code_snippet: str = "",
        agent_id: str = "",
        fencing_token: int = 0,
        idempotency_key: str | None = None,
    ) -> Task:
        """Adds a tag, `#COMPLETION_DRIVE_IMPL: …`, to a task, and where it stands to its log."""
        request = assumption_pb2.AddRaTagRequest(
            task_id=task_id,
            ra_tag_text=ra_tag_text,
            file_path=file_path,
            line_number=line_number,
            code_snippet=code_snippet,
            agent_id=agent_id,
            fencing_token=fencing_token,
            idempotency_key=idempotency_key,
        )
        return self._call(request, Task)

    def capture_assumption_validation(
        self,
        task_id: str,
        ra_tag_id: str,
        outcome: str,
        *,
        reason: str = "",
        confidence: int | None = None,
        reviewer_agent_id: str = "",
        idempotency_key: str | None = None,
    ) -> AssumptionValidation:
        """Says whether what a tag of a task assumes is `validated`, `rejected` or `partial`."""
        request = assumption_pb2.CaptureAssumptionValidationRequest(
            task_id=task_id,
            ra_tag_id=ra_tag_id,
            outcome=outcome,
            reason=reason,
            confidence=confidence,
            reviewer_agent_id=reviewer_agent_id,
            idempotency_key=idempotency_key,
        )
        return self._call(request, AssumptionValidation)

    def list_assumption_validations(
        self,
        *,
        project_id: str = "",
        epic_id: str = "",
        task_id: str = "",
        outcome: str = "",
        tag_type: str = "",
        limit: int | None = 50,
    ) -> list[AssumptionValidation]:
        """What was found of assumptions, newest first; `limit` None means all there are."""
        request = assumption_pb2.ListAssumptionValidationsRequest(
            project_id=project_id, epic_id=epic_id, task_id=task_id, outcome=outcome, tag_type=tag_type
        )
        return self._list(request, AssumptionValidation, limit=limit)

    def get_assumption_insights(
        self, *, project_id: str = "", epic_id: str = "", task_id: str = "", outcome: str = "", tag_type: str = ""
    ) -> AssumptionInsights:
        """How well what was assumed has held."""
        request = assumption_pb2.GetAssumptionInsightsRequest(
            project_id=project_id, epic_id=epic_id, task_id=task_id, outcome=outcome, tag_type=tag_type
        )
        return self._call(request, AssumptionInsights)
