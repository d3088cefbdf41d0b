"""Projects, epics, tasks and their logs as messages."""

from typing import Any

from qmcp.tasks.v1 import agent_pb2, board_pb2, epic_pb2, project_pb2, task_pb2, tasks_service_pb2

from servicekit.errors import invalid_field
from servicekit.json_values import fill_struct
from servicekit.timestamps import fields_of, to_timestamp
from services.tasks.board.transitions import BOARD_WORDS, status_of
from services.tasks.models import (
    DEFAULT_LEASE_SECONDS,
    Attempt,
    BoardEvent,
    BoardPage,
    ClaimRequest,
    Deleted,
    EndedWork,
    Epic,
    Evidence,
    HeldLease,
    LeaseRequest,
    Location,
    LogEntry,
    NewWork,
    Project,
    Task,
    TaskFilter,
)


def project_to(project: Project) -> project_pb2.Project:
    return project_pb2.Project(
        id=project.id,
        owner=project.owner,
        name=project.name,
        description=project.description,
        status=project.status,
        members=project.members,
        groups=project.groups,
        epic_count=project.epics,
        task_count=project.tasks,
        completed_task_count=project.completed,
        created_at=to_timestamp(project.created_at),
        updated_at=to_timestamp(project.updated_at),
        etag=str(project.version),
    )


def epic_to(epic: Epic) -> epic_pb2.Epic:
    return epic_pb2.Epic(
        id=epic.id,
        project_id=epic.project_id,
        name=epic.name,
        description=epic.description,
        status=epic.status,
        priority=epic.priority,
        task_count=epic.tasks,
        completed_task_count=epic.completed,
        created_by=epic.created_by,
        created_at=to_timestamp(epic.created_at),
        updated_at=to_timestamp(epic.updated_at),
        etag=str(epic.version),
    )


def task_to(task: Task) -> task_pb2.Task:
    return _with_documents(task_pb2.Task(**_values(task)), task)


def _values(task: Task) -> dict[str, Any]:
    """The fields that have something: to set one to nothing takes longer than to leave it out, and most have none."""
    values = {
        "id": task.id,
        "project_id": task.project_id,
        "epic_id": task.epic_id,
        "name": task.name,
        "description": task.description,
        "status": task.status,
        "board_status": BOARD_WORDS[task.status],
        "priority": task.priority,
        "ra_mode": task.ra_mode,
        "ra_score": task.ra_score,
        "ra_tags": task.ra_tags,
        "tags": task.tags,
        "prompt_snapshot": task.prompt_snapshot,
        "parallel_group": task.parallel_group,
        "parallel_eligible": task.parallel_eligible,
        "client_session_id": task.client_session_id,
        "dependencies": task.dependencies,
        "open_dependencies": task.open_dependencies,
        "log_sequence": task.log_sequence,
        "created_by": task.created_by,
        "created_at": fields_of(task.created_at),
        "updated_at": fields_of(task.updated_at),
        "completed_at": fields_of(task.completed_at) if task.completed_at else None,
        "etag": str(task.version),
        "lease": _lease(task),
        "attempts": task.attempts,
        "failed_attempts": task.failed_attempts,
        "max_attempts": task.max_attempts,
        "resources": task.resources,
        "required_evidence": task.required_evidence,
        "evidence": [task_pb2.Evidence(**each) for each in task.evidence],
    }
    return {name: value for name, value in values.items() if value}


def _with_documents(message: task_pb2.Task, task: Task) -> task_pb2.Task:
    fill_struct(message.ra_metadata, task.ra_metadata)
    fill_struct(message.metadata, task.metadata)
    return message


def _lease(task: Task) -> dict[str, Any] | None:
    if not task.leased or task.lease_acquired_at is None or task.lease_expires_at is None:
        return None
    return {
        "holder": task.lease_holder,
        "agent_id": task.lease_agent,
        "fencing_token": task.fencing_token,
        "acquired_at": fields_of(task.lease_acquired_at),
        "expires_at": fields_of(task.lease_expires_at),
    }


# Their ids are UUIDs, which may be written in capitals.
MADE_BY_SERVICES = ("invocation", "document_run")


def evidence_from(request: tasks_service_pb2.TransitionTaskRequest) -> list[Evidence]:
    """What the caller shows; ids of what services have made as they have them."""
    return [
        Evidence(each.kind, each.id.lower() if each.kind in MADE_BY_SERVICES else each.id, each.digest)
        for each in request.evidence
    ]


def claimed_to(tasks: list[Task]) -> tasks_service_pb2.ClaimTaskResponse:
    response = tasks_service_pb2.ClaimTaskResponse()
    for task in tasks:
        # In its place: a message that is put into another is copied.
        _with_documents(response.tasks.add(**_values(task)), task)
    return response


def attempt_to(attempt: Attempt) -> task_pb2.Attempt:
    return task_pb2.Attempt(
        task_id=attempt.task_id,
        number=attempt.number,
        holder=attempt.holder,
        agent_id=attempt.agent_id,
        fencing_token=attempt.fencing_token,
        started_at=to_timestamp(attempt.started_at),
        ended_at=to_timestamp(attempt.ended_at),
        outcome=attempt.outcome,
        reason=attempt.reason,
        parked_seconds=attempt.parked_seconds,
    )


def work_from(request: tasks_service_pb2.BeginWorkRequest) -> NewWork:
    return NewWork(
        request.task_id,
        request.fencing_token,
        request.holder,
        request.kind,
        request.work_id,
        request.subject,
        request.max_seconds,
    )


def ended_from(request: tasks_service_pb2.EndWorkRequest) -> EndedWork:
    return EndedWork(
        request.task_id, request.fencing_token, request.kind, request.work_id, request.outcome, request.digest
    )


def claim_from(request: tasks_service_pb2.ClaimTaskRequest) -> ClaimRequest:
    lease = LeaseRequest(request.agent_id, request.lease_seconds or DEFAULT_LEASE_SECONDS)
    return ClaimRequest(request.project_id, request.tag, request.count or 1, request.wait_seconds, lease)


def lease_from(request: tasks_service_pb2.AcquireTaskRequest) -> LeaseRequest:
    seconds = request.lease_seconds or request.duration_seconds or DEFAULT_LEASE_SECONDS
    return LeaseRequest(request.agent_id, seconds)


def held_from(request: tasks_service_pb2.ReleaseTaskRequest) -> HeldLease:
    """The lease that is given back; without a token, that of an agent.

    Raises:
        ServiceError: INVALID_REQUEST where neither is said.
    """
    if not (request.fencing_token or request.agent_id):
        raise invalid_field("fencing_token", "must be that of the lease, or `agent_id` must say whose it is")
    return HeldLease(request.fencing_token, request.agent_id)


def entry_to(entry: LogEntry) -> task_pb2.TaskLogEntry:
    message = task_pb2.TaskLogEntry(
        task_id=entry.task_id,
        sequence=entry.sequence,
        kind=entry.kind,
        principal=entry.principal,
        at=to_timestamp(entry.at),
    )
    fill_struct(message.payload, entry.payload)
    return message


def deleted_to(deleted: Deleted) -> project_pb2.DeletedCounts:
    return project_pb2.DeletedCounts(
        projects=deleted.projects, epics=deleted.epics, tasks=deleted.tasks, leases=deleted.leases
    )


def location_from(request: tasks_service_pb2.CreateTaskRequest) -> Location:
    return Location(request.epic_id, request.epic_name, request.project_id, request.project_name)


def filter_from(request: tasks_service_pb2.ListTasksRequest) -> TaskFilter:
    return TaskFilter(request.project_id, request.epic_id, status_of(request.status), request.tag, request.ready)


def available_from(request: agent_pb2.ListAvailableTasksRequest) -> TaskFilter:
    status = "" if request.status == "ALL" else status_of(request.status)
    return TaskFilter("", "", status, "", ready=False, unleased=not request.include_locked)


def event_to(event: BoardEvent) -> board_pb2.BoardEvent:
    message = board_pb2.BoardEvent(
        sequence=event.sequence,
        at=to_timestamp(event.at),
        kind=event.kind,
        principal=event.principal,
        project_id=event.project_id,
        epic_id=event.epic_id,
        task_id=event.task_id,
        log_sequence=event.log_sequence,
        log_kind=event.log_kind,
        project=project_to(event.project) if event.project else None,
        epic=epic_to(event.epic) if event.epic else None,
        task=task_to(event.task) if event.task else None,
        last=event.last,
    )
    if event.detail:
        fill_struct(message.detail, event.detail)
    return message


def page_to(page: BoardPage, token: str) -> board_pb2.Board:
    return board_pb2.Board(
        sequence=page.sequence,
        project=project_to(page.project),
        epics=map(epic_to, page.epics),
        tasks=map(task_to, page.tasks),
        next_page_token=token,
    )
