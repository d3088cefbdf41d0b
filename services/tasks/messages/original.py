"""What the original's clients ask for, as messages in its words."""

from datetime import UTC, datetime

import orjson
from google.protobuf.json_format import MessageToDict
from qmcp.tasks.v1 import agent_pb2, original_knowledge_pb2, original_pb2

from servicekit.timestamps import to_timestamp
from services.tasks.board.transitions import BOARD_WORDS
from services.tasks.messages.board import entry_to, epic_to, project_to, task_to
from services.tasks.messages.knowledge import item_to
from services.tasks.models import Deleted, Task
from services.tasks.original.models import Counts, Guide, Operation, State, TaskDetails


def health_to(watchers: int, *, healthy: bool) -> original_pb2.BoardHealth:
    return original_pb2.BoardHealth(
        status="healthy" if healthy else "degraded",
        database_connected=healthy,
        active_websocket_connections=watchers,
        timestamp=_text(datetime.now(UTC)),
    )


def metrics_to(counts: Counts, operation: Operation) -> original_pb2.BoardMetrics:
    watching = operation.watching
    told_ms = 1000 * watching.told_seconds / watching.told if watching.told else 0.0
    return original_pb2.BoardMetrics(
        connections=original_pb2.BoardConnections(
            active=watching.active,
            total_opened=watching.opened,
            healthy=watching.active,
            max_capacity=operation.max_watchers,
            total_broadcasts=watching.told,
            avg_connection_age_seconds=watching.average_age_seconds,
        ),
        tasks=original_pb2.BoardTaskCounts(
            total=counts.total,
            locked=counts.locked,
            completed_today=counts.completed_today,
            available=counts.available,
        ),
        performance=original_pb2.BoardPerformance(
            avg_query_time_ms=operation.query_ms,
            avg_broadcast_time_ms=told_ms,
            avg_broadcast_per_connection_ms=told_ms / max(watching.active, 1),
        ),
        locks=original_pb2.BoardLocks(
            active=counts.locked,
            expired=counts.expired,
            acquired_today=counts.acquired_today,
            cleaned_today=counts.cleaned_today,
            conflicts=watching.conflicts,
            utilization_percent=100 * counts.locked / counts.total if counts.total else 0.0,
        ),
        system=original_pb2.BoardProcess(
            memory_usage_mb=operation.memory_mb,
            cpu_usage_percent=operation.cpu_percent,
            last_lock_cleanup=_text(watching.swept_at) if watching.swept_at else "",
            uptime_seconds=operation.uptime_seconds,
        ),
    )


def state_to(state: State) -> original_pb2.BoardState:
    return original_pb2.BoardState(
        tasks=[_item(task, state) for task in state.tasks],
        epics=map(epic_to, state.epics),
        projects=map(project_to, state.projects),
        truncated=state.truncated,
    )


def _item(task: Task, state: State) -> original_pb2.BoardStateTask:
    return original_pb2.BoardStateTask(
        id=task.id,
        name=task.name,
        description=task.description,
        status=BOARD_WORDS[task.status],
        epic_id=task.epic_id,
        epic_name=state.epic_names.get(task.epic_id, ""),
        project_id=task.project_id,
        project_name=state.project_names.get(task.project_id, ""),
        lock_holder=(task.lease_agent or task.lease_holder) if task.leased else "",
        lock_expires_at=to_timestamp(task.lease_expires_at) if task.leased else None,
        ra_mode=task.ra_mode,
        ra_score=task.ra_score,
        ra_tags=task.ra_tags,
        dependencies=task.dependencies,
        created_at=to_timestamp(task.created_at),
        updated_at=to_timestamp(task.updated_at),
    )


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def status_set_to(task: Task) -> original_pb2.SetTaskStatusResponse:
    return original_pb2.SetTaskStatusResponse(success=True, status=BOARD_WORDS[task.status])


def unlocked_to(_task: Task) -> original_pb2.UnlockTaskResponse:
    return original_pb2.UnlockTaskResponse(success=True)


def details_to(details: TaskDetails) -> agent_pb2.TaskDetails:
    return agent_pb2.TaskDetails(
        task=task_to(details.task),
        project_name=details.project_name,
        epic_name=details.epic_name,
        entries=map(entry_to, details.entries),
        next_before_seq=details.next_before,
    )


def read_to(details: TaskDetails) -> original_pb2.ReadTaskDetailsResponse:
    told = MessageToDict(
        details_to(details), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    result = {"success": True, "message": f"The task {details.task.name}", **told}
    return original_pb2.ReadTaskDetailsResponse(result=orjson.dumps(result).decode())


def guide_to(guide: Guide) -> agent_pb2.Instructions:
    return agent_pb2.Instructions(
        format=guide.form,
        instructions=guide.text,
        knowledge=map(item_to, guide.knowledge),
        truncated=guide.truncated,
    )


def cleaned_to(deleted: Deleted) -> original_knowledge_pb2.CleanUpOrphanedTasksResponse:
    return original_knowledge_pb2.CleanUpOrphanedTasksResponse(
        success=True, deleted_tasks=deleted.tasks, deleted_epics=deleted.epics, deleted_leases=deleted.leases
    )
