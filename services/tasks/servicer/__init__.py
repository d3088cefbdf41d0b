"""The gRPC edge of the tasks service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator
from typing import Any

from grpc.aio import ServicerContext
from qmcp.tasks.v1 import (
    agent_pb2,
    board_document_pb2,
    board_pb2,
    epic_pb2,
    project_pb2,
    task_pb2,
    tasks_service_pb2_grpc,
)
from qmcp.tasks.v1 import tasks_service_pb2 as pb

from servicekit.idempotency import Once
from servicekit.json_values import document
from servicekit.large import beside
from servicekit.request_context import current_context
from servicekit.timestamps import to_timestamp
from services.tasks.assumptions.assumptions import Assumptions
from services.tasks.board.board import Board
from services.tasks.board.transitions import status_of
from services.tasks.exchange.exchange import Exchange
from services.tasks.knowledge.knowledge import Knowledge
from services.tasks.messages import board as messages
from services.tasks.messages import exchange as documents
from services.tasks.messages.changes import change_from
from services.tasks.models import NewEntry, TaskRemark, TransitionRequest
from services.tasks.original.original import Original
from services.tasks.planning.planning import Planning
from services.tasks.servicer.assumptions import AssumptionCalls
from services.tasks.servicer.knowledge import KnowledgeCalls
from services.tasks.servicer.original import OriginalCalls
from services.tasks.servicer.planning import PlanningCalls
from services.tasks.watching.follower import BoardFollower

Context = ServicerContext[Any, Any]
# Of a CreateTask: what says where it shall be, and how it begins.
LOCATED_BY = ("name", "epic_id", "epic_name", "project_id", "project_name", "status")
# Of an UpdateTask: what is no change of what the task is.
SAID_BESIDES = ("status", "log_entry")


class TasksServicer(
    KnowledgeCalls, AssumptionCalls, PlanningCalls, OriginalCalls, tasks_service_pb2_grpc.TasksServiceServicer
):
    """See protos/qmcp/tasks/v1/tasks_service.proto, where every method is documented."""

    def __init__(
        self,
        board: Board,
        exchange: Exchange,
        knowledge: Knowledge,
        assumptions: Assumptions,
        planning: Planning,
        original: Original,
        follower: BoardFollower[board_pb2.BoardEvent],
    ) -> None:
        self._projects = board.projects
        self._epics = board.epics
        self._tasks = board.tasks
        self._log = board.log
        self._leases = board.leases
        self._claiming = board.claiming
        self._importing = exchange.importing
        self._exporting = exchange.exporting
        self._knowledge = knowledge
        self._assumptions = assumptions
        self._planning = planning
        self._original = original
        self._snapshots = follower.snapshots
        self._follower = follower

    async def CreateProject(self, request: project_pb2.CreateProjectRequest, context: Context) -> project_pb2.Project:
        viewer, once = current_context.get().viewer, Once(request, messages.project_to)
        return await self._projects.create(request.name, change_from(request), viewer, once)

    async def GetProject(self, request: project_pb2.GetProjectRequest, context: Context) -> project_pb2.Project:
        return messages.project_to(await self._projects.get(request.id, current_context.get().viewer))

    async def ListProjects(
        self, request: project_pb2.ListProjectsRequest, context: Context
    ) -> project_pb2.ListProjectsResponse:
        viewer = current_context.get().viewer
        page, token = await self._projects.page(
            request.status, request.name, viewer, request.page_size, request.page_token
        )
        return project_pb2.ListProjectsResponse(projects=map(messages.project_to, page), next_page_token=token)

    async def UpdateProject(self, request: project_pb2.UpdateProjectRequest, context: Context) -> project_pb2.Project:
        viewer, once = current_context.get().viewer, Once(request, messages.project_to)
        return await self._projects.update(request.id, change_from(request), viewer, once)

    async def DeleteProject(
        self, request: project_pb2.DeleteProjectRequest, context: Context
    ) -> project_pb2.DeletedCounts:
        return messages.deleted_to(await self._projects.delete(request.id, current_context.get().viewer))

    async def CreateEpic(self, request: epic_pb2.CreateEpicRequest, context: Context) -> epic_pb2.Epic:
        viewer, once = current_context.get().viewer, Once(request, messages.epic_to)
        return await self._epics.create(request.project_id, request.name, change_from(request), viewer, once)

    async def GetEpic(self, request: epic_pb2.GetEpicRequest, context: Context) -> epic_pb2.Epic:
        return messages.epic_to(await self._epics.get(request.id, current_context.get().viewer))

    async def ListEpics(self, request: epic_pb2.ListEpicsRequest, context: Context) -> epic_pb2.ListEpicsResponse:
        viewer, status = current_context.get().viewer, status_of(request.status)
        page, token = await self._epics.page(request.project_id, status, viewer, request.page_size, request.page_token)
        return epic_pb2.ListEpicsResponse(epics=map(messages.epic_to, page), next_page_token=token)

    async def UpdateEpic(self, request: epic_pb2.UpdateEpicRequest, context: Context) -> epic_pb2.Epic:
        viewer, once = current_context.get().viewer, Once(request, messages.epic_to)
        return await self._epics.update(request.id, change_from(request), viewer, once)

    async def DeleteEpic(self, request: epic_pb2.DeleteEpicRequest, context: Context) -> project_pb2.DeletedCounts:
        return messages.deleted_to(await self._epics.delete(request.id, current_context.get().viewer))

    async def CreateTask(self, request: pb.CreateTaskRequest, context: Context) -> task_pb2.Task:
        viewer, once = current_context.get().viewer, Once(request, messages.task_to)
        change, status = change_from(request, LOCATED_BY), status_of(request.status) or "pending"
        return await self._tasks.create(request.name, messages.location_from(request), status, change, viewer, once)

    async def GetTask(self, request: pb.GetTaskRequest, context: Context) -> task_pb2.Task:
        return messages.task_to(await self._tasks.get(request.id, current_context.get().viewer))

    async def ListTasks(self, request: pb.ListTasksRequest, context: Context) -> pb.ListTasksResponse:
        viewer, wanted = current_context.get().viewer, messages.filter_from(request)
        page, token = await self._tasks.page(wanted, viewer, request.page_size or request.limit, request.page_token)
        return pb.ListTasksResponse(tasks=map(messages.task_to, page), next_page_token=token)

    async def ListAvailableTasks(
        self, request: agent_pb2.ListAvailableTasksRequest, context: Context
    ) -> agent_pb2.ListAvailableTasksResponse:
        viewer, wanted = current_context.get().viewer, messages.available_from(request)
        page, token = await self._tasks.page(wanted, viewer, request.page_size, request.page_token)
        return agent_pb2.ListAvailableTasksResponse(tasks=map(messages.task_to, page), next_page_token=token)

    async def UpdateTask(self, request: pb.UpdateTaskRequest, context: Context) -> task_pb2.Task:
        viewer, once = current_context.get().viewer, Once(request, messages.task_to)
        remark = TaskRemark(status_of(request.status), request.log_entry)
        return await self._tasks.update(request.id, change_from(request, SAID_BESIDES), remark, viewer, once)

    async def TransitionTask(self, request: pb.TransitionTaskRequest, context: Context) -> task_pb2.Task:
        viewer, once = current_context.get().viewer, Once(request, messages.task_to)
        wanted = TransitionRequest(
            status_of(request.status),
            request.note,
            request.agent_id,
            request.fencing_token,
            request.etag,
            messages.evidence_from(request),
        )
        return await self._tasks.transition(request.id, wanted, viewer, once)

    async def DeleteTask(self, request: pb.DeleteTaskRequest, context: Context) -> project_pb2.DeletedCounts:
        return messages.deleted_to(
            await self._tasks.delete(request.id, request.fencing_token, current_context.get().viewer)
        )

    async def CreateTaskLogEntry(
        self, request: pb.CreateTaskLogEntryRequest, context: Context
    ) -> task_pb2.TaskLogEntry:
        viewer, once = current_context.get().viewer, Once(request, messages.entry_to)
        entry = NewEntry(request.task_id, request.kind, document(request.payload, "payload"))
        return await self._log.append(entry, request.fencing_token, viewer, once)

    async def ListTaskLogEntries(
        self, request: pb.ListTaskLogEntriesRequest, context: Context
    ) -> pb.ListTaskLogEntriesResponse:
        viewer = current_context.get().viewer
        page, token = await self._log.page(request.task_id, viewer, request.page_size, request.page_token)
        return pb.ListTaskLogEntriesResponse(entries=map(messages.entry_to, page), next_page_token=token)

    async def AcquireTask(self, request: pb.AcquireTaskRequest, context: Context) -> task_pb2.Task:
        viewer, once = current_context.get().viewer, Once(request, messages.task_to)
        return await self._leases.acquire(request.id, messages.lease_from(request), viewer, once)

    async def RenewTask(self, request: pb.RenewTaskRequest, context: Context) -> task_pb2.Task:
        viewer, seconds = current_context.get().viewer, request.lease_seconds or None
        return messages.task_to(await self._leases.renew(request.id, request.fencing_token, seconds, viewer))

    async def ReleaseTask(self, request: pb.ReleaseTaskRequest, context: Context) -> task_pb2.Task:
        viewer, once = current_context.get().viewer, Once(request, messages.task_to)
        held, outcome = messages.held_from(request), request.outcome or "released"
        if held.fencing_token:
            return await self._leases.release(request.id, held, outcome, request.reason, viewer, once)
        return await self._original.locks.release(request.id, held.agent_id, outcome, request.reason, viewer, once)

    async def ClaimTask(self, request: pb.ClaimTaskRequest, context: Context) -> pb.ClaimTaskResponse:
        viewer, once = current_context.get().viewer, Once(request, messages.claimed_to)
        return await self._claiming.claim(messages.claim_from(request), viewer, once)

    async def ListAttempts(self, request: pb.ListAttemptsRequest, context: Context) -> pb.ListAttemptsResponse:
        viewer = current_context.get().viewer
        page, token = await self._leases.attempts(request.task_id, viewer, request.page_size, request.page_token)
        return pb.ListAttemptsResponse(attempts=map(messages.attempt_to, page), next_page_token=token)

    async def ImportProjects(
        self, request: board_document_pb2.ImportProjectsRequest, context: Context
    ) -> board_document_pb2.ImportedProjects:
        viewer, once = current_context.get().viewer, Once(request, documents.imported_to, documents.imported_size)
        plan = await beside(len(request.yaml), documents.plan_from, request.yaml)
        return await self._importing.run(plan, viewer, once, dry_run=request.dry_run)

    async def ExportProjects(
        self, request: board_document_pb2.ExportProjectsRequest, context: Context
    ) -> board_document_pb2.ExportedProjects:
        viewer = current_context.get().viewer
        return documents.exported_to(await self._exporting.run(request.project_ids, request.epic_id, viewer))

    async def BeginWork(self, request: pb.BeginWorkRequest, context: Context) -> pb.BeginWorkResponse:
        until = await self._leases.begin_work(messages.work_from(request))
        return pb.BeginWorkResponse(lease_expires_at=to_timestamp(until))

    async def EndWork(self, request: pb.EndWorkRequest, context: Context) -> pb.EndWorkResponse:
        await self._leases.end_work(messages.ended_from(request))
        return pb.EndWorkResponse()

    async def GetBoard(self, request: board_pb2.GetBoardRequest, context: Context) -> board_pb2.Board:
        viewer = current_context.get().viewer
        page, token = await self._snapshots.page(request.project_id, viewer, request.page_size, request.page_token)
        return messages.page_to(page, token)

    async def WatchBoard(
        self, request: board_pb2.WatchBoardRequest, context: Context
    ) -> AsyncIterator[board_pb2.BoardEvent]:
        after = request.after_sequence if request.HasField("after_sequence") else None
        async for event in self._follower.watch(request.project_id, current_context.get().viewer, after):
            yield event
