"""The calls that the original's clients make, in its words."""

from typing import Any

from grpc.aio import ServicerContext
from qmcp.tasks.v1 import agent_pb2, original_knowledge_pb2, original_pb2

from servicekit.idempotency import Once
from servicekit.request_context import current_context
from services.tasks.board.transitions import status_of
from services.tasks.messages import original as original_messages
from services.tasks.original.details import DEFAULT_ENTRIES
from services.tasks.original.models import TaskDetails
from services.tasks.original.original import Original

Context = ServicerContext[Any, Any]


class OriginalCalls:
    """See protos/qmcp/tasks/v1/original.proto."""

    _original: Original

    async def GetBoardHealth(
        self, request: original_pb2.GetBoardHealthRequest, context: Context
    ) -> original_pb2.BoardHealth:
        operations = self._original.operations
        return original_messages.health_to(operations.watchers, healthy=await operations.healthy())

    async def GetBoardMetrics(
        self, request: original_pb2.GetBoardMetricsRequest, context: Context
    ) -> original_pb2.BoardMetrics:
        counts, operation = await self._original.operations.metrics(current_context.get().viewer)
        return original_messages.metrics_to(counts, operation)

    async def GetBoardState(
        self, request: original_pb2.GetBoardStateRequest, context: Context
    ) -> original_pb2.BoardState:
        return original_messages.state_to(await self._original.states.state(current_context.get().viewer))

    async def SetTaskStatus(
        self, request: original_pb2.SetTaskStatusRequest, context: Context
    ) -> original_pb2.SetTaskStatusResponse:
        viewer, status = current_context.get().viewer, status_of(request.status)
        once = Once(request, original_messages.status_set_to)
        return await self._original.locks.set_status(request.id, status, request.agent_id, viewer, once)

    async def UnlockTask(
        self, request: original_pb2.UnlockTaskRequest, context: Context
    ) -> original_pb2.UnlockTaskResponse:
        viewer, once = current_context.get().viewer, Once(request, original_messages.unlocked_to)
        return await self._original.locks.release(request.id, request.agent_id, "released", "", viewer, once)

    async def GetTaskDetails(self, request: agent_pb2.GetTaskDetailsRequest, context: Context) -> agent_pb2.TaskDetails:
        return original_messages.details_to(await self._details(request.id, request))

    async def ReadTaskDetails(
        self, request: original_pb2.ReadTaskDetailsRequest, context: Context
    ) -> original_pb2.ReadTaskDetailsResponse:
        return original_messages.read_to(await self._details(request.task_id, request))

    async def _details(
        self, task_id: str, request: agent_pb2.GetTaskDetailsRequest | original_pb2.ReadTaskDetailsRequest
    ) -> TaskDetails:
        viewer, limit = current_context.get().viewer, request.log_limit or DEFAULT_ENTRIES
        return await self._original.details.of(task_id, limit, request.before_seq or None, viewer)

    async def GetInstructions(
        self, request: agent_pb2.GetInstructionsRequest, context: Context
    ) -> agent_pb2.Instructions:
        guide = await self._original.instructions.guide(
            request.format or "concise",
            request.project_id,
            request.epic_id,
            current_context.get().viewer,
            with_knowledge=request.include_knowledge_context != "false",
        )
        return original_messages.guide_to(guide)

    async def CleanUpOrphanedTasks(
        self, request: original_knowledge_pb2.CleanUpOrphanedTasksRequest, context: Context
    ) -> original_knowledge_pb2.CleanUpOrphanedTasksResponse:
        return original_messages.cleaned_to(await self._original.cleaning.run(current_context.get().viewer))
